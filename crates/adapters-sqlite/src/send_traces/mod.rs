//! What became of messages.

mod conversions;
mod counting;
mod figures;
mod hearing;
mod listing;
mod quotes;

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{insert_into, update},
    prelude::*,
    sql_query,
    sql_types::BigInt,
};
use domain::{
    Arrival, Channel, Conversion, CountryCode, FigureWindow, Money, PhoneNumber, ProviderId, QuotedPrice,
    SendReference, SendTrace, Settlement,
};
use jiff::{SignedDuration, Timestamp};
use ports::{Callback, Entry, FigureCell, FigureQuery, Heard, NewSendTrace, SendTraceStore, StoreError};

use self::counting::{Counts, Place, count};
use crate::{
    error::unreadable,
    schema::send_traces,
    store::SqliteStore,
    types::{Id, Micros},
};

#[async_trait]
impl SendTraceStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.begin_trace", skip_all)]
    async fn begin_trace(&self, trace: &NewSendTrace, now: Timestamp) -> Result<(), StoreError> {
        let trace = trace.clone();
        self.write(move |sqlite| begin(sqlite, &trace, now)).await
    }

    #[tracing::instrument(name = "sqlite.settle_trace", skip_all)]
    async fn settle_trace(
        &self,
        reference: SendReference,
        provider: &'static str,
        settlement: Settlement,
        provider_id: Option<ProviderId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |sqlite| settle(sqlite, reference, provider, settlement, provider_id.as_ref(), now))
            .await
    }

    #[tracing::instrument(name = "sqlite.record_entry", skip_all)]
    async fn record_entry(
        &self,
        provider: &str,
        provider_id: &ProviderId,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError> {
        let (provider, provider_id) = (provider.to_owned(), provider_id.clone());
        self.write(move |sqlite| enter(sqlite, &provider, &provider_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.hear_callback", skip_all)]
    async fn hear_callback(
        &self,
        provider: &str,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Heard, StoreError> {
        let (provider, callback) = (provider.to_owned(), callback.clone());
        self.write(move |sqlite| hearing::hear(sqlite, &provider, &callback, now)).await
    }

    #[tracing::instrument(name = "sqlite.list_traces", skip_all)]
    async fn list_traces(&self, phone: &PhoneNumber, most: u32) -> Result<Vec<SendTrace>, StoreError> {
        let phone = phone.clone();
        self.read(move |sqlite| listing::list(sqlite, &phone, most)).await
    }

    #[tracing::instrument(name = "sqlite.list_figures", skip_all)]
    async fn list_figures(&self, query: &FigureQuery) -> Result<Vec<FigureCell>, StoreError> {
        let query = query.clone();
        self.read(move |sqlite| figures::list(sqlite, &query)).await
    }

    #[tracing::instrument(name = "sqlite.list_quoted_prices", skip_all)]
    async fn list_quoted_prices(&self) -> Result<Vec<QuotedPrice>, StoreError> {
        self.read(quotes::list).await
    }

    #[tracing::instrument(name = "sqlite.list_conversions", skip_all)]
    async fn list_conversions(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Conversion>, StoreError> {
        self.read(move |sqlite| conversions::list(sqlite, since, until)).await
    }

    #[tracing::instrument(name = "sqlite.forget_traces", skip_all)]
    async fn forget_traces(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.write(move |sqlite| forget(sqlite, before, most)).await
    }
}

/// What is read of a trace that is about to change.
#[derive(Queryable, Selectable)]
#[diesel(table_name = send_traces, check_for_backend(diesel::sqlite::Sqlite))]
struct TraceState {
    reference: Id,
    provider: String,
    provider_id: Option<String>,
    phone: Option<String>,
    channel: String,
    country: String,
    prefix: String,
    cost: i64,
    hour: Micros,
    begun_at: Micros,
    settlement: Option<String>,
    arrival: i32,
    entered_at: Option<Micros>,
}

impl TraceState {
    fn find(
        sqlite: &mut SqliteConnection,
        reference: SendReference,
        provider: &str,
    ) -> QueryResult<Option<Self>> {
        let rows = send_traces::table.find((Id(reference.0), provider)).select(Self::as_select());
        rows.first(sqlite).optional()
    }

    /// The newest, where a provider repeats its ids.
    fn find_by_provider(
        sqlite: &mut SqliteConnection,
        provider: &str,
        provider_id: &ProviderId,
    ) -> QueryResult<Option<Self>> {
        send_traces::table
            .filter(send_traces::provider_id.eq(&provider_id.0))
            .filter(send_traces::provider.eq(provider))
            .order(send_traces::begun_at.desc())
            .select(Self::as_select())
            .first(sqlite)
            .optional()
    }

    fn settlement(&self) -> QueryResult<Option<Settlement>> {
        let text = self.settlement.as_deref();
        text.map(|text| Settlement::find(text).ok_or_else(|| unreadable("send_traces.settlement")))
            .transpose()
    }

    fn arrival(&self) -> QueryResult<Arrival> {
        arrival(self.arrival)
    }

    fn channel(&self) -> QueryResult<Channel> {
        channel(&self.channel)
    }

    /// Empty when it was not known.
    fn country(&self) -> Option<CountryCode> {
        CountryCode::parse(&self.country).ok()
    }

    fn key(&self) -> (Id, &str) {
        (self.reference, &self.provider)
    }

    /// Where it is counted.
    fn place(&self) -> Place<'_> {
        Place {
            hour: self.hour,
            provider: &self.provider,
            channel: &self.channel,
            country: &self.country,
            prefix: &self.prefix,
        }
    }
}

fn channel(text: &str) -> QueryResult<Channel> {
    Channel::parse(text).map_err(|_| unreadable("send_traces.channel"))
}

fn arrival(rank: i32) -> QueryResult<Arrival> {
    Arrival::of_rank(rank).ok_or_else(|| unreadable("send_traces.arrival"))
}

/// Amounts beyond what the database can hold are as much as it can.
fn cost(amount: Money) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

fn begin(sqlite: &mut SqliteConnection, trace: &NewSendTrace, now: Timestamp) -> QueryResult<()> {
    if TraceState::find(sqlite, trace.reference, trace.provider)?.is_some() {
        return Ok(());
    }
    let country = trace.country.map(|country| country.as_str().to_owned()).unwrap_or_default();
    let prefix = trace.prefix();
    let cost = cost(trace.cost);
    let hour = Micros(FigureWindow::hour(now));
    insert_into(send_traces::table)
        .values((
            send_traces::reference.eq(Id(trace.reference.0)),
            send_traces::provider.eq(trace.provider),
            send_traces::phone.eq(trace.phone.as_e164()),
            send_traces::purpose.eq(trace.purpose.as_str()),
            send_traces::channel.eq(trace.channel.as_str()),
            send_traces::country.eq(&country),
            send_traces::prefix.eq(prefix.as_str()),
            send_traces::cost.eq(cost),
            send_traces::hour.eq(hour),
            send_traces::begun_at.eq(Micros(now)),
            send_traces::arrival.eq(Arrival::Unknown.rank()),
        ))
        .execute(sqlite)?;
    let place = Place {
        hour,
        provider: trace.provider,
        channel: trace.channel.as_str(),
        country: &country,
        prefix: prefix.as_str(),
    };
    count(sqlite, &place, &Counts { sent: 1, cost, ..Counts::default() })
}

fn settle(
    sqlite: &mut SqliteConnection,
    reference: SendReference,
    provider: &str,
    settlement: Settlement,
    provider_id: Option<&ProviderId>,
    now: Timestamp,
) -> QueryResult<()> {
    let Some(trace) = TraceState::find(sqlite, reference, provider)? else { return Ok(()) };
    match (trace.settlement()?, settlement) {
        (None, _) | (Some(Settlement::Unknown), Settlement::Sent) => {}
        (Some(_), _) => return Ok(()),
    }
    let provider_id = provider_id.map(|id| id.0.clone()).or_else(|| trace.provider_id.clone());
    update(send_traces::table.find(trace.key()))
        .set((
            send_traces::settlement.eq(settlement.as_str()),
            send_traces::settled_at.eq(Micros(now)),
            send_traces::provider_id.eq(provider_id),
        ))
        .execute(sqlite)?;
    if settlement.may_have_left() {
        return Ok(());
    }
    count(sqlite, &trace.place(), &Counts { sent: -1, cost: -trace.cost, ..Counts::default() })
}

fn enter(
    sqlite: &mut SqliteConnection,
    provider: &str,
    provider_id: &ProviderId,
    now: Timestamp,
) -> QueryResult<Option<Entry>> {
    let trace = TraceState::find_by_provider(sqlite, provider, provider_id)?;
    let Some(trace) = trace.filter(|trace| trace.entered_at.is_none()) else { return Ok(None) };
    let before = trace.arrival()?;
    let entered =
        (send_traces::entered_at.eq(Some(Micros(now))), send_traces::arrival.eq(Arrival::Arrived.rank()));
    update(send_traces::table.find(trace.key())).set(entered).execute(sqlite)?;
    if before < Arrival::Arrived {
        update(send_traces::table.find(trace.key()))
            .set(send_traces::arrived_at.eq(Some(Micros(now))))
            .execute(sqlite)?;
    }
    let took = now.duration_since(trace.begun_at.0).max(SignedDuration::ZERO);
    let counts = Counts { entry: Some(took), ..Counts::of_advance(before, Arrival::Arrived) };
    count(sqlite, &trace.place(), &counts)?;
    Ok(Some(Entry { channel: trace.channel()?, country: trace.country(), took }))
}

fn forget(sqlite: &mut SqliteConnection, before: Timestamp, most: u32) -> QueryResult<u64> {
    const RULES: [&str; 3] = [
        "DELETE FROM send_traces WHERE rowid IN (SELECT rowid FROM send_traces WHERE begun_at < ? LIMIT ?)",
        "DELETE FROM send_figures WHERE rowid IN (SELECT rowid FROM send_figures WHERE hour < ? LIMIT ?)",
        "DELETE FROM quoted_prices WHERE rowid IN (SELECT rowid FROM quoted_prices WHERE said_at < ? LIMIT ?)",
    ];
    let mut gone = 0;
    for rule in RULES {
        let deleted = sql_query(rule)
            .bind::<BigInt, _>(Micros(before))
            .bind::<BigInt, _>(i64::from(most))
            .execute(sqlite)?;
        gone += deleted as u64;
    }
    Ok(gone)
}
