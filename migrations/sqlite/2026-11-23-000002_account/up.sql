-- The session that asked for a step-up, and gives its place to the new one.
ALTER TABLE challenges ADD COLUMN session_id BLOB;

-- What happened to accounts. Rows are added and forgotten, never changed, save that
-- those of a deleted account lose their clients.
CREATE TABLE events (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL,
    name TEXT NOT NULL,
    session_id BLOB,
    client_address TEXT,
    user_agent TEXT,
    occurred_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_user_idx ON events (user_id, id DESC);
CREATE INDEX events_occurred_idx ON events (occurred_at);
