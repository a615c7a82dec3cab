-- How many passkeys the user has, so that nobody who reads the row of a user looks elsewhere, too.
ALTER TABLE users ADD COLUMN passkeys integer NOT NULL DEFAULT 0 CHECK (passkeys >= 0);

-- The record is sealed for the user and the credential: a changed one opens nothing.
CREATE TABLE passkeys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id bytea NOT NULL CONSTRAINT passkeys_credential_key UNIQUE,
    record bytea NOT NULL,
    name text,
    counter bigint NOT NULL,
    backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkeys_user_idx ON passkeys (user_id, id);

-- A finished ceremony is no row: whoever deletes it may finish it.
CREATE TABLE passkey_ceremonies (
    id text PRIMARY KEY,
    kind text NOT NULL,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    challenge_id text,
    state bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT passkey_ceremonies_kind_check CHECK (
        (kind = 'registration' AND user_id IS NOT NULL AND challenge_id IS NULL)
        OR (kind = 'answer' AND user_id IS NOT NULL AND challenge_id IS NOT NULL)
        OR (kind = 'sign_in' AND user_id IS NULL AND challenge_id IS NULL)
    )
);
CREATE INDEX passkey_ceremonies_user_idx ON passkey_ceremonies (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX passkey_ceremonies_expires_idx ON passkey_ceremonies (expires_at);
