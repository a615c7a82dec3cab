//! Looking at what became of messages.

use std::collections::BTreeMap;

use diesel::{QueryResult, SqliteConnection, prelude::*, sqlite::Sqlite};
use domain::{HeardCallback, Money, PhoneNumber, ProviderId, Purpose, SendReference, SendTrace, Settlement};
use uuid::Uuid;

use super::{arrival, channel};
use crate::{
    error::unreadable,
    schema::{send_callbacks, send_traces},
    types::{Id, Micros},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = send_traces, check_for_backend(Sqlite))]
struct TraceRow {
    reference: Id,
    provider: String,
    provider_id: Option<String>,
    purpose: String,
    channel: String,
    country: String,
    prefix: String,
    cost: i64,
    begun_at: Micros,
    settlement: Option<String>,
    settled_at: Option<Micros>,
    arrival: i32,
    arrived_at: Option<Micros>,
    entered_at: Option<Micros>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = send_callbacks, check_for_backend(Sqlite))]
struct CallbackRow {
    event: String,
    outcome: Option<String>,
    reason: Option<String>,
    said_at: Micros,
    heard_at: Micros,
}

impl From<CallbackRow> for HeardCallback {
    fn from(row: CallbackRow) -> Self {
        Self {
            event: row.event,
            outcome: row.outcome,
            reason: row.reason,
            said_at: row.said_at.0,
            heard_at: row.heard_at.0,
        }
    }
}

impl TraceRow {
    fn trace(self, callbacks: Vec<CallbackRow>) -> QueryResult<SendTrace> {
        let find = |text: &str| Settlement::find(text).ok_or_else(|| unreadable("send_traces.settlement"));
        Ok(SendTrace {
            reference: SendReference(self.reference.0),
            settlement: self.settlement.as_deref().map(find).transpose()?,
            purpose: Purpose::find(&self.purpose).ok_or_else(|| unreadable("send_traces.purpose"))?,
            channel: channel(&self.channel)?,
            arrival: arrival(self.arrival)?,
            provider: self.provider,
            provider_id: self.provider_id.map(ProviderId),
            country: Some(self.country).filter(|country| !country.is_empty()),
            prefix: self.prefix,
            cost: Money(u64::try_from(self.cost).unwrap_or(0)),
            begun_at: self.begun_at.0,
            settled_at: self.settled_at.map(|at| at.0),
            arrived_at: self.arrived_at.map(|at| at.0),
            entered_at: self.entered_at.map(|at| at.0),
            callbacks: callbacks.into_iter().map(HeardCallback::from).collect(),
        })
    }
}

pub(super) fn list(
    sqlite: &mut SqliteConnection,
    phone: &PhoneNumber,
    most: u32,
) -> QueryResult<Vec<SendTrace>> {
    let rows: Vec<TraceRow> = send_traces::table
        .filter(send_traces::phone.eq(phone.as_e164()))
        .order((send_traces::begun_at.desc(), send_traces::reference.asc(), send_traces::provider.asc()))
        .limit(i64::from(most))
        .select(TraceRow::as_select())
        .load(sqlite)?;
    let mut told = callbacks(sqlite, &rows)?;
    rows.into_iter()
        .map(|row| {
            let callbacks = told.remove(&(row.reference.0, row.provider.clone())).unwrap_or_default();
            row.trace(callbacks)
        })
        .collect()
}

/// What was told of each of the messages, by reference and provider, in the order in which it was said.
fn callbacks(
    sqlite: &mut SqliteConnection,
    traces: &[TraceRow],
) -> QueryResult<BTreeMap<(Uuid, String), Vec<CallbackRow>>> {
    let references = traces.iter().map(|trace| trace.reference);
    let rows: Vec<(Id, String, CallbackRow)> = send_callbacks::table
        .filter(send_callbacks::reference.eq_any(references))
        .order((
            send_callbacks::said_at.asc(),
            send_callbacks::heard_at.asc(),
            send_callbacks::fingerprint.asc(),
        ))
        .select((send_callbacks::reference, send_callbacks::provider, CallbackRow::as_select()))
        .load(sqlite)?;
    let mut told: BTreeMap<(Uuid, String), Vec<CallbackRow>> = BTreeMap::new();
    for (reference, provider, row) in rows {
        told.entry((reference.0, provider)).or_default().push(row);
    }
    Ok(told)
}
