//! New sessions, and the room that is made for them.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into},
    prelude::*,
};
use domain::{AuthenticationMethod, RefreshTokenHash, SessionId, UserAgent, UserId};
use jiff::Timestamp;
use ports::NewSession;

use crate::{
    devices, events,
    schema::{refresh_tokens, sessions},
    types::{Id, Micros},
};

/// Opens a session with its first token, and records it; the user's least
/// recently used ones beyond the limit end. Remembers the device, too. The user must exist,
/// and proved all factors at `authenticated_at`.
pub(crate) fn open_session(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    session: &NewSession,
    authenticated_at: Timestamp,
) -> QueryResult<()> {
    let now = Micros(session.times.created_at);
    insert_into(sessions::table)
        .values((
            sessions::id.eq(Id(session.id.0)),
            sessions::user_id.eq(Id(user_id.0)),
            sessions::methods.eq(names(&session.methods)),
            sessions::client_address.eq(session.client.address.map(|address| address.to_string())),
            sessions::user_agent.eq(session.client.user_agent.as_ref().map(UserAgent::as_str)),
            sessions::authenticated_at.eq(Micros(authenticated_at)),
            sessions::created_at.eq(now),
            sessions::last_used_at.eq(now),
            sessions::expires_at.eq(Micros(session.times.expires_at)),
            sessions::absolute_expires_at.eq(Micros(session.times.absolute_expires_at)),
        ))
        .execute(sqlite)?;
    insert_token(sqlite, session.refresh_token, session.id, None, now)?;
    events::record(sqlite, &session.event, user_id, Some(session.id), session.times.created_at)?;
    if let Some(device) = &session.device {
        devices::remember(sqlite, user_id, device, session)?;
    }
    end_least_recently_used(sqlite, user_id, session)
}

fn names(methods: &[AuthenticationMethod]) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
}

pub(super) fn insert_token(
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
