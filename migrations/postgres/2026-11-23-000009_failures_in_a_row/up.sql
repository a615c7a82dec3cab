-- Wrong codes in a row, for each account, purpose and kind of answer. A right code of the kind
-- deletes the row, and so does recovery.
CREATE TABLE code_failures (
    account text NOT NULL,
    purpose text NOT NULL,
    kind text NOT NULL,
    count integer NOT NULL CHECK (count >= 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (account, purpose, kind)
);
CREATE INDEX code_failures_last_idx ON code_failures (last_at);

-- When an account may guess again: when its quota is free, and fewer than `most` wrong codes in a
-- row are remembered since `remembered_since`. NULL while it may now, and then nobody else guesses
-- for it before the end of the transaction. Bounds that are NULL are not looked at.
CREATE FUNCTION attempts_full_until(
    account_key text, purpose_key text, kind_key text,
    quota integer, most integer, remembered_since timestamptz, now_at timestamptz
) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF account_key IS NULL OR (quota IS NULL AND most IS NULL) THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('guesses:' || purpose_key || ':' || account_key, 0));
    RETURN greatest(
        quota_full_until(ARRAY(
            SELECT g.guessed_at FROM guesses g
            WHERE g.account = account_key AND g.purpose = purpose_key AND g.guessed_at > now_at - interval '24 hours'
            ORDER BY g.guessed_at DESC LIMIT coalesce(2 * quota, 0)), quota, now_at),
        (SELECT f.last_at + (now_at - remembered_since) FROM code_failures f
        WHERE f.account = account_key AND f.purpose = purpose_key AND f.kind = kind_key
        AND f.count >= most AND f.last_at > remembered_since));
END $$;

-- Records for whoever has the e-mail or the number that somebody who proved a number learnt of it;
-- one event for each of the two accounts that may be; how many. In a VOLATILE function each query has a
-- snapshot of its own, unlike the statement around it, which the account got in the way of and
-- which may not see it.
CREATE FUNCTION record_disclosure(
    email_key text, phone_key text, of_email uuid, of_phone uuid, event_name text,
    from_address text, from_agent text, now_at timestamptz
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    told bigint;
BEGIN
    INSERT INTO events (id, user_id, name, client_address, user_agent, occurred_at)
    SELECT CASE WHEN u.email_canonical = email_key THEN of_email ELSE of_phone END,
        u.id, event_name, from_address, from_agent, now_at
    FROM (
        SELECT x.id, x.email_canonical FROM users x WHERE x.email_canonical = email_key OR x.phone = phone_key
        ORDER BY x.id FOR KEY SHARE OF x
    ) u;
    GET DIAGNOSTICS told = ROW_COUNT;
    RETURN told;
END $$;
