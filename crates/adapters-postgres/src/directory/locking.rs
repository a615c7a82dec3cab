//! Locks, and the ends of sessions.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{LockReason, UserId};
use jiff::Timestamp;
use ports::{LockChange, NewEvent, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    events::{EventInput, record},
    statement::statement,
    types::Instant,
};

// Codes go first and the row of the user next, as whoever uses a code takes them. Whoever opens
// a session holds that row until the session is there to be ended, or finds it locked.
statement!(LockAccount {
    user_id: Uuid => SqlUuid,
    reason: String => Text,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", codes AS (
        DELETE FROM verifications v USING input i, challenges c
        WHERE c.user_id = i.user_id AND v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        RETURNING v.id
    ), locked AS (
        UPDATE users u SET locked_at = i.now, lock_reason = i.reason
        FROM input i, (SELECT count(*) FROM codes) first WHERE u.id = i.user_id AND u.locked_at IS NULL
        RETURNING u.id
    ), closed AS (
        DELETE FROM challenges c USING locked l WHERE c.user_id = l.id
    ), ended AS MATERIALIZED (
        SELECT l.id, end_all_sessions(l.id, i.now) AS sessions, forget_devices(l.id, i.now) AS devices
        FROM input i, locked l
    ), recorded AS (", record!(user "e.id", session "NULL", act "ended e"), ")
    SELECT EXISTS (SELECT FROM ended) AS done FROM input i JOIN users u ON u.id = i.user_id"));

statement!(UnlockAccount {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", unlocked AS (
        UPDATE users u SET locked_at = NULL, lock_reason = NULL
        FROM input i WHERE u.id = i.user_id AND u.locked_at IS NOT NULL
        RETURNING u.id
    ), recorded AS (", record!(user "o.id", session "NULL", act "unlocked o"), ")
    SELECT EXISTS (SELECT FROM unlocked) AS done FROM input i JOIN users u ON u.id = i.user_id"));

statement!(EndAllSessions {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT u.id FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
    ), ended AS MATERIALIZED (
        SELECT o.id AS user_id, end_all_sessions(o.id, i.now) AS sessions FROM input i, owner o
    ), recorded AS (", record!(user "e.user_id", session "NULL", act "ended e WHERE e.sessions > 0"), ")
    SELECT sessions FROM ended"));

#[derive(QueryableByName)]
struct ChangeRow {
    #[diesel(sql_type = Bool)]
    done: bool,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    sessions: i64,
}

impl From<ChangeRow> for LockChange {
    fn from(row: ChangeRow) -> Self {
        if row.done { Self::Done } else { Self::AlreadySo }
    }
}

pub(super) async fn lock(
    store: &PostgresStore,
    user_id: UserId,
    reason: &LockReason,
    event: &NewEvent,
    now: Timestamp,
) -> Result<LockChange, StoreError> {
    let lock = LockAccount {
        user_id: user_id.0,
        reason: reason.as_str().to_owned(),
        now: Instant(now),
        event: event.into(),
    };
    let row: Option<ChangeRow> = store.row(lock).await?;
    Ok(row.map_or(LockChange::NotFound, LockChange::from))
}

pub(super) async fn unlock(
    store: &PostgresStore,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> Result<LockChange, StoreError> {
    let unlock = UnlockAccount { user_id: user_id.0, now: Instant(now), event: event.into() };
    let row: Option<ChangeRow> = store.row(unlock).await?;
    Ok(row.map_or(LockChange::NotFound, LockChange::from))
}

pub(super) async fn end_all_sessions(
    store: &PostgresStore,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let end = EndAllSessions { user_id: user_id.0, now: Instant(now), event: event.into() };
    let ended: Option<CountRow> = store.row(end).await?;
    Ok(ended.map(|row| row.sessions.unsigned_abs()))
}
