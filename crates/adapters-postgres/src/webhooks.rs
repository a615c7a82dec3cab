//! The deliveries of events.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{EndpointName, EventId, EventName, SessionId, UserId};
use jiff::Timestamp;
use ports::{DeadDelivery, DeadFilter, DueDelivery, StoreError, Subscription, WebhookEvent, WebhookStore};
use uuid::Uuid;

use crate::{PostgresStore, challenges::limit, notices::attempt, statement::statement, types::Instant};

// Whoever marks an event makes out its deliveries; nobody waits for what another holds.
// `endpoints` and `wanted` are the columns of what each endpoint wants.
statement!(FanOut {
    known: Vec<&'static str> => Array<Text>,
    endpoints: Vec<String> => Array<Text>,
    wanted: Vec<&'static str> => Array<Text>,
    since: Instant => Timestamptz,
    most: i32 => Integer,
    now: Instant => Timestamptz,
} ", fresh AS MATERIALIZED (
        SELECT e.id, e.name FROM events e
        WHERE e.fanned_out_at IS NULL AND e.occurred_at > (SELECT since FROM input)
            AND e.name = ANY ((SELECT known FROM input)::text[])
        ORDER BY e.occurred_at LIMIT (SELECT most FROM input) FOR NO KEY UPDATE SKIP LOCKED
    ), made_out AS (
        INSERT INTO webhook_deliveries (event_id, endpoint, due_at)
        SELECT f.id, w.endpoint, i.now FROM input i, fresh f, unnest(i.endpoints, i.wanted) AS w (endpoint, name)
        WHERE w.name = f.name
        ON CONFLICT DO NOTHING
    )
    UPDATE events e SET fanned_out_at = i.now FROM input i, fresh f WHERE e.id = f.id");

statement!(Claim {
    endpoint: String => Text,
    most: i32 => Integer,
    leased_until: Instant => Timestamptz,
    now: Instant => Timestamptz,
} ", due AS MATERIALIZED (
        SELECT d.event_id, d.endpoint FROM webhook_deliveries d
        WHERE d.endpoint = (SELECT endpoint FROM input) AND d.dead_at IS NULL
            AND d.due_at <= (SELECT now FROM input)
        ORDER BY d.due_at LIMIT (SELECT most FROM input) FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE webhook_deliveries d SET attempts = d.attempts + 1, due_at = i.leased_until
        FROM input i, due x WHERE d.event_id = x.event_id AND d.endpoint = x.endpoint
        RETURNING d.event_id, d.attempts
    )
    SELECT e.id, e.name, e.user_id, e.session_id, e.occurred_at, c.attempts
    FROM claimed c JOIN events e ON e.id = c.event_id");

statement!(direct Finish { event_id: Uuid => SqlUuid, endpoint: String => Text, attempt: i32 => Integer }
    "DELETE FROM webhook_deliveries WHERE event_id = ? AND endpoint = ? AND attempts = ? AND dead_at IS NULL");

