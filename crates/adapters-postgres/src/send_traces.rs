//! What became of messages.

mod conversions;
mod figures;
mod hearing;
mod listing;
mod quotes;

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{
    Channel, Conversion, CountryCode, FigureWindow, Money, PhoneNumber, ProviderId, QuotedPrice,
    SendReference, SendTrace, Settlement,
};
use jiff::{SignedDuration, Timestamp};
use ports::{Callback, Entry, FigureCell, FigureQuery, Heard, NewSendTrace, SendTraceStore, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::{delete_older, limit},
    rows::read,
    statement::statement,
    types::Instant,
};

#[async_trait]
impl SendTraceStore for PostgresStore {
    #[tracing::instrument(name = "postgres.begin_trace", level = "debug", skip_all)]
    async fn begin_trace(&self, trace: &NewSendTrace, now: Timestamp) -> Result<(), StoreError> {
        begin(self, trace, now).await
    }

    #[tracing::instrument(name = "postgres.settle_trace", level = "debug", skip_all)]
    async fn settle_trace(
        &self,
        reference: SendReference,
        provider: &'static str,
        settlement: Settlement,
        provider_id: Option<ProviderId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let settle = Settle {
            reference: reference.0,
            provider,
            settlement: settlement.as_str(),
            is_sent: settlement == Settlement::Sent,
            has_not_left: !settlement.may_have_left(),
            provider_id: provider_id.map(|id| id.0),
            now: Instant(now),
        };
        self.execute(settle).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.record_entry", level = "debug", skip_all)]
    async fn record_entry(
        &self,
        provider: &str,
        provider_id: &ProviderId,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError> {
        let enter =
            Enter { provider: provider.to_owned(), provider_id: provider_id.0.clone(), now: Instant(now) };
        let row: Option<EntryRow> = self.row(enter).await?;
        row.map(|row| row.entry(now)).transpose()
    }

    #[tracing::instrument(name = "postgres.hear_callback", level = "debug", skip_all)]
    async fn hear_callback(
        &self,
        provider: &str,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Heard, StoreError> {
        hearing::hear(self, provider, callback, now).await
    }

    #[tracing::instrument(name = "postgres.list_traces", level = "debug", skip_all)]
    async fn list_traces(&self, phone: &PhoneNumber, most: u32) -> Result<Vec<SendTrace>, StoreError> {
        listing::list(self, phone, most).await
    }

    #[tracing::instrument(name = "postgres.list_figures", level = "debug", skip_all)]
    async fn list_figures(&self, query: &FigureQuery) -> Result<Vec<FigureCell>, StoreError> {
        figures::list(self, query).await
    }

    #[tracing::instrument(name = "postgres.list_quoted_prices", level = "debug", skip_all)]
    async fn list_quoted_prices(&self) -> Result<Vec<QuotedPrice>, StoreError> {
        quotes::list(self).await
    }

    #[tracing::instrument(name = "postgres.list_conversions", level = "debug", skip_all)]
    async fn list_conversions(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Conversion>, StoreError> {
        conversions::list(self, since, until).await
    }

    #[tracing::instrument(name = "postgres.forget_traces", level = "debug", skip_all)]
    async fn forget_traces(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let (before, most) = (Instant(before), limit(most));
        let traces = self.execute(PurgeTraces { before, most }).await?;
        let figures = self.execute(PurgeFigures { before, most }).await?;
        let prices = self.execute(PurgePrices { before, most }).await?;
        Ok((traces + figures + prices) as u64)
    }
}

delete_older!(PurgeTraces, "send_traces", "begun_at");
delete_older!(PurgeFigures, "send_figures", "hour");
delete_older!(PurgePrices, "quoted_prices", "said_at");

statement!(Begin {
    reference: Uuid => SqlUuid,
    provider: &'static str => Text,
    phone: String => Text,
    purpose: &'static str => Text,
    channel: &'static str => Text,
    country: String => Text,
    prefix: String => Text,
    cost: i64 => BigInt,
    hour: Instant => Timestamptz,
    now: Instant => Timestamptz,
} ", begun AS (
        INSERT INTO send_traces (reference, provider, phone, purpose, channel, country, prefix, cost, hour, begun_at)
        SELECT i.reference, i.provider, i.phone, i.purpose, i.channel, i.country, i.prefix, i.cost, i.hour, i.now
        FROM input i
        ON CONFLICT DO NOTHING
        RETURNING hour, provider, channel, country, prefix, cost
    )
    INSERT INTO send_figures AS f (hour, provider, channel, country, prefix, sent, cost)
    SELECT b.hour, b.provider, b.channel, b.country, b.prefix, 1, b.cost FROM begun b
    ON CONFLICT (hour, provider, channel, country, prefix) DO UPDATE SET
        sent = f.sent + 1, cost = f.cost + excluded.cost");

async fn begin(store: &PostgresStore, trace: &NewSendTrace, now: Timestamp) -> Result<(), StoreError> {
    let begin = Begin {
        reference: trace.reference.0,
        provider: trace.provider,
        phone: trace.phone.as_e164().to_owned(),
        purpose: trace.purpose.as_str(),
        channel: trace.channel.as_str(),
        country: trace.country.map(|country| country.as_str().to_owned()).unwrap_or_default(),
        prefix: trace.prefix().as_str().to_owned(),
        cost: cost(trace.cost),
        hour: Instant(FigureWindow::hour(now)),
        now: Instant(now),
    };
    store.execute(begin).await.map(drop)
}

statement!(Settle {
    reference: Uuid => SqlUuid,
    provider: &'static str => Text,
    settlement: &'static str => Text,
    is_sent: bool => Bool,
    has_not_left: bool => Bool,
    provider_id: Option<String> => Nullable<Text>,
    now: Instant => Timestamptz,
} ", settled AS (
        UPDATE send_traces t SET settlement = i.settlement, settled_at = i.now,
            provider_id = coalesce(i.provider_id, t.provider_id)
        FROM input i WHERE t.reference = i.reference AND t.provider = i.provider
        AND (t.settlement IS NULL OR (t.settlement = 'unknown' AND i.is_sent))
        RETURNING t.hour, t.provider, t.channel, t.country, t.prefix, t.cost
    )
    UPDATE send_figures f SET sent = greatest(f.sent - 1, 0), cost = greatest(f.cost - s.cost, 0)
    FROM input i, settled s
    WHERE i.has_not_left AND f.hour = s.hour AND f.provider = s.provider AND f.channel = s.channel
    AND f.country = s.country AND f.prefix = s.prefix");

// What was known before is read under the lock of the row, for it says what is no longer to be
// counted.
statement!(Enter { provider: String => Text, provider_id: String => Text, now: Instant => Timestamptz } "
    , before AS MATERIALIZED (
        SELECT t.reference, t.provider, t.arrival FROM input i
        JOIN send_traces t ON t.provider = i.provider AND t.reference = (
            SELECT o.reference FROM send_traces o WHERE o.provider_id = i.provider_id AND o.provider = i.provider
            ORDER BY o.begun_at DESC LIMIT 1)
        WHERE t.entered_at IS NULL
        FOR UPDATE OF t
    ), entered AS (
        UPDATE send_traces t SET entered_at = i.now, arrival = 2,
            arrived_at = CASE WHEN t.arrival = 2 THEN t.arrived_at ELSE i.now END
        FROM input i, before b
        WHERE t.reference = b.reference AND t.provider = b.provider AND t.entered_at IS NULL
        RETURNING t.hour, t.provider, t.channel, t.country, t.prefix, t.begun_at, b.arrival AS arrival_before,
            i.now - t.begun_at AS took
    ), counted AS (
        INSERT INTO send_figures AS f (hour, provider, channel, country, prefix, delivered, failed, entered, entry_ms,
            within_10, within_20, within_30, within_60, within_120, within_300)
        SELECT e.hour, e.provider, e.channel, e.country, e.prefix,
            (e.arrival_before < 2)::int, 0, 1,
            greatest(extract(epoch FROM e.took) * 1000, 0)::bigint,
            (e.took <= interval '10 seconds')::int, (e.took <= interval '20 seconds')::int,
            (e.took <= interval '30 seconds')::int, (e.took <= interval '60 seconds')::int,
            (e.took <= interval '120 seconds')::int, (e.took <= interval '300 seconds')::int
        FROM entered e
        ON CONFLICT (hour, provider, channel, country, prefix) DO UPDATE SET
            delivered = f.delivered + excluded.delivered,
            failed = greatest(f.failed - (SELECT (e.arrival_before = 1)::int FROM entered e), 0),
            entered = f.entered + 1, entry_ms = f.entry_ms + excluded.entry_ms,
            within_10 = f.within_10 + excluded.within_10, within_20 = f.within_20 + excluded.within_20,
            within_30 = f.within_30 + excluded.within_30, within_60 = f.within_60 + excluded.within_60,
            within_120 = f.within_120 + excluded.within_120, within_300 = f.within_300 + excluded.within_300
    )
    SELECT channel, country, begun_at FROM entered");

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Timestamptz)]
    begun_at: Instant,
}

impl EntryRow {
    fn entry(&self, now: Timestamp) -> Result<Entry, StoreError> {
        Ok(Entry {
            channel: channel(&self.channel)?,
            country: country(&self.country),
            took: now.duration_since(self.begun_at.0).max(SignedDuration::ZERO),
        })
    }
}

fn channel(text: &str) -> Result<Channel, StoreError> {
    read(Channel::parse(text).ok(), "send_traces", "channel")
}

/// Amounts beyond what the database can hold are as much as it can.
fn cost(amount: Money) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// Empty when it was not known.
fn country(text: &str) -> Option<CountryCode> {
    CountryCode::parse(text).ok()
}
