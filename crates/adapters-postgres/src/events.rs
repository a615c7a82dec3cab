//! The record of what happened to accounts.

use async_trait::async_trait;
use diesel::{
    QueryResult, QueryableByName,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Client, EventId, EventName, SecurityEvent, SessionId, UserId};
use jiff::Timestamp;
use ports::{EventStore, NewEvent, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::{delete_older, limit},
    rows::{ClientRow, client},
    statement::{Inputs, statement},
    types::Instant,
};

/// The event of an act, which [`record!`] inserts.
#[derive(Clone, Default)]
pub(crate) struct EventInput {
    id: Uuid,
    name: &'static str,
    address: Option<String>,
    user_agent: Option<String>,
    phone: Option<String>,
}

impl EventInput {
    /// The event without its client.
    pub(crate) fn anonymous(event: &NewEvent) -> Self {
        Self { address: None, user_agent: None, ..event.into() }
    }
}

impl From<&NewEvent> for EventInput {
    fn from(event: &NewEvent) -> Self {
        let (address, user_agent) = client(&event.client);
        let phone = event.notify.as_ref().map(|phone| phone.as_e164().to_owned());
        Self { id: event.id.0, name: event.name.as_str(), address, user_agent, phone }
    }
}

impl Inputs for EventInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(" AS event_id, ");
        out.push_bind_param::<Text, _>(&self.name)?;
        out.push_sql(" AS event_name, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.address)?;
        out.push_sql(" AS event_address, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.user_agent)?;
        out.push_sql(" AS event_agent, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.phone)?;
        out.push_sql(" AS event_phone");
        Ok(())
    }
}

/// A second event of the same statement, which [`record!`] inserts as `other`, if there is one.
#[derive(Clone, Default)]
pub(crate) struct OtherEventInput {
    id: Option<Uuid>,
    name: Option<&'static str>,
    address: Option<String>,
    user_agent: Option<String>,
    phone: Option<String>,
}

impl From<Option<&NewEvent>> for OtherEventInput {
    fn from(event: Option<&NewEvent>) -> Self {
        let Some(event) = event else { return Self::default() };
        let EventInput { id, name, address, user_agent, phone } = event.into();
        Self { id: Some(id), name: Some(name), address, user_agent, phone }
    }
}

impl Inputs for OtherEventInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.id)?;
        out.push_sql(" AS other_event_id, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.name)?;
        out.push_sql(" AS other_event_name, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.address)?;
        out.push_sql(" AS other_event_address, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.user_agent)?;
        out.push_sql(" AS other_event_agent, ");
        out.push_bind_param::<Nullable<Text>, _>(&self.phone)?;
        out.push_sql(" AS other_event_phone");
        Ok(())
    }
}

/// Inserts the event in `input i`, once for each row of the clause of the act. As the last
/// part of a statement it makes the number of changed rows tell whether the act took effect.
///
/// The act must hold the row of the user, whose deletion otherwise could overlook the event.
/// `$phone` is the number that is told of it, if any. `other` is for the second event of a statement.
macro_rules! record {
    (other user $user:literal, session $session:literal, act $act:literal) => {
        $crate::events::record!(@insert "i.other_event", user $user, session $session, told "i.other_event_phone", act $act)
    };
    (user $user:literal, session $session:literal, act $act:literal) => {
        $crate::events::record!(user $user, session $session, told "i.event_phone", act $act)
    };
    (user $user:literal, session $session:literal, told $phone:literal, act $act:literal) => {
        $crate::events::record!(@insert "i.event", user $user, session $session, told $phone, act $act)
    };
    (@insert $event:literal, user $user:literal, session $session:literal, told $phone:literal, act $act:literal) => {
        concat!(
            " INSERT INTO events (id, user_id, name, session_id, client_address, user_agent, occurred_at,
                notify_phone, notify_locale, notify_at)
            SELECT ", $event, "_id, ",
            $user,
            ", ", $event, "_name, ",
            $session,
            ", ", $event, "_address, ", $event, "_agent, i.now, ",
            $phone,
            ", CASE WHEN ",
            $phone,
            " IS NOT NULL THEN (SELECT told.locale FROM users told WHERE told.id = ",
            $user,
            ") END, CASE WHEN ",
            $phone,
            " IS NOT NULL THEN i.now END
            FROM input i, ",
            $act
        )
    };
}

/// Holds the row of the user in `input i`, before any other row as deletion does.
macro_rules! held_owner {
    () => {
        ", owner AS MATERIALIZED (
            SELECT u.id FROM input i JOIN users u ON u.id = i.user_id FOR KEY SHARE OF u
        )"
    };
}
pub(crate) use {held_owner, record};

// Only names that are known, so that what an older release cannot read shortens no list.
statement!(direct ListEvents {
    user_id: Uuid => SqlUuid,
    before: Uuid => SqlUuid,
    names: Vec<&'static str> => Array<Text>,
    most: i64 => BigInt,
} "SELECT e.id, e.name, e.session_id, e.client_address, e.user_agent, e.occurred_at FROM events e
    WHERE e.user_id = ? AND e.id < ? AND e.name = ANY (?) ORDER BY e.id DESC LIMIT ?");

statement!(RecordEvent {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_owner!(), record!(user "o.id", session "NULL", act "owner o")));

delete_older!(ForgetEvents, "events", "occurred_at");

#[derive(QueryableByName)]
pub(crate) struct EventRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    session_id: Option<Uuid>,
    #[diesel(embed)]
    client: ClientRow,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: Instant,
}

impl EventRow {
    pub(crate) fn event(self) -> Option<SecurityEvent> {
        Some(SecurityEvent {
            id: EventId(self.id),
            name: EventName::find(&self.name)?,
            session_id: self.session_id.map(SessionId),
            client: Client::from(self.client),
            occurred_at: self.occurred_at.0,
        })
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    #[tracing::instrument(name = "postgres.list_events", level = "debug", skip_all)]
    async fn list_events(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<SecurityEvent>, StoreError> {
        let list = ListEvents {
            user_id: user_id.0,
            before: before.map_or(Uuid::max(), |before| before.0),
            names: EventName::ALL.map(EventName::as_str).to_vec(),
            most: i64::from(most),
        };
        let rows: Vec<EventRow> = self.rows(list).await?;
        Ok(rows.into_iter().filter_map(EventRow::event).collect())
    }

    #[tracing::instrument(name = "postgres.record_event", level = "debug", skip_all)]
    async fn record_event(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let record = RecordEvent { user_id: user_id.0, now: Instant(now), event: event.into() };
        Ok(self.execute(record).await? > 0)
    }

    #[tracing::instrument(name = "postgres.forget_events", level = "debug", skip_all)]
    async fn forget_events(&self, until: Timestamp, most: u32) -> Result<u64, StoreError> {
        let forgotten = self.execute(ForgetEvents { before: Instant(until), most: limit(most) }).await?;
        Ok(forgotten as u64)
    }
}
