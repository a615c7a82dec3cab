-- Events are the outbox of what is told of them: the statement that records an act also says
-- who is to be told, so that nothing is lost and nothing told that did not happen.
--
-- The number that a notice goes to stands here until the notice has gone or is given up, and
-- also outlives its account until then: whoever took an account over must not be able to keep
-- its owner from being told by deleting it.
ALTER TABLE events
    ADD COLUMN notify_phone text,
    ADD COLUMN notify_locale text,
    ADD COLUMN notify_attempts integer NOT NULL DEFAULT 0,
    -- When the next attempt is due; whoever makes one first puts this off.
    ADD COLUMN notify_at timestamptz,
    -- When its deliveries were made out to the webhooks.
    ADD COLUMN fanned_out_at timestamptz;
CREATE INDEX events_notify_idx ON events (notify_at) WHERE notify_phone IS NOT NULL;
CREATE INDEX events_fan_out_idx ON events (occurred_at) WHERE fanned_out_at IS NULL;

-- An event on its way to an endpoint of the product. One that has arrived is no row.
CREATE TABLE webhook_deliveries (
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    endpoint text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- When the next attempt is due; whoever makes one first puts this off.
    due_at timestamptz NOT NULL,
    -- Why the latest attempt failed: a word of ours, never of the endpoint.
    failure text,
    -- When it was given up.
    dead_at timestamptz,
    PRIMARY KEY (event_id, endpoint)
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (endpoint, due_at) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_dead_idx ON webhook_deliveries (dead_at) WHERE dead_at IS NOT NULL;
