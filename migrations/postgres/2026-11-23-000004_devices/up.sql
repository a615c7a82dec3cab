-- A device on which all factors were proven. A forgotten one is no row.
CREATE TABLE devices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Wrong passwords that came with its token since the last right one.
    failures integer NOT NULL DEFAULT 0,
    client_address text,
    user_agent text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX devices_user_idx ON devices (user_id, last_used_at DESC);
CREATE INDEX devices_expires_idx ON devices (expires_at);

-- A token has one successor at most; spent ones stay to recognise copies.
CREATE TABLE device_tokens (
    hash bytea PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
    parent bytea CONSTRAINT device_tokens_parent_key UNIQUE,
    issued_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX device_tokens_device_idx ON device_tokens (device_id);

-- All functions below are called by a statement that holds the row of the user, for which it
-- may have waited. In a VOLATILE function each query has a snapshot of its own, unlike the
-- statement around it, and finds also what was committed during that wait.

-- Trades a token of a live device of the user for its successor. `used` is the device then, and
-- `remembered_at` when it proved all factors; `copied` is a device that is forgotten now, because
-- the token was spent before the leeway began. Whoever uses the same device waits for its row.
CREATE FUNCTION use_device(
    of_user uuid, presented bytea, successor bytea, leeway_began timestamptz,
    from_address text, from_agent text, now_at timestamptz,
    OUT used uuid, OUT remembered_at timestamptz, OUT copied uuid
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    device uuid;
    since timestamptz;
    spent timestamptz;
BEGIN
    SELECT d.id, d.created_at INTO device, since FROM device_tokens t JOIN devices d ON d.id = t.device_id
    WHERE t.hash = presented AND d.user_id = of_user AND d.expires_at > now_at
    FOR UPDATE OF d;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT t.spent_at INTO spent FROM device_tokens t WHERE t.hash = presented;
    IF spent <= leeway_began THEN
        DELETE FROM devices d WHERE d.id = device;
        copied := device;
        RETURN;
    END IF;
    IF spent IS NULL THEN
        UPDATE device_tokens t SET spent_at = now_at WHERE t.hash = presented;
    ELSE
        -- The answer to the first use may be lost. The replaced successor stays, spent, so
        -- that it is recognised if somebody brings it.
        UPDATE device_tokens t SET spent_at = now_at, parent = NULL WHERE t.parent = presented AND t.spent_at IS NULL;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO device_tokens (hash, device_id, parent, issued_at) VALUES (successor, device, presented, now_at);
    UPDATE devices d SET failures = 0, client_address = from_address, user_agent = from_agent, last_used_at = now_at
    WHERE d.id = device;
    used := device;
    remembered_at := since;
END $$;

-- Counts a wrong password that came with a token of the device. From the `most`-th on the
-- device is forgotten; true for whoever made it so.
CREATE FUNCTION count_device_failure(device uuid, of_user uuid, most integer)
RETURNS boolean LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    counted integer;
BEGIN
    UPDATE devices d SET failures = d.failures + 1 WHERE d.id = device AND d.user_id = of_user
    RETURNING d.failures INTO counted;
    IF counted < most OR counted IS NULL THEN
        RETURN false;
    END IF;
    DELETE FROM devices d WHERE d.id = device;
    RETURN true;
END $$;

-- Forgets the devices of a user; how many of them were alive.
CREATE FUNCTION forget_devices(of_user uuid, now_at timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    forgotten bigint;
BEGIN
    WITH gone AS (DELETE FROM devices d WHERE d.user_id = of_user RETURNING d.expires_at)
    SELECT count(*) FILTER (WHERE g.expires_at > now_at) INTO forgotten FROM gone g;
    RETURN forgotten;
END $$;

-- Closes the challenges of a user that are for one of the purposes.
CREATE FUNCTION close_challenges(of_user uuid, of_purposes text[])
RETURNS void LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    DELETE FROM challenges c WHERE c.user_id = of_user AND c.purpose = ANY (of_purposes);
END $$;
