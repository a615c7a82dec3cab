//! The deliveries of events.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
    sqlite::Sqlite,
};
use domain::{EndpointName, EventId, EventName, SessionId, UserId};
use jiff::Timestamp;
use ports::{DeadDelivery, DeadFilter, DueDelivery, StoreError, Subscription, WebhookEvent, WebhookStore};

use crate::{
    schema::{events, webhook_deliveries as deliveries},
    store::SqliteStore,
    types::{Count, Id, Micros},
};

#[async_trait]
impl WebhookStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.fan_out", level = "debug", skip_all)]
    async fn fan_out(
        &self,
        subscriptions: &[Subscription],
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // Most of the time there is nothing, and looking holds up no writer.
        if self.read(move |sqlite| fresh(sqlite, since, 1)).await?.is_empty() {
            return Ok(0);
        }
        let subscriptions = subscriptions.to_vec();
        self.write(move |sqlite| fan_out(sqlite, &subscriptions, since, most, now)).await
    }

    #[tracing::instrument(name = "sqlite.claim_deliveries", level = "debug", skip_all)]
    async fn claim_deliveries(
        &self,
        endpoint: &EndpointName,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let looked_for = endpoint.clone();
        if self.read(move |sqlite| due(sqlite, &looked_for, 1, now)).await?.is_empty() {
            return Ok(Vec::new());
        }
        let endpoint = endpoint.clone();
        self.write(move |sqlite| claim(sqlite, &endpoint, most, leased_until, now)).await
    }

    #[tracing::instrument(name = "sqlite.finish_delivery", level = "debug", skip_all)]
    async fn finish_delivery(&self, due: &DueDelivery) -> Result<(), StoreError> {
        let due = due.clone();
        self.write(move |sqlite| delete(taken(&due)).execute(sqlite).map(drop)).await
    }

    #[tracing::instrument(name = "sqlite.put_off_delivery", level = "debug", skip_all)]
    async fn put_off_delivery(
        &self,
        due: &DueDelivery,
        failure: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (due, failure) = (due.clone(), failure.to_owned());
        self.write(move |sqlite| {
            let put_off = (deliveries::due_at.eq(Micros(at)), deliveries::failure.eq(Some(&failure)));
            update(taken(&due)).set(put_off).execute(sqlite).map(drop)
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.bury_delivery", level = "debug", skip_all)]
    async fn bury_delivery(
        &self,
        due: &DueDelivery,
        failure: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (due, failure) = (due.clone(), failure.to_owned());
        self.write(move |sqlite| {
            let buried = (deliveries::dead_at.eq(Some(Micros(now))), deliveries::failure.eq(Some(&failure)));
            update(taken(&due)).set(buried).execute(sqlite).map(drop)
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.list_dead", level = "debug", skip_all)]
    async fn list_dead(&self, filter: &DeadFilter, most: u32) -> Result<Vec<DeadDelivery>, StoreError> {
        let filter = filter.clone();
        self.read(move |sqlite| list_dead(sqlite, &filter, most)).await
    }

    #[tracing::instrument(name = "sqlite.revive_dead", level = "debug", skip_all)]
    async fn revive_dead(&self, filter: &DeadFilter, now: Timestamp) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.write(move |sqlite| revive_dead(sqlite, &filter, now)).await
    }
}

/// A delivery as whoever made this attempt took it.
#[diesel::dsl::auto_type(no_type_alias)]
fn taken<'a>(due: &'a DueDelivery) -> _ {
    let event_id: Id = Id(due.event.id.0);
    let endpoint: &'a str = due.endpoint.as_str();
    let attempt: Count = Count(due.attempt);
    deliveries::table
        .filter(deliveries::event_id.eq(event_id))
        .filter(deliveries::endpoint.eq(endpoint))
        .filter(deliveries::attempts.eq(attempt))
        .filter(deliveries::dead_at.is_null())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Sqlite))]
struct EventRow {
    id: Id,
    name: String,
    user_id: Id,
    session_id: Option<Id>,
    occurred_at: Micros,
}

impl EventRow {
    fn event(self) -> Option<WebhookEvent> {
        Some(WebhookEvent {
            id: EventId(self.id.0),
            name: EventName::find(&self.name)?,
            user_id: UserId(self.user_id.0),
            session_id: self.session_id.map(|id| SessionId(id.0)),
            occurred_at: self.occurred_at.0,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(Sqlite))]
struct DeadRow {
    endpoint: String,
    attempts: Count,
    failure: Option<String>,
    dead_at: Option<Micros>,
}

impl DeadRow {
    fn of(self, event: EventRow) -> Option<DeadDelivery> {
        Some(DeadDelivery {
            endpoint: self.endpoint,
            event: event.event()?,
            attempts: self.attempts.0,
            failure: self.failure.unwrap_or_default(),
            dead_at: self.dead_at?.0,
        })
    }
}

/// The oldest events that nobody has made deliveries out for.
fn fresh(sqlite: &mut SqliteConnection, since: Timestamp, most: u32) -> QueryResult<Vec<(Id, String)>> {
    events::table
        .filter(events::fanned_out_at.is_null())
        .filter(events::occurred_at.gt(Micros(since)))
        .filter(events::name.eq_any(EventName::ALL.map(EventName::as_str)))
        .order(events::occurred_at)
        .limit(i64::from(most))
        .select((events::id, events::name))
        .load(sqlite)
}

fn fan_out(
    sqlite: &mut SqliteConnection,
    subscriptions: &[Subscription],
    since: Timestamp,
    most: u32,
    now: Timestamp,
) -> QueryResult<u64> {
    let fresh = fresh(sqlite, since, most)?;
    for (id, name) in &fresh {
        let wants =
            |subscription: &&Subscription| subscription.events.iter().any(|event| event.as_str() == name);
        for Subscription { endpoint, .. } in subscriptions.iter().filter(wants) {
            insert_into(deliveries::table)
                .values((
                    deliveries::event_id.eq(id),
                    deliveries::endpoint.eq(endpoint.as_str()),
                    deliveries::due_at.eq(Micros(now)),
                ))
                .on_conflict_do_nothing()
                .execute(sqlite)?;
        }
        update(events::table.find(id)).set(events::fanned_out_at.eq(Some(Micros(now)))).execute(sqlite)?;
    }
    Ok(fresh.len() as u64)
}

fn due(
    sqlite: &mut SqliteConnection,
    endpoint: &EndpointName,
    most: u32,
    now: Timestamp,
) -> QueryResult<Vec<Id>> {
    deliveries::table
        .filter(deliveries::endpoint.eq(endpoint.as_str()))
        .filter(deliveries::dead_at.is_null())
        .filter(deliveries::due_at.le(Micros(now)))
        .order(deliveries::due_at)
        .limit(i64::from(most))
        .select(deliveries::event_id)
        .load(sqlite)
}

fn claim(
    sqlite: &mut SqliteConnection,
    endpoint: &EndpointName,
    most: u32,
    leased_until: Timestamp,
    now: Timestamp,
) -> QueryResult<Vec<DueDelivery>> {
    let mut claimed = Vec::new();
    for id in due(sqlite, endpoint, most, now)? {
        let attempt: Count = update(deliveries::table.find((id, endpoint.as_str())))
            .set((
                deliveries::attempts.eq(deliveries::attempts + 1),
                deliveries::due_at.eq(Micros(leased_until)),
            ))
            .returning(deliveries::attempts)
            .get_result(sqlite)?;
        let row: EventRow = events::table.find(id).select(EventRow::as_select()).first(sqlite)?;
        let due = |event| DueDelivery { endpoint: endpoint.clone(), event, attempt: attempt.0 };
        claimed.extend(row.event().map(due));
    }
    Ok(claimed)
}

fn list_dead(
    sqlite: &mut SqliteConnection,
    filter: &DeadFilter,
    most: u32,
) -> QueryResult<Vec<DeadDelivery>> {
    let mut dead = deliveries::table
        .inner_join(events::table)
        .filter(deliveries::dead_at.is_not_null())
        .order((deliveries::dead_at.desc(), deliveries::event_id.desc(), deliveries::endpoint))
        .limit(i64::from(most))
        .select((EventRow::as_select(), DeadRow::as_select()))
        .into_boxed();
    if let Some(endpoint) = &filter.endpoint {
        dead = dead.filter(deliveries::endpoint.eq(endpoint.as_str()));
    }
    if let Some(event) = filter.event {
        dead = dead.filter(deliveries::event_id.eq(Id(event.0)));
    }
    let rows: Vec<(EventRow, DeadRow)> = dead.load(sqlite)?;
    Ok(rows.into_iter().filter_map(|(event, dead)| dead.of(event)).collect())
}

fn revive_dead(sqlite: &mut SqliteConnection, filter: &DeadFilter, now: Timestamp) -> QueryResult<u64> {
    let mut dead = deliveries::table
        .filter(deliveries::dead_at.is_not_null())
        .select((deliveries::event_id, deliveries::endpoint))
        .into_boxed();
    if let Some(endpoint) = &filter.endpoint {
        dead = dead.filter(deliveries::endpoint.eq(endpoint.as_str()));
    }
    if let Some(event) = filter.event {
        dead = dead.filter(deliveries::event_id.eq(Id(event.0)));
    }
    let dead: Vec<(Id, String)> = dead.load(sqlite)?;
    for (event_id, endpoint) in &dead {
        update(deliveries::table.find((event_id, endpoint)))
            .set((
                deliveries::dead_at.eq(None::<Micros>),
                deliveries::attempts.eq(Count(0)),
                deliveries::due_at.eq(Micros(now)),
            ))
            .execute(sqlite)?;
    }
    Ok(dead.len() as u64)
}
