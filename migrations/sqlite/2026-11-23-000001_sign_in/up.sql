-- Times are microseconds since the epoch, ids are the 16 bytes of a UUID.

-- An account exists only once its phone is proven, so both names are unique outright.
CREATE TABLE users (
    id BLOB PRIMARY KEY,
    email TEXT NOT NULL,
    email_canonical TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
    phone TEXT NOT NULL CONSTRAINT users_phone_key UNIQUE,
    phone_verified_at INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    locale TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- The code last sent to one number for one purpose, and the guesses left at it.
-- A new generation takes a new id in the same row; challenges of the old one are dead.
CREATE TABLE verifications (
    phone TEXT NOT NULL,
    purpose TEXT NOT NULL,
    id BLOB NOT NULL CONSTRAINT verifications_id_key UNIQUE,
    attempts_left INTEGER NOT NULL CHECK (attempts_left >= 0),
    given_back INTEGER NOT NULL DEFAULT 0,
    channel TEXT NOT NULL,
    provider_id TEXT,
    unsettled_reference BLOB,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (phone, purpose)
) STRICT;
CREATE INDEX verifications_unsettled_idx ON verifications (unsettled_reference) WHERE unsettled_reference IS NOT NULL;
CREATE INDEX verifications_expires_idx ON verifications (expires_at);

-- The subject is what makes two challenges of a purpose the same.
CREATE TABLE challenges (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    verification_id BLOB NOT NULL,
    phone TEXT NOT NULL,
    user_id BLOB REFERENCES users ON DELETE CASCADE,
    email TEXT,
    email_canonical TEXT,
    password_hash TEXT,
    account_locale TEXT,
    locale TEXT,
    country TEXT,
    account TEXT NOT NULL,
    sends INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT challenges_subject_key UNIQUE (purpose, subject),
    CONSTRAINT challenges_registration_check CHECK (
        (purpose = 'registration') = (user_id IS NULL AND email IS NOT NULL AND email_canonical IS NOT NULL AND password_hash IS NOT NULL)
    )
) STRICT;
CREATE INDEX challenges_verification_idx ON challenges (verification_id);
CREATE INDEX challenges_user_idx ON challenges (user_id);
CREATE INDEX challenges_email_idx ON challenges (email_canonical, created_at DESC) WHERE purpose = 'registration';
CREATE INDEX challenges_phone_idx ON challenges (phone, created_at DESC) WHERE purpose = 'registration';
CREATE INDEX challenges_expires_idx ON challenges (expires_at);

-- One row a number: whoever changes it may send.
CREATE TABLE send_slots (
    phone TEXT PRIMARY KEY,
    last_sent_at INTEGER,
    last_reference BLOB
) STRICT;

-- One row a message, for the quotas.
CREATE TABLE sends (
    reference BLOB PRIMARY KEY,
    challenge_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    account TEXT NOT NULL,
    country TEXT,
    address TEXT,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    reserved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sends_phone_idx ON sends (phone, reserved_at);
CREATE INDEX sends_account_idx ON sends (account, reserved_at);
CREATE INDEX sends_country_idx ON sends (country, reserved_at);
CREATE INDEX sends_address_idx ON sends (address, reserved_at);
CREATE INDEX sends_reserved_idx ON sends (reserved_at);

-- One row an attempt that was not given back and did not succeed.
CREATE TABLE guesses (
    verification_id BLOB NOT NULL,
    attempts_left INTEGER NOT NULL,
    account TEXT NOT NULL,
    purpose TEXT NOT NULL,
    guessed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX guesses_account_idx ON guesses (account, purpose, guessed_at);
CREATE INDEX guesses_verification_idx ON guesses (verification_id, attempts_left);
CREATE INDEX guesses_guessed_idx ON guesses (guessed_at);

CREATE TABLE password_failures (
    account TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX password_failures_last_idx ON password_failures (last_at);

-- An ended session is no row.
CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users ON DELETE CASCADE,
    methods TEXT NOT NULL,
    client_address TEXT,
    user_agent TEXT,
    authenticated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user_idx ON sessions (user_id, last_used_at DESC);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

-- A token has one successor at most; spent ones stay to recognise copies.
CREATE TABLE refresh_tokens (
    hash BLOB PRIMARY KEY,
    session_id BLOB NOT NULL REFERENCES sessions ON DELETE CASCADE,
    parent BLOB CONSTRAINT refresh_tokens_parent_key UNIQUE,
    issued_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT;
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
