//! What providers tell of messages.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Arrival, QuotedPrice};
use jiff::Timestamp;
use ports::{Advance, Callback, Heard, StoreError};
use uuid::Uuid;

use super::{channel, cost, country};
use crate::{PostgresStore, rows::read, statement::statement, types::Instant};

// The row of the message is locked first, so whoever tells the same waits and then finds what the
// other left. The id of a question is not kept: a question may be repeated for another try, and only
// the answer to our start says which try counts; nor is any id while that answer is still awaited.
statement!(Hear {
    fingerprint: Vec<u8> => Binary,
    reference: Option<Uuid> => Nullable<SqlUuid>,
    provider: String => Text,
    provider_id: String => Text,
    phone: String => Text,
    event: &'static str => Text,
    is_question: bool => Bool,
    outcome: Option<&'static str> => Nullable<Text>,
    reason: Option<&'static str> => Nullable<Text>,
    arrival: i32 => Integer,
    quoted_amount: Option<i64> => Nullable<BigInt>,
    quoted_currency: Option<String> => Nullable<Text>,
    said_at: Instant => Timestamptz,
    now: Instant => Timestamptz,
} ", before AS MATERIALIZED (
        SELECT t.reference, t.arrival, t.channel, t.country, t.cost,
            coalesce(t.settlement IN ('sent', 'unknown'), true) AS is_wanted
        FROM input i
        JOIN send_traces t ON t.reference = coalesce(i.reference, (
            SELECT o.reference FROM send_traces o WHERE o.provider_id = i.provider_id AND o.provider = i.provider
            ORDER BY o.begun_at DESC LIMIT 1))
        WHERE t.provider = i.provider AND (t.provider_id IS NULL OR t.provider_id = i.provider_id)
        AND (t.phone IS NULL OR t.phone = i.phone)
        FOR UPDATE OF t
    ), noted AS (
        INSERT INTO send_callbacks (fingerprint, reference, provider, event, outcome, reason, said_at, heard_at)
        SELECT i.fingerprint, b.reference, i.provider, i.event, i.outcome, i.reason, i.said_at, i.now FROM input i, before b
        WHERE (SELECT count(*) FROM send_callbacks c WHERE c.reference = b.reference AND c.provider = i.provider) < 64
        ON CONFLICT DO NOTHING
        RETURNING reference
    ), advanced AS (
        UPDATE send_traces t SET
            arrival = greatest(t.arrival, i.arrival),
            arrived_at = CASE WHEN i.arrival > t.arrival THEN i.said_at ELSE t.arrived_at END,
            cost = coalesce(i.quoted_amount, t.cost),
            provider_id = CASE WHEN i.is_question OR t.settlement IS NULL THEN t.provider_id ELSE coalesce(t.provider_id, i.provider_id) END
        FROM input i, before b, noted n
        WHERE t.reference = b.reference AND t.provider = i.provider AND b.reference = n.reference
        RETURNING t.reference, t.hour, t.provider, t.channel, t.country, t.prefix, t.arrival,
            b.arrival AS arrival_before, CASE WHEN b.is_wanted THEN t.cost - b.cost ELSE 0 END AS cost_added
    ), counted AS (
        INSERT INTO send_figures AS f (hour, provider, channel, country, prefix, delivered, failed, cost)
        SELECT a.hour, a.provider, a.channel, a.country, a.prefix,
            (a.arrival = 2)::int - (a.arrival_before = 2)::int,
            greatest((a.arrival = 1)::int - (a.arrival_before = 1)::int, 0), greatest(a.cost_added, 0)
        FROM advanced a WHERE a.arrival > a.arrival_before OR a.cost_added <> 0
        ON CONFLICT (hour, provider, channel, country, prefix) DO UPDATE SET
            delivered = f.delivered + excluded.delivered,
            failed = (SELECT greatest(f.failed + (a.arrival = 1)::int - (a.arrival_before = 1)::int, 0) FROM advanced a),
            cost = (SELECT greatest(f.cost + a.cost_added, 0) FROM advanced a)
    ), quoted AS (
        INSERT INTO quoted_prices AS q (provider, channel, country, amount, currency, said_at)
        SELECT a.provider, a.channel, a.country, i.quoted_amount, i.quoted_currency, i.said_at
        FROM input i, advanced a WHERE i.quoted_amount IS NOT NULL
        ON CONFLICT (provider, channel, country) DO UPDATE SET
            amount = excluded.amount, currency = excluded.currency, said_at = excluded.said_at
        WHERE q.said_at <= excluded.said_at
    )
    SELECT b.channel, b.country, EXISTS (SELECT FROM noted) AS is_news, b.is_wanted,
        (SELECT a.arrival FROM advanced a WHERE a.arrival > a.arrival_before) AS advanced_to
    FROM before b");

#[derive(QueryableByName)]
struct HeardRow {
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Bool)]
    is_news: bool,
    #[diesel(sql_type = Bool)]
    is_wanted: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    advanced_to: Option<i32>,
}

impl HeardRow {
    fn heard(&self, provider: &str, callback: &Callback) -> Result<Heard, StoreError> {
        let advanced = match self.advanced_to {
            Some(rank) => Some(Advance {
                channel: channel(&self.channel)?,
                country: country(&self.country),
                to: read(Arrival::of_rank(rank), "send_traces", "arrival")?,
            }),
            None => None,
        };
        let quoted = match callback.quote.filter(|_| self.is_news) {
            Some(quote) => Some(QuotedPrice {
                provider: provider.to_owned(),
                channel: channel(&self.channel)?,
                country: country(&self.country),
                quote,
                said_at: callback.said_at,
            }),
            None => None,
        };
        Ok(Heard::Ours { is_news: self.is_news, is_wanted: self.is_wanted, advanced, quoted })
    }
}

pub(super) async fn hear(
    store: &PostgresStore,
    provider: &str,
    callback: &Callback,
    now: Timestamp,
) -> Result<Heard, StoreError> {
    let event = callback.event;
    let hear = Hear {
        fingerprint: callback.fingerprint.to_vec(),
        reference: callback.reference.map(|reference| reference.0),
        provider: provider.to_owned(),
        provider_id: callback.provider_id.0.clone(),
        phone: callback.phone.as_e164().to_owned(),
        event: event.name(),
        is_question: event == domain::CallbackEvent::Request,
        outcome: event.outcome(),
        reason: event.reason(),
        arrival: event.arrival().rank(),
        quoted_amount: callback.quote.map(|quote| cost(quote.amount())),
        quoted_currency: callback.quote.map(|quote| quote.currency().to_string()),
        said_at: Instant(callback.said_at),
        now: Instant(now),
    };
    let row: Option<HeardRow> = store.row(hear).await?;
    row.map_or(Ok(Heard::NotOurs), |row| row.heard(provider, callback))
}
