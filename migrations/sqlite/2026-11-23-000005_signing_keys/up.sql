-- Keys that sign access tokens. A key signs from its activation until that of its successor;
-- its number is one more than that of the key before it.
CREATE TABLE signing_keys (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    id TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL,
    -- Sealed with the data key.
    private_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    -- When it was taken out of use ahead of its time.
    retired_at INTEGER
) STRICT;
