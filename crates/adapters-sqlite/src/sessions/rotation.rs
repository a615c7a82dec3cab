//! Refresh tokens: spent once, and copies noticed.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
};
use domain::{RefreshTokenHash, SessionId, SessionPolicy, UserId};
use jiff::Timestamp;
use ports::{NewEvent, Rotation};

use super::{find_live, opening::insert_token};
use crate::{
    events,
    rows::{SessionRow, phone},
    schema::{refresh_tokens, sessions, users},
    types::Micros,
};

pub(super) fn rotate(
    sqlite: &mut SqliteConnection,
    presented: RefreshTokenHash,
    successor: RefreshTokenHash,
    policy: &SessionPolicy,
    reuse: &NewEvent,
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
        Some(at) if at <= Micros::before(now, policy.reuse_leeway) => {
            end_reused(sqlite, &session, reuse, now)
        }
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

fn end_reused(
    sqlite: &mut SqliteConnection,
    session: &SessionRow,
    reuse: &NewEvent,
    now: Timestamp,
) -> QueryResult<Rotation> {
    let (session_id, user_id) = (SessionId(session.id.0), UserId(session.user_id.0));
    delete(sessions::table.find(session.id)).execute(sqlite)?;
    let owner: String = users::table.find(session.user_id).select(users::phone).first(sqlite)?;
    let reuse = reuse.clone().notifying(&phone(&owner, "users.phone")?);
    events::record(sqlite, &reuse, user_id, Some(session_id), now)?;
    Ok(Rotation::Reused { session_id, user_id })
}
