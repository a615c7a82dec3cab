//! New devices, their tokens, and the room that is made for them.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into},
    prelude::*,
};
use domain::{DeviceId, DeviceTokenHash, UserAgent, UserId};
use ports::{NewDevice, NewSession};

use crate::{
    events,
    schema::{device_tokens, devices},
    types::{Id, Micros},
};

/// Remembers the device on which the session is opened, and records it; the user's least
/// recently used ones beyond the limit are forgotten. The user must exist.
pub(crate) fn remember(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    device: &NewDevice,
    session: &NewSession,
) -> QueryResult<()> {
    let now = Micros(session.times.created_at);
    insert_into(devices::table)
        .values((
            devices::id.eq(Id(device.id.0)),
            devices::user_id.eq(Id(user_id.0)),
            devices::client_address.eq(session.client.address.map(|address| address.to_string())),
            devices::user_agent.eq(session.client.user_agent.as_ref().map(UserAgent::as_str)),
            devices::created_at.eq(now),
            devices::last_used_at.eq(now),
            devices::expires_at.eq(Micros(device.expires_at)),
        ))
        .execute(sqlite)?;
    insert_token(sqlite, device.token, device.id, None, now)?;
    events::record(sqlite, &device.event, user_id, Some(session.id), session.times.created_at)?;
    forget_least_recently_used(sqlite, user_id, device, now)
}

pub(super) fn insert_token(
    sqlite: &mut SqliteConnection,
    hash: DeviceTokenHash,
    device: DeviceId,
    parent: Option<DeviceTokenHash>,
    now: Micros,
) -> QueryResult<()> {
    insert_into(device_tokens::table)
        .values((
            device_tokens::hash.eq(hash.0.as_slice()),
            device_tokens::device_id.eq(Id(device.0)),
            device_tokens::parent.eq(parent.as_ref().map(|parent| parent.0.as_slice())),
            device_tokens::issued_at.eq(now),
        ))
        .execute(sqlite)
        .map(drop)
}

fn forget_least_recently_used(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    newest: &NewDevice,
    now: Micros,
) -> QueryResult<()> {
    let surplus: Vec<Id> = devices::table
        .filter(devices::user_id.eq(Id(user_id.0)))
        .filter(devices::id.ne(Id(newest.id.0)))
        .filter(devices::expires_at.gt(now))
        .order((devices::last_used_at.desc(), devices::id.desc()))
        .select(devices::id)
        .offset(i64::from(newest.max_per_user.saturating_sub(1)))
        .limit(-1)
        .load(sqlite)?;
    for id in surplus {
        delete(devices::table.find(id)).execute(sqlite)?;
    }
    Ok(())
}
