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
