//! Sessions and refresh tokens.

mod opening;
mod rotation;

use async_trait::async_trait;
use diesel::{QueryResult, SqliteConnection, dsl::delete, prelude::*};
use domain::{RefreshTokenHash, SessionEntry, SessionId, SessionPolicy, UserId};
use jiff::Timestamp;
use ports::{LiveSession, NewEvent, Rotation, SessionStore, StoreError};

pub(crate) use self::opening::open_session;
use crate::{
    events,
    rows::{SessionEntryRow, SessionRow, UserRow},
    schema::{sessions, users},
    store::SqliteStore,
    types::{Id, Micros},
};

#[async_trait]
impl SessionStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.find_live", skip_all)]
    async fn find_live(
        &self,
        id: SessionId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, StoreError> {
        self.read(move |sqlite| find_live(sqlite, id, user_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.rotate", skip_all)]
    async fn rotate(
        &self,
        presented: RefreshTokenHash,
        successor: RefreshTokenHash,
        policy: &SessionPolicy,
        reuse: &NewEvent,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let (policy, reuse) = (*policy, reuse.clone());
        self.write(move |sqlite| rotation::rotate(sqlite, presented, successor, &policy, &reuse, now)).await
    }

    #[tracing::instrument(name = "sqlite.list_sessions", skip_all)]
    async fn list_sessions(&self, user_id: UserId, now: Timestamp) -> Result<Vec<SessionEntry>, StoreError> {
        self.read(move |sqlite| list(sqlite, user_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.end", skip_all)]
    async fn end(
        &self,
        id: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| end(sqlite, id, user_id, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.end_others", skip_all)]
    async fn end_others(
        &self,
        kept: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| end_others(sqlite, kept, user_id, &event, now)).await
    }
}

fn find_live(
    sqlite: &mut SqliteConnection,
    id: SessionId,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<Option<LiveSession>> {
    let found: Option<(SessionRow, UserRow)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(Id(id.0)))
        .filter(sessions::user_id.eq(Id(user_id.0)))
        .filter(sessions::expires_at.gt(Micros(now)))
        .select((SessionRow::as_select(), UserRow::as_select()))
        .first(sqlite)
        .optional()?;
    found.map(|(session, user)| session.into_live(user)).transpose()
}

fn list(sqlite: &mut SqliteConnection, user_id: UserId, now: Timestamp) -> QueryResult<Vec<SessionEntry>> {
    let live: Vec<SessionEntryRow> = sessions::table
        .filter(sessions::user_id.eq(Id(user_id.0)))
        .filter(sessions::expires_at.gt(Micros(now)))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(SessionEntryRow::as_select())
        .load(sqlite)?;
    live.into_iter().map(SessionEntryRow::into_entry).collect()
}

fn end(
    sqlite: &mut SqliteConnection,
    id: SessionId,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<bool> {
    let ended = end_live(sqlite, id, user_id, now)?;
    if ended {
        events::record(sqlite, event, user_id, Some(id), now)?;
    }
    Ok(ended)
}

/// Ends the session; `false` when no such session of the user lives.
pub(crate) fn end_live(
    sqlite: &mut SqliteConnection,
    id: SessionId,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<bool> {
    let live = sessions::table
        .find(Id(id.0))
        .filter(sessions::user_id.eq(Id(user_id.0)))
        .filter(sessions::expires_at.gt(Micros(now)));
    delete(live).execute(sqlite).map(|ended| ended > 0)
}

fn end_others(
    sqlite: &mut SqliteConnection,
    kept: SessionId,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<u64> {
    let others = sessions::table
        .filter(sessions::user_id.eq(Id(user_id.0)))
        .filter(sessions::id.ne(Id(kept.0)))
        .filter(sessions::expires_at.gt(Micros(now)));
    let ended = delete(others).execute(sqlite)?;
    if ended > 0 {
        events::record(sqlite, event, user_id, None, now)?;
    }
    Ok(ended as u64)
}

/// Ends all sessions of the user; how many were alive.
pub(crate) fn end_all(sqlite: &mut SqliteConnection, user_id: UserId, now: Timestamp) -> QueryResult<u64> {
    let own = sessions::table.filter(sessions::user_id.eq(Id(user_id.0)));
    let alive: i64 = own.filter(sessions::expires_at.gt(Micros(now))).count().get_result(sqlite)?;
    delete(own).execute(sqlite)?;
    Ok(alive.unsigned_abs())
}

/// Ends all sessions of the user but one, whether they live or not.
pub(crate) fn end_all_but(
    sqlite: &mut SqliteConnection,
    kept: SessionId,
    user_id: UserId,
) -> QueryResult<()> {
    let others = sessions::user_id.eq(Id(user_id.0)).and(sessions::id.ne(Id(kept.0)));
    delete(sessions::table.filter(others)).execute(sqlite).map(drop)
}
