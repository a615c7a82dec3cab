-- How many passkeys the user has, so that nobody who reads the row of a user looks elsewhere, too.
ALTER TABLE users ADD COLUMN passkeys INTEGER NOT NULL DEFAULT 0 CHECK (passkeys >= 0);

-- The record is sealed for the user and the credential: a changed one opens nothing.
CREATE TABLE passkeys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id BLOB NOT NULL CONSTRAINT passkeys_credential_key UNIQUE,
    record BLOB NOT NULL,
    name TEXT,
    counter INTEGER NOT NULL,
    backed_up INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE INDEX passkeys_user_idx ON passkeys (user_id, id);

-- A finished ceremony is no row: whoever deletes it may finish it.
CREATE TABLE passkey_ceremonies (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BLOB REFERENCES users ON DELETE CASCADE,
    challenge_id TEXT,
    state BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT passkey_ceremonies_kind_check CHECK (
        (kind = 'registration' AND user_id IS NOT NULL AND challenge_id IS NULL)
        OR (kind = 'answer' AND user_id IS NOT NULL AND challenge_id IS NOT NULL)
        OR (kind = 'sign_in' AND user_id IS NULL AND challenge_id IS NULL)
    )
) STRICT;
CREATE INDEX passkey_ceremonies_user_idx ON passkey_ceremonies (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX passkey_ceremonies_expires_idx ON passkey_ceremonies (expires_at);
