//! Looking at what became of messages.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{
    Arrival, HeardCallback, Money, PhoneNumber, ProviderId, Purpose, SendReference, SendTrace, Settlement,
};
use ports::StoreError;
use uuid::Uuid;

use super::channel;
use crate::{PostgresStore, rows::read, statement::statement, types::Instant};

statement!(direct List { phone: String => Text, most: i64 => BigInt } "
    SELECT t.reference, t.provider, t.provider_id, t.purpose, t.channel, t.country, t.prefix, t.cost, t.begun_at,
        t.settlement, t.settled_at, t.arrival, t.arrived_at, t.entered_at,
        c.event, c.outcome, c.reason, c.said_at, c.heard_at
    FROM (SELECT * FROM send_traces WHERE phone = ? ORDER BY begun_at DESC, reference, provider LIMIT ?) t
    LEFT JOIN send_callbacks c ON c.reference = t.reference AND c.provider = t.provider
    ORDER BY t.begun_at DESC, t.reference, t.provider, c.said_at, c.heard_at, c.fingerprint");

/// A trace with one of its callbacks, or without any.
#[derive(QueryableByName)]
struct TraceRow {
    #[diesel(sql_type = SqlUuid)]
    reference: Uuid,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Nullable<Text>)]
    provider_id: Option<String>,
    #[diesel(sql_type = Text)]
    purpose: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Text)]
    prefix: String,
    #[diesel(sql_type = BigInt)]
    cost: i64,
    #[diesel(sql_type = Timestamptz)]
    begun_at: Instant,
    #[diesel(sql_type = Nullable<Text>)]
    settlement: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    settled_at: Option<Instant>,
    #[diesel(sql_type = Integer)]
    arrival: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    arrived_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    entered_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Text>)]
    event: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    said_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    heard_at: Option<Instant>,
}

impl TraceRow {
    fn is_of(&self, trace: &SendTrace) -> bool {
        (self.reference, &self.provider) == (trace.reference.0, &trace.provider)
    }

    fn callback(&self) -> Option<HeardCallback> {
        Some(HeardCallback {
            event: self.event.clone()?,
            outcome: self.outcome.clone(),
            reason: self.reason.clone(),
            said_at: self.said_at?.0,
            heard_at: self.heard_at?.0,
        })
    }

    fn trace(self) -> Result<SendTrace, StoreError> {
        let settlement = self.settlement.as_deref();
        let settlement =
            settlement.map(|text| read(Settlement::find(text), "send_traces", "settlement")).transpose()?;
        Ok(SendTrace {
            reference: SendReference(self.reference),
            purpose: read(Purpose::find(&self.purpose), "send_traces", "purpose")?,
            channel: channel(&self.channel)?,
            arrival: read(Arrival::of_rank(self.arrival), "send_traces", "arrival")?,
            provider: self.provider,
            provider_id: self.provider_id.map(ProviderId),
            country: Some(self.country).filter(|country| !country.is_empty()),
            prefix: self.prefix,
            cost: Money(u64::try_from(self.cost).unwrap_or(0)),
            begun_at: self.begun_at.0,
            settlement,
            settled_at: self.settled_at.map(|at| at.0),
            arrived_at: self.arrived_at.map(|at| at.0),
            entered_at: self.entered_at.map(|at| at.0),
            callbacks: Vec::new(),
        })
    }
}

pub(super) async fn list(
    store: &PostgresStore,
    phone: &PhoneNumber,
    most: u32,
) -> Result<Vec<SendTrace>, StoreError> {
    let list = List { phone: phone.as_e164().to_owned(), most: i64::from(most) };
    let rows: Vec<TraceRow> = store.rows(list).await?;
    let mut traces: Vec<SendTrace> = Vec::new();
    for row in rows {
        let callback = row.callback();
        if let Some(trace) = traces.last_mut().filter(|trace| row.is_of(trace)) {
            trace.callbacks.extend(callback);
            continue;
        }
        let mut trace = row.trace()?;
        trace.callbacks.extend(callback);
        traces.push(trace);
    }
    Ok(traces)
}
