-- The session that asked for a step-up, and gives its place to the new one.
ALTER TABLE challenges ADD COLUMN session_id uuid;

-- What happened to accounts. Rows are added and forgotten, never changed, save that
-- those of a deleted account lose their clients.
CREATE TABLE events (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    name text NOT NULL,
    session_id uuid,
    client_address text,
    user_agent text,
    occurred_at timestamptz NOT NULL
);
CREATE INDEX events_user_idx ON events (user_id, id DESC);
CREATE INDEX events_occurred_idx ON events (occurred_at);

-- Both functions below are called by a statement that holds the row of the user, for which it
-- may have waited. In a VOLATILE function each query has a snapshot of its own, unlike the
-- statement around it, and finds also what was committed during that wait.

-- Takes the clients out of the events of a user. Whoever records one holds the user's row, too.
CREATE FUNCTION forget_clients(of_user uuid) RETURNS void LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    UPDATE events e SET client_address = NULL, user_agent = NULL
    WHERE e.user_id = of_user AND (e.client_address IS NOT NULL OR e.user_agent IS NOT NULL);
END $$;

-- Deletes the sessions of a user but one; how many of them were alive. Whoever puts a session in
-- the place of another holds the user's row, too, so that none escapes under its new id.
CREATE FUNCTION end_other_sessions(of_user uuid, kept uuid, now_at timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    ended bigint;
BEGIN
    WITH others AS (DELETE FROM sessions s WHERE s.user_id = of_user AND s.id <> kept RETURNING s.expires_at)
    SELECT count(*) FILTER (WHERE o.expires_at > now_at) INTO ended FROM others o;
    RETURN ended;
END $$;
