-- An account exists only once its phone is proven, so both names are unique outright.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_canonical text NOT NULL CONSTRAINT users_email_key UNIQUE,
    phone text NOT NULL CONSTRAINT users_phone_key UNIQUE,
    phone_verified_at timestamptz NOT NULL,
    password_hash text NOT NULL,
    locale text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- The code last sent to one number for one purpose, and the guesses left at it.
-- A new generation takes a new id in the same row; challenges of the old one are dead.
CREATE TABLE verifications (
    phone text NOT NULL,
    purpose text NOT NULL,
    id uuid NOT NULL CONSTRAINT verifications_id_key UNIQUE,
    attempts_left integer NOT NULL CHECK (attempts_left >= 0),
    given_back integer NOT NULL DEFAULT 0,
    channel text NOT NULL,
    provider_id text,
    unsettled_reference uuid,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (phone, purpose)
);
CREATE INDEX verifications_unsettled_idx ON verifications (unsettled_reference) WHERE unsettled_reference IS NOT NULL;
CREATE INDEX verifications_expires_idx ON verifications (expires_at);

-- The subject is what makes two challenges of a purpose the same.
CREATE TABLE challenges (
    id text PRIMARY KEY,
    purpose text NOT NULL,
    subject text NOT NULL,
    verification_id uuid NOT NULL,
    phone text NOT NULL,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    email text,
    email_canonical text,
    password_hash text,
    account_locale text,
    locale text,
    country text,
    account text NOT NULL,
    sends integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT challenges_subject_key UNIQUE (purpose, subject),
    CONSTRAINT challenges_registration_check CHECK (
        (purpose = 'registration') = (user_id IS NULL AND email IS NOT NULL AND email_canonical IS NOT NULL AND password_hash IS NOT NULL)
    )
);
CREATE INDEX challenges_verification_idx ON challenges (verification_id);
CREATE INDEX challenges_user_idx ON challenges (user_id);
CREATE INDEX challenges_email_idx ON challenges (email_canonical, created_at DESC) WHERE purpose = 'registration';
CREATE INDEX challenges_phone_idx ON challenges (phone, created_at DESC) WHERE purpose = 'registration';
CREATE INDEX challenges_expires_idx ON challenges (expires_at);

-- One row a number: whoever changes it may send.
CREATE TABLE send_slots (
    phone text PRIMARY KEY,
    last_sent_at timestamptz,
    last_reference uuid
);

-- One row a message, for the quotas.
CREATE TABLE sends (
    reference uuid PRIMARY KEY,
    challenge_id text NOT NULL,
    phone text NOT NULL,
    account text NOT NULL,
    country text,
    address text,
    purpose text NOT NULL,
    channel text NOT NULL,
    reserved_at timestamptz NOT NULL
);
CREATE INDEX sends_phone_idx ON sends (phone, reserved_at);
CREATE INDEX sends_account_idx ON sends (account, reserved_at);
CREATE INDEX sends_country_idx ON sends (country, reserved_at);
CREATE INDEX sends_address_idx ON sends (address, reserved_at);
CREATE INDEX sends_reserved_idx ON sends (reserved_at);

-- One row an attempt that was not given back and did not succeed.
CREATE TABLE guesses (
    verification_id uuid NOT NULL,
    attempts_left integer NOT NULL,
    account text NOT NULL,
    purpose text NOT NULL,
    guessed_at timestamptz NOT NULL
);
CREATE INDEX guesses_account_idx ON guesses (account, purpose, guessed_at);
CREATE INDEX guesses_verification_idx ON guesses (verification_id, attempts_left);
CREATE INDEX guesses_guessed_idx ON guesses (guessed_at);

