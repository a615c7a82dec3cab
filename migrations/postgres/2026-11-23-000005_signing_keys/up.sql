-- Keys that sign access tokens. A key signs from its activation until that of its successor;
-- its number is one more than that of the key before it, which decides who of several adds.
CREATE TABLE signing_keys (
    number integer PRIMARY KEY CHECK (number > 0),
    id text NOT NULL UNIQUE,
    algorithm text NOT NULL,
    -- Sealed with the data key.
    private_key text NOT NULL,
    created_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    -- When it was taken out of use ahead of its time.
    retired_at timestamptz
);
