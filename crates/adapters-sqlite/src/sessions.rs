//! Sessions and refresh tokens.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
};
use domain::{AuthenticationMethod, RefreshTokenHash, SessionId, SessionPolicy, UserAgent, UserId};
use jiff::Timestamp;
use ports::{LiveSession, NewSession, Rotation, SessionStore, StoreError};

use crate::{
    rows::{SessionRow, UserRow},
    schema::{refresh_tokens, sessions, users},
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
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let policy = *policy;
        self.write(move |sqlite| rotate(sqlite, presented, successor, &policy, now)).await
    }

    #[tracing::instrument(name = "sqlite.end", skip_all)]
    async fn end(&self, id: SessionId, user_id: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |sqlite| {
            let live = sessions::table
                .find(Id(id.0))
                .filter(sessions::user_id.eq(Id(user_id.0)))
                .filter(sessions::expires_at.gt(Micros(now)));
            delete(live).execute(sqlite).map(|ended| ended > 0)
        })
        .await
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

/// Opens a session with its first token; the user's least recently used ones
/// beyond the limit end. The user must exist.
pub(crate) fn open_session(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    session: &NewSession,
) -> QueryResult<()> {
    let now = Micros(session.times.created_at);
    insert_into(sessions::table)
        .values((
            sessions::id.eq(Id(session.id.0)),
            sessions::user_id.eq(Id(user_id.0)),
            sessions::methods.eq(names(&session.methods)),
            sessions::client_address.eq(session.client.address.map(|address| address.to_string())),
            sessions::user_agent.eq(session.client.user_agent.as_ref().map(UserAgent::as_str)),
            sessions::authenticated_at.eq(now),
            sessions::created_at.eq(now),
            sessions::last_used_at.eq(now),
            sessions::expires_at.eq(Micros(session.times.expires_at)),
            sessions::absolute_expires_at.eq(Micros(session.times.absolute_expires_at)),
        ))
        .execute(sqlite)?;
    insert_token(sqlite, session.refresh_token, session.id, None, now)?;
    end_least_recently_used(sqlite, user_id, session)
}

fn names(methods: &[AuthenticationMethod]) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
}

fn insert_token(
    sqlite: &mut SqliteConnection,
    hash: RefreshTokenHash,
    session_id: SessionId,
    parent: Option<RefreshTokenHash>,
    now: Micros,
) -> QueryResult<()> {
    insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::hash.eq(hash.0.as_slice()),
            refresh_tokens::session_id.eq(Id(session_id.0)),
            refresh_tokens::parent.eq(parent.as_ref().map(|parent| parent.0.as_slice())),
            refresh_tokens::issued_at.eq(now),
        ))
        .execute(sqlite)
        .map(drop)
}

fn end_least_recently_used(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    newest: &NewSession,
) -> QueryResult<()> {
    let surplus: Vec<Id> = sessions::table
        .filter(sessions::user_id.eq(Id(user_id.0)))
        .filter(sessions::id.ne(Id(newest.id.0)))
        .filter(sessions::expires_at.gt(Micros(newest.times.created_at)))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(sessions::id)
        .offset(i64::from(newest.max_per_user.saturating_sub(1)))
        .limit(-1)
        .load(sqlite)?;
    for id in surplus {
        delete(sessions::table.find(id)).execute(sqlite)?;
    }
    Ok(())
}

fn rotate(
    sqlite: &mut SqliteConnection,
    presented: RefreshTokenHash,
    successor: RefreshTokenHash,
    policy: &SessionPolicy,
    now: Timestamp,
) -> QueryResult<Rotation> {
    let found: Option<(Option<Micros>, SessionRow)> = refresh_tokens::table
        .inner_join(sessions::table)
        .filter(refresh_tokens::hash.eq(presented.0.as_slice()))
        .select((refresh_tokens::spent_at, SessionRow::as_select()))
        .first(sqlite)
        .optional()?;
    let Some((spent_at, session)) = found else { return Ok(Rotation::Refused) };
    let live = session.expires_at > Micros(now);
    match spent_at {
        None if live => spend(sqlite, presented, successor, &session, policy, now),
        Some(at) if at <= Micros::before(now, policy.reuse_leeway) => end_reused(sqlite, &session),
        Some(_) if live => replace_successor(sqlite, presented, successor, &session, now),
        None | Some(_) => Ok(Rotation::Refused),
    }
}

fn spend(
    sqlite: &mut SqliteConnection,
    presented: RefreshTokenHash,
    successor: RefreshTokenHash,
    session: &SessionRow,
    policy: &SessionPolicy,
    now: Timestamp,
) -> QueryResult<Rotation> {
    update(refresh_tokens::table.find(presented.0.as_slice()))
        .set(refresh_tokens::spent_at.eq(Some(Micros(now))))
        .execute(sqlite)?;
    insert_token(sqlite, successor, SessionId(session.id.0), Some(presented), Micros(now))?;
    let expires_at = policy.slide(now, session.absolute_expires_at.0);
    update(sessions::table.find(session.id))
        .set((sessions::last_used_at.eq(Micros(now)), sessions::expires_at.eq(Micros(expires_at))))
        .execute(sqlite)?;
    rotated(sqlite, session, now)
}

/// The first answer may be lost, so the token may come back for a moment; but
/// two successors must not live, or a thief's copy would pass for a retry. The
/// replaced one stays, spent, so that it is recognised if it is brought.
fn replace_successor(
    sqlite: &mut SqliteConnection,
    presented: RefreshTokenHash,
    successor: RefreshTokenHash,
    session: &SessionRow,
    now: Timestamp,
) -> QueryResult<Rotation> {
    let unspent = refresh_tokens::table
        .filter(refresh_tokens::parent.eq(presented.0.as_slice()))
        .filter(refresh_tokens::spent_at.is_null());
    let replaced = update(unspent)
        .set((refresh_tokens::spent_at.eq(Some(Micros(now))), refresh_tokens::parent.eq(None::<&[u8]>)))
        .execute(sqlite)?;
    if replaced == 0 {
        return Ok(Rotation::Refused);
    }
    insert_token(sqlite, successor, SessionId(session.id.0), Some(presented), Micros(now))?;
    rotated(sqlite, session, now)
}

fn rotated(sqlite: &mut SqliteConnection, session: &SessionRow, now: Timestamp) -> QueryResult<Rotation> {
    let live = find_live(sqlite, SessionId(session.id.0), UserId(session.user_id.0), now)?;
    Ok(live.map_or(Rotation::Refused, Rotation::Rotated))
}

fn end_reused(sqlite: &mut SqliteConnection, session: &SessionRow) -> QueryResult<Rotation> {
    delete(sessions::table.find(session.id)).execute(sqlite)?;
    Ok(Rotation::Reused { session_id: SessionId(session.id.0), user_id: UserId(session.user_id.0) })
}