CREATE TABLE password_failures (
    account text PRIMARY KEY,
    count integer NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX password_failures_last_idx ON password_failures (last_at);

-- An ended session is no row.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    methods text NOT NULL,
    client_address text,
    user_agent text,
    authenticated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_idx ON sessions (user_id, last_used_at DESC);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

-- A token has one successor at most; spent ones stay to recognise copies.
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    parent bytea CONSTRAINT refresh_tokens_parent_key UNIQUE,
    issued_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);

-- When a quota and its double for the day are free again, given the times of the latest
-- events of the last day, newest first; NULL while both are free now.
CREATE FUNCTION quota_full_until(latest timestamptz[], quota integer, now_at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN greatest(
        CASE WHEN latest[quota] > now_at - interval '1 hour' THEN latest[quota] + interval '1 hour' END,
        latest[2 * quota] + interval '24 hours');
END $$;

-- Both functions below count for a statement that then writes what they count. Whoever counts
-- under a key waits until the one before has committed, and sees what that one wrote: in a
-- VOLATILE function each query has a snapshot of its own, unlike the statement around it.
--
-- Nobody waits in a circle: a statement calls one of them once, before it locks any row, and
-- keys are taken in the order written, the widest last because most wait for it.

-- When all quotas of a send are free again; NULL while all are free now, and then nobody else
-- uses them up before the end of the transaction. A quota that is NULL is not looked at.
CREATE FUNCTION sends_full_until(
    account_key text, account_quota integer,
    phone_key text, phone_quota integer,
    address_key text, address_quota integer,
    country_key text, country_quota integer,
    now_at timestamptz
) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    day_ago timestamptz := now_at - interval '24 hours';
    full_until timestamptz;
    turn_is_ours boolean := false;
BEGIN
    LOOP
        full_until := greatest(
            quota_full_until(ARRAY(
                SELECT s.reserved_at FROM sends s WHERE s.account = account_key AND s.reserved_at > day_ago
                ORDER BY s.reserved_at DESC LIMIT coalesce(2 * account_quota, 0)), account_quota, now_at),
            quota_full_until(ARRAY(
                SELECT s.reserved_at FROM sends s WHERE s.phone = phone_key AND s.reserved_at > day_ago
                ORDER BY s.reserved_at DESC LIMIT coalesce(2 * phone_quota, 0)), phone_quota, now_at),
            quota_full_until(ARRAY(
                SELECT s.reserved_at FROM sends s WHERE s.address = address_key AND s.reserved_at > day_ago
                ORDER BY s.reserved_at DESC LIMIT coalesce(2 * address_quota, 0)), address_quota, now_at),
            quota_full_until(ARRAY(
                SELECT s.reserved_at FROM sends s WHERE s.country = country_key AND s.reserved_at > day_ago
                ORDER BY s.reserved_at DESC LIMIT coalesce(2 * country_quota, 0)), country_quota, now_at));
        -- Who is refused anyway waits for nobody and holds nobody up: a flood from one address
        -- must not make a whole country queue.
        EXIT WHEN turn_is_ours OR full_until IS NOT NULL;
        -- A key that is NULL locks nothing.
        PERFORM pg_advisory_xact_lock(hashtextextended('account:' || account_key, 0)) WHERE account_quota IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('phone:' || phone_key, 0)) WHERE phone_quota IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('address:' || address_key, 0)) WHERE address_quota IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('country:' || country_key, 0)) WHERE country_quota IS NOT NULL;
        turn_is_ours := true;
    END LOOP;
    RETURN full_until;
END $$;

-- When the quota of an account's guesses is free again; NULL while it is free now or none.
CREATE FUNCTION guesses_full_until(account_key text, purpose_key text, quota integer, now_at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('guesses:' || purpose_key || ':' || account_key, 0));
    RETURN quota_full_until(ARRAY(
        SELECT g.guessed_at FROM guesses g
        WHERE g.account = account_key AND g.purpose = purpose_key AND g.guessed_at > now_at - interval '24 hours'
        ORDER BY g.guessed_at DESC LIMIT 2 * quota), quota, now_at);
END $$;
