//! The record of what happened to accounts.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select, update},
    prelude::*,
};
use domain::{EventId, EventName, PhoneNumber, SecurityEvent, SessionId, UserAgent, UserId};
use jiff::Timestamp;
use ports::{EventStore, NewEvent, StoreError};

use crate::{
    rows::EventRow,
    schema::{events, users},
    store::SqliteStore,
    types::{Id, Micros},
};

#[async_trait]
impl EventStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.list_events", skip_all)]
    async fn list_events(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<SecurityEvent>, StoreError> {
        self.read(move |sqlite| list(sqlite, user_id, before, most)).await
    }

    #[tracing::instrument(name = "sqlite.record_event", skip_all)]
    async fn record_event(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| record_of_account(sqlite, &event, user_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.forget_events", skip_all)]
    async fn forget_events(&self, until: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.write(move |sqlite| forget(sqlite, until, most)).await
    }
}

/// Records what the transaction around it has just done. The user must still be there if
/// somebody is told of it, who is told in that language.
pub(crate) fn record(
    sqlite: &mut SqliteConnection,
    event: &NewEvent,
    user_id: UserId,
    session_id: Option<SessionId>,
    now: Timestamp,
) -> QueryResult<()> {
    let phone = event.notify.as_ref().map(PhoneNumber::as_e164);
    let locale = match phone {
        Some(_) => users::table.find(Id(user_id.0)).select(users::locale).first(sqlite).optional()?.flatten(),
        None => None::<String>,
    };
    insert_into(events::table)
        .values((
            events::id.eq(Id(event.id.0)),
            events::user_id.eq(Id(user_id.0)),
            events::name.eq(event.name.as_str()),
            events::session_id.eq(session_id.map(|id| Id(id.0))),
            events::client_address.eq(event.client.address.map(|address| address.to_string())),
            events::user_agent.eq(event.client.user_agent.as_ref().map(UserAgent::as_str)),
            events::occurred_at.eq(Micros(now)),
            events::notify_phone.eq(phone),
            events::notify_locale.eq(locale),
            events::notify_at.eq(phone.map(|_| Micros(now))),
        ))
        .execute(sqlite)
        .map(drop)
}

fn record_of_account(
    sqlite: &mut SqliteConnection,
    event: &NewEvent,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<bool> {
    let is_there: bool = select(exists(users::table.find(Id(user_id.0)))).get_result(sqlite)?;
    if is_there {
        record(sqlite, event, user_id, None, now)?;
    }
    Ok(is_there)
}

/// Addresses and programs are personal data; that something happened is not.
pub(crate) fn forget_clients(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<()> {
    update(events::table.filter(events::user_id.eq(Id(user_id.0))))
        .set((events::client_address.eq(None::<String>), events::user_agent.eq(None::<String>)))
        .execute(sqlite)
        .map(drop)
}

fn list(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    before: Option<EventId>,
    most: u32,
) -> QueryResult<Vec<SecurityEvent>> {
    // A newer program may have written others; they must not shorten a page.
    let known = EventName::ALL.map(EventName::as_str);
    let mut listed = events::table
        .filter(events::user_id.eq(Id(user_id.0)))
        .filter(events::name.eq_any(known))
        .order(events::id.desc())
        .limit(i64::from(most))
        .select(EventRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        listed = listed.filter(events::id.lt(Id(before.0)));
    }
    listed.load(sqlite)?.into_iter().map(EventRow::into_event).collect()
}

fn forget(sqlite: &mut SqliteConnection, until: Timestamp, most: u32) -> QueryResult<u64> {
    let oldest: Vec<Id> = events::table
        .filter(events::occurred_at.lt(Micros(until)))
        .order(events::occurred_at)
        .limit(i64::from(most))
        .select(events::id)
        .load(sqlite)?;
    let mut gone = 0;
    for id in oldest {
        gone += delete(events::table.find(id)).execute(sqlite)? as u64;
    }
    Ok(gone)
}
