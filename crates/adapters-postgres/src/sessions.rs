//! Sessions.

mod lookups;
mod opening;

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Bool, Timestamptz, Uuid as SqlUuid},
};
use domain::{RefreshTokenHash, SessionEntry, SessionId, SessionPolicy, UserId};
use jiff::{SignedDuration, Timestamp};
use ports::{LiveSession, NewEvent, Rotation, SessionStore, StoreError};
use uuid::Uuid;

pub(crate) use self::{
    lookups::Lookups,
    opening::{SessionInput, oldest_session, session},
};
use crate::{
    PostgresStore,
    events::{EventInput, held_owner, record},
    rows::{ClientRow, SessionRow, session_columns},
    statement::statement,
    types::Instant,
};

// Without a clause that names its input, so that the index gives the order.
statement!(direct List { user_id: Uuid => SqlUuid, now: Instant => Timestamptz }
    "SELECT s.id, s.created_at, s.last_used_at, s.client_address, s.user_agent FROM sessions s
    WHERE s.user_id = ? AND s.expires_at > ? ORDER BY s.last_used_at DESC, s.id DESC");

statement!(End {
    id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_owner!(), ", ended AS (
        DELETE FROM sessions s USING input i, owner o
        WHERE s.id = i.id AND s.user_id = o.id AND s.expires_at > i.now
        RETURNING s.id, s.user_id
    )", record!(user "e.user_id", session "e.id", act "ended e")));

statement!(EndOthers {
    kept: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT u.id FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
    ), ended AS MATERIALIZED (
        SELECT o.id AS user_id, end_other_sessions(o.id, i.kept, i.now) AS sessions FROM input i, owner o
    ), recorded AS (", record!(user "e.user_id", session "NULL", act "ended e WHERE e.sessions > 0"), ")
    SELECT sessions FROM ended"));

// Whoever sets `spent_at` has spent the token; everybody else waits for that row and finds it spent.
statement!(Spend {
    presented: Vec<u8> => Binary,
    successor: Vec<u8> => Binary,
    now: Instant => Timestamptz,
    slides_to: Instant => Timestamptz,
} concat!(", spent AS (
        UPDATE refresh_tokens t SET spent_at = i.now FROM input i, sessions s
        WHERE t.hash = i.presented AND t.spent_at IS NULL AND s.id = t.session_id AND s.expires_at > i.now
        RETURNING t.session_id
    ), renewed AS (
        UPDATE sessions s SET last_used_at = i.now, expires_at = least(i.slides_to, s.absolute_expires_at)
        FROM input i, spent WHERE s.id = spent.session_id
        RETURNING s.*
    ), succeeded AS (
        INSERT INTO refresh_tokens (hash, session_id, parent, issued_at)
        SELECT i.successor, spent.session_id, i.presented, i.now FROM input i, spent
    )
    SELECT ", session_columns!(), " FROM renewed s JOIN users u ON u.id = s.user_id"));

// The replaced successor stays, spent, so that it is recognised if a thief's
// victim brings it.
statement!(Replace {
    presented: Vec<u8> => Binary,
    successor: Vec<u8> => Binary,
    now: Instant => Timestamptz,
    leeway_began: Instant => Timestamptz,
} concat!(", replaced AS (
        UPDATE refresh_tokens t SET spent_at = i.now, parent = NULL FROM input i, refresh_tokens p, sessions s
        WHERE p.hash = i.presented AND p.spent_at > i.leeway_began AND t.parent = p.hash AND t.spent_at IS NULL
        AND s.id = t.session_id AND s.expires_at > i.now
        RETURNING t.session_id
    ), succeeded AS (
        INSERT INTO refresh_tokens (hash, session_id, parent, issued_at)
        SELECT i.successor, replaced.session_id, i.presented, i.now FROM input i, replaced
    )
    SELECT ", session_columns!(), "
    FROM replaced JOIN sessions s ON s.id = replaced.session_id JOIN users u ON u.id = s.user_id"));

statement!(EndReused {
    presented: Vec<u8> => Binary,
    leeway_began: Instant => Timestamptz,
    now: Instant => Timestamptz,
    notifies: bool => Bool,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT p.session_id, CASE WHEN i.notifies THEN u.phone END AS told FROM input i JOIN refresh_tokens p ON p.hash = i.presented AND p.spent_at <= i.leeway_began
        JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id
        FOR KEY SHARE OF u
    ), ended AS (
        DELETE FROM sessions s USING owner o WHERE s.id = o.session_id RETURNING s.id, s.user_id, o.told
    ), recorded AS (", record!(user "e.user_id", session "e.id", told "e.told", act "ended e"), ")
    SELECT id, user_id FROM ended"));

#[derive(QueryableByName)]
struct EndedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    sessions: i64,
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    last_used_at: Instant,
    #[diesel(embed)]
    client: ClientRow,
}

impl From<EntryRow> for SessionEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: SessionId(row.id),
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.0,
            client: row.client.into(),
        }
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    #[tracing::instrument(name = "postgres.find_live", level = "debug", skip_all)]
    async fn find_live(
        &self,
        id: SessionId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, StoreError> {
        let session = self.look_up(id.0).await?.map(LiveSession::try_from).transpose()?;
        Ok(session.filter(|session| session.user.id == user_id && session.expires_at > now))
    }

    #[tracing::instrument(name = "postgres.rotate", level = "debug", skip_all)]
    async fn rotate(
        &self,
        presented: RefreshTokenHash,
        successor: RefreshTokenHash,
        policy: &SessionPolicy,
        reuse: &NewEvent,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let presented = presented.0.to_vec();
        let successor = successor.0.to_vec();
        let slides_to = Instant(policy.slide(now, Timestamp::MAX));
        let leeway_began = Instant(before(now, policy.reuse_leeway));
        let now = Instant(now);
        let spend = Spend { presented: presented.clone(), successor: successor.clone(), now, slides_to };
        if let Some(row) = self.row::<_, SessionRow>(spend).await? {
            return Ok(Rotation::Rotated(row.try_into()?));
        }
        let replace = Replace { presented: presented.clone(), successor, now, leeway_began };
        if let Some(row) = self.row::<_, SessionRow>(replace).await? {
            return Ok(Rotation::Rotated(row.try_into()?));
        }
        let end =
            EndReused { presented, leeway_began, now, notifies: reuse.name.notifies(), event: reuse.into() };
        let ended: Option<EndedRow> = self.row(end).await?;
        Ok(ended.map_or(Rotation::Refused, |row| Rotation::Reused {
            session_id: SessionId(row.id),
            user_id: UserId(row.user_id),
        }))
    }

    #[tracing::instrument(name = "postgres.list_sessions", level = "debug", skip_all)]
    async fn list_sessions(&self, user_id: UserId, now: Timestamp) -> Result<Vec<SessionEntry>, StoreError> {
        let rows: Vec<EntryRow> = self.rows(List { user_id: user_id.0, now: Instant(now) }).await?;
        Ok(rows.into_iter().map(SessionEntry::from).collect())
    }

    #[tracing::instrument(name = "postgres.end", level = "debug", skip_all)]
    async fn end(
        &self,
        id: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let end = End { id: id.0, user_id: user_id.0, now: Instant(now), event: event.into() };
        Ok(self.execute(end).await? > 0)
    }

    #[tracing::instrument(name = "postgres.end_others", level = "debug", skip_all)]
    async fn end_others(
        &self,
        kept: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let end = EndOthers { kept: kept.0, user_id: user_id.0, now: Instant(now), event: event.into() };
        let ended: Option<CountRow> = self.row(end).await?;
        Ok(ended.map_or(0, |row| row.sessions.unsigned_abs()))
    }
}

fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}