statement!(direct PutOff {
    at: Instant => Timestamptz,
    failure: String => Text,
    event_id: Uuid => SqlUuid,
    endpoint: String => Text,
    attempt: i32 => Integer,
} "UPDATE webhook_deliveries SET due_at = ?, failure = ?
    WHERE event_id = ? AND endpoint = ? AND attempts = ? AND dead_at IS NULL");

statement!(direct Bury {
    now: Instant => Timestamptz,
    failure: String => Text,
    event_id: Uuid => SqlUuid,
    endpoint: String => Text,
    attempt: i32 => Integer,
} "UPDATE webhook_deliveries SET dead_at = ?, failure = ?
    WHERE event_id = ? AND endpoint = ? AND attempts = ? AND dead_at IS NULL");

statement!(ListDead {
    endpoint: Option<String> => Nullable<Text>,
    event_id: Option<Uuid> => Nullable<SqlUuid>,
    known: Vec<&'static str> => Array<Text>,
    most: i32 => Integer,
} " SELECT e.id, e.name, e.user_id, e.session_id, e.occurred_at, d.endpoint, d.attempts, d.failure, d.dead_at
    FROM input i, webhook_deliveries d JOIN events e ON e.id = d.event_id
    WHERE d.dead_at IS NOT NULL AND d.endpoint = coalesce(i.endpoint, d.endpoint)
        AND d.event_id = coalesce(i.event_id, d.event_id) AND e.name = ANY (i.known)
    ORDER BY d.dead_at DESC, d.event_id DESC, d.endpoint LIMIT (SELECT most FROM input)");

statement!(ReviveDead {
    endpoint: Option<String> => Nullable<Text>,
    event_id: Option<Uuid> => Nullable<SqlUuid>,
    now: Instant => Timestamptz,
} " UPDATE webhook_deliveries d SET dead_at = NULL, attempts = 0, due_at = i.now FROM input i
    WHERE d.dead_at IS NOT NULL AND d.endpoint = coalesce(i.endpoint, d.endpoint)
        AND d.event_id = coalesce(i.event_id, d.event_id)");

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    session_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: Instant,
}

impl EventRow {
    fn event(self) -> Option<WebhookEvent> {
        Some(WebhookEvent {
            id: EventId(self.id),
            name: EventName::find(&self.name)?,
            user_id: UserId(self.user_id),
            session_id: self.session_id.map(SessionId),
            occurred_at: self.occurred_at.0,
        })
    }
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(embed)]
    event: EventRow,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

#[derive(QueryableByName)]
struct DeadRow {
    #[diesel(embed)]
    event: EventRow,
    #[diesel(sql_type = Text)]
    endpoint: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    failure: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    dead_at: Instant,
}

impl DeadRow {
    fn dead(self) -> Option<DeadDelivery> {
        Some(DeadDelivery {
            endpoint: self.endpoint,
            event: self.event.event()?,
            attempts: self.attempts.unsigned_abs(),
            failure: self.failure.unwrap_or_default(),
            dead_at: self.dead_at.0,
        })
    }
}

fn known() -> Vec<&'static str> {
    EventName::ALL.map(EventName::as_str).to_vec()
}

fn filter(filter: &DeadFilter) -> (Option<String>, Option<Uuid>) {
    let endpoint = filter.endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned());
    (endpoint, filter.event.map(|event| event.0))
}

#[async_trait]
impl WebhookStore for PostgresStore {
    #[tracing::instrument(name = "postgres.fan_out", level = "debug", skip_all)]
    async fn fan_out(
        &self,
        subscriptions: &[Subscription],
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let pairs = subscriptions.iter().flat_map(|Subscription { endpoint, events }| {
            events.iter().map(|name| (endpoint.as_str().to_owned(), name.as_str()))
        });
        let (endpoints, wanted) = pairs.unzip();
        let fan_out = FanOut {
            known: known(),
            endpoints,
            wanted,
            since: Instant(since),
            most: limit(most),
            now: Instant(now),
        };
        Ok(self.execute(fan_out).await? as u64)
    }

    #[tracing::instrument(name = "postgres.claim_deliveries", level = "debug", skip_all)]
    async fn claim_deliveries(
        &self,
        endpoint: &EndpointName,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let claim = Claim {
            endpoint: endpoint.as_str().to_owned(),
            most: limit(most),
            leased_until: Instant(leased_until),
            now: Instant(now),
        };
        let rows: Vec<DueRow> = self.rows(claim).await?;
        let due = rows.into_iter().filter_map(|row| {
            let attempt = row.attempts.unsigned_abs();
            Some(DueDelivery { endpoint: endpoint.clone(), event: row.event.event()?, attempt })
        });
        Ok(due.collect())
    }

    #[tracing::instrument(name = "postgres.finish_delivery", level = "debug", skip_all)]
    async fn finish_delivery(&self, due: &DueDelivery) -> Result<(), StoreError> {
        let finish = Finish {
            event_id: due.event.id.0,
            endpoint: due.endpoint.as_str().to_owned(),
            attempt: attempt(due.attempt),
        };
        self.execute(finish).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.put_off_delivery", level = "debug", skip_all)]
    async fn put_off_delivery(
        &self,
        due: &DueDelivery,
        failure: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let put_off = PutOff {
            at: Instant(at),
            failure: failure.to_owned(),
            event_id: due.event.id.0,
            endpoint: due.endpoint.as_str().to_owned(),
            attempt: attempt(due.attempt),
        };
        self.execute(put_off).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.bury_delivery", level = "debug", skip_all)]
    async fn bury_delivery(
        &self,
        due: &DueDelivery,
        failure: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let bury = Bury {
            now: Instant(now),
            failure: failure.to_owned(),
            event_id: due.event.id.0,
            endpoint: due.endpoint.as_str().to_owned(),
            attempt: attempt(due.attempt),
        };
        self.execute(bury).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.list_dead", level = "debug", skip_all)]
    async fn list_dead(&self, wanted: &DeadFilter, most: u32) -> Result<Vec<DeadDelivery>, StoreError> {
        let (endpoint, event_id) = filter(wanted);
        let list = ListDead { endpoint, event_id, known: known(), most: limit(most) };
        let rows: Vec<DeadRow> = self.rows(list).await?;
        Ok(rows.into_iter().filter_map(DeadRow::dead).collect())
    }

    #[tracing::instrument(name = "postgres.revive_dead", level = "debug", skip_all)]
    async fn revive_dead(&self, wanted: &DeadFilter, now: Timestamp) -> Result<u64, StoreError> {
        let (endpoint, event_id) = filter(wanted);
        Ok(self.execute(ReviveDead { endpoint, event_id, now: Instant(now) }).await? as u64)
    }
}
