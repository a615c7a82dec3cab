-- Wrong codes in a row, for each account, purpose and kind of answer. A right code of the kind
-- deletes the row, and so does recovery.
CREATE TABLE code_failures (
    account TEXT NOT NULL,
    purpose TEXT NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    last_at INTEGER NOT NULL,
    PRIMARY KEY (account, purpose, kind)
) STRICT;
CREATE INDEX code_failures_last_idx ON code_failures (last_at);
