-- What became of each message, for each provider that was asked to send it: another is asked under the
-- same reference when the first one did not. The number goes when its account does, and with the trace.
CREATE TABLE send_traces (
    reference uuid NOT NULL,
    provider text NOT NULL,
    provider_id text,
    phone text,
    purpose text NOT NULL,
    channel text NOT NULL,
    -- Empty when it is not known.
    country text NOT NULL,
    prefix text NOT NULL,
    -- Millionths of the currency of the prices.
    cost bigint NOT NULL,
    -- In which its figures are counted.
    hour timestamptz NOT NULL,
    begun_at timestamptz NOT NULL,
    settlement text,
    settled_at timestamptz,
    -- 0: not known; 1: not delivered; 2: delivered. Only grows.
    arrival integer NOT NULL DEFAULT 0,
    arrived_at timestamptz,
    entered_at timestamptz,
    PRIMARY KEY (reference, provider)
);
CREATE INDEX send_traces_phone_idx ON send_traces (phone, begun_at DESC);
CREATE INDEX send_traces_provider_idx ON send_traces (provider_id, provider);
CREATE INDEX send_traces_begun_idx ON send_traces (begun_at);

-- What providers told of messages. The fingerprint is that of the signed request, so one that comes
-- again is recognised.
CREATE TABLE send_callbacks (
    fingerprint bytea PRIMARY KEY,
    reference uuid NOT NULL,
    provider text NOT NULL,
    event text NOT NULL,
    outcome text,
    reason text,
    said_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    FOREIGN KEY (reference, provider) REFERENCES send_traces ON DELETE CASCADE
);
CREATE INDEX send_callbacks_reference_idx ON send_callbacks (reference, provider, said_at);

-- Messages by the hour in which they were begun, whenever the rest happened.
CREATE TABLE send_figures (
    hour timestamptz NOT NULL,
    provider text NOT NULL,
    channel text NOT NULL,
    country text NOT NULL,
    prefix text NOT NULL,
    sent bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    cost bigint NOT NULL DEFAULT 0,
    entered bigint NOT NULL DEFAULT 0,
    -- Of all codes that were entered together.
    entry_ms bigint NOT NULL DEFAULT 0,
    -- Codes that were entered within so many seconds.
    within_10 bigint NOT NULL DEFAULT 0,
    within_20 bigint NOT NULL DEFAULT 0,
    within_30 bigint NOT NULL DEFAULT 0,
    within_60 bigint NOT NULL DEFAULT 0,
    within_120 bigint NOT NULL DEFAULT 0,
    within_300 bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, provider, channel, country, prefix)
);

-- The last that each provider said of what a message costs.
CREATE TABLE quoted_prices (
    provider text NOT NULL,
    channel text NOT NULL,
    -- Empty when it is not known.
    country text NOT NULL,
    -- Millionths of the currency.
    amount bigint NOT NULL,
    currency text NOT NULL,
    said_at timestamptz NOT NULL,
    PRIMARY KEY (provider, channel, country)
);

-- Whoever deletes an account, or changes its number, need not know of traces.
CREATE FUNCTION forget_number_of_traces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.phone <> OLD.phone THEN
        UPDATE send_traces SET phone = NULL WHERE phone = OLD.phone;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_forget_traces AFTER DELETE OR UPDATE OF phone ON users
    FOR EACH ROW EXECUTE FUNCTION forget_number_of_traces();
