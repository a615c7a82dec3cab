-- What was sent and what was entered, by pieces of five minutes, for a prefix of numbers, a country
-- and the whole service. Costs are millionths of the currency of the prices.
CREATE TABLE send_statistics (
    scope_kind text NOT NULL,
    scope text NOT NULL,
    bucket timestamptz NOT NULL,
    origin text NOT NULL,
    -- For conversion by provider; empty while all are counted together.
    provider text NOT NULL DEFAULT '',
    sent bigint NOT NULL DEFAULT 0,
    entered bigint NOT NULL DEFAULT 0,
    cost bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (scope_kind, scope, bucket, origin, provider)
);
CREATE INDEX send_statistics_bucket_idx ON send_statistics (bucket);

-- What is held against a prefix or a country. The version counts changes.
CREATE TABLE shield_states (
    scope_kind text NOT NULL,
    scope text NOT NULL,
    version bigint NOT NULL,
    unanswered integer NOT NULL,
    last_sent_at timestamptz,
    strikes integer NOT NULL,
    struck_at timestamptz,
    rule text,
    blocked_until timestamptz,
    refused integer NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (scope_kind, scope)
);
CREATE INDEX shield_states_blocked_idx ON shield_states (blocked_until) WHERE blocked_until IS NOT NULL;
CREATE INDEX shield_states_changed_idx ON shield_states (changed_at);

-- Puzzles that were answered.
CREATE TABLE spent_puzzles (
    puzzle text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX spent_puzzles_expires_idx ON spent_puzzles (expires_at);

-- Counts a message that was judged by what was seen before, unless somebody else was faster: then
-- false, and nothing is changed. Everybody who counts takes turns, so that what is looked at
-- here stays true until it is committed; in a VOLATILE function each query has a snapshot of
-- its own.
--
-- A version that is NULL stands for a state that does not change; a state of the version 0 has
-- no row yet. The message is counted with each of `scope_kinds` and `scopes`.
CREATE FUNCTION count_send(
    scope_kinds text[], scopes text[], the_bucket timestamptz, the_origin text, the_cost bigint, now_at timestamptz,
    cap_kinds text[], cap_scopes text[], cap_same_origin boolean[], cap_since timestamptz[],
    cap_sent_below bigint[], cap_cost_below bigint[],
    prefix text, prefix_version bigint, prefix_unanswered integer, prefix_healed boolean,
    country text
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('shield', 0));
    IF EXISTS (
        SELECT FROM unnest(cap_kinds, cap_scopes, cap_same_origin, cap_since, cap_sent_below, cap_cost_below)
            AS c(kind, scope, same_origin, since, sent_below, cost_below)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.sent), 0) AS sent, coalesce(sum(s.cost), 0) AS cost FROM send_statistics s
            WHERE s.scope_kind = c.kind AND s.scope = c.scope AND s.bucket > c.since
            AND (s.origin = the_origin OR NOT c.same_origin)
        ) used
        WHERE used.sent >= c.sent_below OR used.cost >= c.cost_below
    ) THEN
        RETURN false;
    END IF;
    IF prefix_version = 0 THEN
        INSERT INTO shield_states (scope_kind, scope, version, unanswered, last_sent_at, strikes, refused, changed_at)
        VALUES ('prefix', prefix, 1, prefix_unanswered, now_at, 0, 0, now_at)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    ELSIF prefix_version > 0 THEN
        UPDATE shield_states s SET
            version = s.version + 1, unanswered = prefix_unanswered, last_sent_at = now_at, changed_at = now_at,
            strikes = CASE WHEN prefix_healed THEN 0 ELSE s.strikes END,
            refused = CASE WHEN prefix_healed THEN 0 ELSE s.refused END,
            rule = CASE WHEN prefix_healed THEN NULL ELSE s.rule END,
            blocked_until = CASE WHEN prefix_healed THEN NULL ELSE s.blocked_until END
        WHERE s.scope_kind = 'prefix' AND s.scope = prefix AND s.version = prefix_version;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    -- A block that is over goes; one that somebody made meanwhile stays, and comes after this message.
    IF country IS NOT NULL THEN
        INSERT INTO shield_states AS s (scope_kind, scope, version, unanswered, last_sent_at, strikes, refused, changed_at)
        VALUES ('country', country, 1, 0, now_at, 0, 0, now_at)
        ON CONFLICT (scope_kind, scope) DO UPDATE SET
            last_sent_at = greatest(s.last_sent_at, now_at), changed_at = now_at,
            refused = CASE WHEN s.blocked_until > now_at THEN s.refused ELSE 0 END,
            rule = CASE WHEN s.blocked_until > now_at THEN s.rule END,
            blocked_until = CASE WHEN s.blocked_until > now_at THEN s.blocked_until END;
    END IF;
    INSERT INTO send_statistics AS s (scope_kind, scope, bucket, origin, sent, cost)
    SELECT k.kind, k.scope, the_bucket, the_origin, 1, the_cost FROM unnest(scope_kinds, scopes) AS k(kind, scope)
    ON CONFLICT (scope_kind, scope, bucket, origin, provider) DO UPDATE SET sent = s.sent + 1, cost = s.cost + excluded.cost;
    RETURN true;
END $$;
