-- What was sent and what was entered, by pieces of five minutes, for a prefix of numbers, a country
-- and the whole service. Costs are millionths of the currency of the prices.
CREATE TABLE send_statistics (
    scope_kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    origin TEXT NOT NULL,
    -- For conversion by provider; empty while all are counted together.
    provider TEXT NOT NULL DEFAULT '',
    sent INTEGER NOT NULL DEFAULT 0,
    entered INTEGER NOT NULL DEFAULT 0,
    cost INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (scope_kind, scope, bucket, origin, provider)
) STRICT;
CREATE INDEX send_statistics_bucket_idx ON send_statistics (bucket);

-- What is held against a prefix or a country. The version counts changes.
CREATE TABLE shield_states (
    scope_kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    version INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    last_sent_at INTEGER,
    strikes INTEGER NOT NULL,
    struck_at INTEGER,
    rule TEXT,
    blocked_until INTEGER,
    refused INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (scope_kind, scope)
) STRICT;
CREATE INDEX shield_states_blocked_idx ON shield_states (blocked_until) WHERE blocked_until IS NOT NULL;
CREATE INDEX shield_states_changed_idx ON shield_states (changed_at);

-- Puzzles that were answered.
CREATE TABLE spent_puzzles (
    puzzle TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX spent_puzzles_expires_idx ON spent_puzzles (expires_at);
