-- What became of each message, for each provider that was asked to send it: another is asked under the
-- same reference when the first one did not. The number goes when its account does, and with the trace.
CREATE TABLE send_traces (
    reference BLOB NOT NULL,
    provider TEXT NOT NULL,
    provider_id TEXT,
    phone TEXT,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- Empty when it is not known.
    country TEXT NOT NULL,
    prefix TEXT NOT NULL,
    -- Millionths of the currency of the prices.
    cost INTEGER NOT NULL,
    -- In which its figures are counted.
    hour INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    settlement TEXT,
    settled_at INTEGER,
    -- 0: not known; 1: not delivered; 2: delivered. Only grows.
    arrival INTEGER NOT NULL DEFAULT 0,
    arrived_at INTEGER,
    entered_at INTEGER,
    PRIMARY KEY (reference, provider)
) STRICT;
CREATE INDEX send_traces_phone_idx ON send_traces (phone, begun_at DESC);
CREATE INDEX send_traces_provider_idx ON send_traces (provider_id, provider);
CREATE INDEX send_traces_begun_idx ON send_traces (begun_at);

-- What providers told of messages. The fingerprint is that of the signed request, so one that comes
-- again is recognised.
CREATE TABLE send_callbacks (
    fingerprint BLOB PRIMARY KEY,
    reference BLOB NOT NULL,
    provider TEXT NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT,
    reason TEXT,
    said_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    FOREIGN KEY (reference, provider) REFERENCES send_traces ON DELETE CASCADE
) STRICT;
CREATE INDEX send_callbacks_reference_idx ON send_callbacks (reference, provider, said_at);

-- Messages by the hour in which they were begun, whenever the rest happened.
CREATE TABLE send_figures (
    hour INTEGER NOT NULL,
    provider TEXT NOT NULL,
    channel TEXT NOT NULL,
    country TEXT NOT NULL,
    prefix TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cost INTEGER NOT NULL DEFAULT 0,
    entered INTEGER NOT NULL DEFAULT 0,
    -- Of all codes that were entered together.
    entry_ms INTEGER NOT NULL DEFAULT 0,
    -- Codes that were entered within so many seconds.
    within_10 INTEGER NOT NULL DEFAULT 0,
    within_20 INTEGER NOT NULL DEFAULT 0,
    within_30 INTEGER NOT NULL DEFAULT 0,
    within_60 INTEGER NOT NULL DEFAULT 0,
    within_120 INTEGER NOT NULL DEFAULT 0,
    within_300 INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, provider, channel, country, prefix)
) STRICT;

-- The last that each provider said of what a message costs.
CREATE TABLE quoted_prices (
    provider TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- Empty when it is not known.
    country TEXT NOT NULL,
    -- Millionths of the currency.
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    said_at INTEGER NOT NULL,
    PRIMARY KEY (provider, channel, country)
) STRICT;

-- Whoever deletes an account, or changes its number, need not know of traces.
CREATE TRIGGER users_forget_traces AFTER DELETE ON users BEGIN
    UPDATE send_traces SET phone = NULL WHERE phone = OLD.phone;
END;
CREATE TRIGGER users_forget_traces_of_number AFTER UPDATE OF phone ON users WHEN NEW.phone <> OLD.phone BEGIN
    UPDATE send_traces SET phone = NULL WHERE phone = OLD.phone;
END;
