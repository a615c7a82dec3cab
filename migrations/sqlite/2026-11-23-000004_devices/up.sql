-- A device on which all factors were proven. A forgotten one is no row.
CREATE TABLE devices (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Wrong passwords that came with its token since the last right one.
    failures INTEGER NOT NULL DEFAULT 0,
    client_address TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_user_idx ON devices (user_id, last_used_at DESC);
CREATE INDEX devices_expires_idx ON devices (expires_at);

-- A token has one successor at most; spent ones stay to recognise copies.
CREATE TABLE device_tokens (
    hash BLOB PRIMARY KEY,
    device_id BLOB NOT NULL REFERENCES devices ON DELETE CASCADE,
    parent BLOB CONSTRAINT device_tokens_parent_key UNIQUE,
    issued_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT;
CREATE INDEX device_tokens_device_idx ON device_tokens (device_id);
