//! Device tokens: spent once, and copies noticed.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
};
use domain::{DeviceId, DeviceTokenHash, User, UserAgent, UserId};
use jiff::Timestamp;
use ports::{DeviceSignIn, DeviceUse, PresentedDevice};

use super::remembering::insert_token;
use crate::{
    events,
    rows::UserRow,
    schema::{device_tokens, devices, password_failures, users},
    sessions::open_session,
    types::{Count, Id, Micros},
};

/// A live device of a user, and when the presented token was spent.
struct Known {
    id: DeviceId,
    created_at: Timestamp,
    spent_at: Option<Micros>,
}

impl Known {
    fn find(
        sqlite: &mut SqliteConnection,
        token: DeviceTokenHash,
        user_id: UserId,
        now: Timestamp,
    ) -> QueryResult<Option<Self>> {
        let found: Option<(Id, Micros, Option<Micros>)> = device_tokens::table
            .inner_join(devices::table)
            .filter(device_tokens::hash.eq(token.0.as_slice()))
            .filter(devices::user_id.eq(Id(user_id.0)))
            .filter(devices::expires_at.gt(Micros(now)))
            .select((devices::id, devices::created_at, device_tokens::spent_at))
            .first(sqlite)
            .optional()?;
        Ok(found.map(|(id, created_at, spent_at)| Self {
            id: DeviceId(id.0),
            created_at: created_at.0,
            spent_at,
        }))
    }

    /// Whether the token was spent before the leeway began.
    fn is_copied(&self, presented: PresentedDevice, now: Timestamp) -> bool {
        self.spent_at.is_some_and(|at| at <= Micros::before(now, presented.reuse_leeway))
    }
}

/// The live device of the user whose token is presented while it counts.
pub(crate) fn find_presented(
    sqlite: &mut SqliteConnection,
    presented: PresentedDevice,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<Option<DeviceId>> {
    let known = Known::find(sqlite, presented.token, user_id, now)?;
    Ok(known.filter(|known| !known.is_copied(presented, now)).map(|known| known.id))
}

pub(super) fn sign_in(
    sqlite: &mut SqliteConnection,
    sign_in: &DeviceSignIn,
    now: Timestamp,
) -> QueryResult<DeviceUse> {
    let Some(user) = find_user(sqlite, sign_in)? else { return Ok(DeviceUse::NotRemembered) };
    let known = Known::find(sqlite, sign_in.presented.token, user.id, now)?;
    let Some(known) = known else { return Ok(DeviceUse::NotRemembered) };
    if known.is_copied(sign_in.presented, now) {
        delete(devices::table.find(Id(known.id.0))).execute(sqlite)?;
        events::record(sqlite, &sign_in.reuse, user.id, None, now)?;
        return Ok(DeviceUse::Reused { device_id: known.id });
    }
    if !spend(sqlite, sign_in.presented.token, known.spent_at.is_some(), now)? {
        return Ok(DeviceUse::NotRemembered);
    }
    insert_token(sqlite, sign_in.successor, known.id, Some(sign_in.presented.token), Micros(now))?;
    note_use(sqlite, known.id, sign_in, now)?;
    delete(password_failures::table.find(&sign_in.throttle_key.0)).execute(sqlite)?;
    open_session(sqlite, user.id, &sign_in.session, known.created_at)?;
    Ok(DeviceUse::SignedIn { user, authenticated_at: known.created_at })
}

/// The account, unless it is gone or its password is another than was compared.
fn find_user(sqlite: &mut SqliteConnection, sign_in: &DeviceSignIn) -> QueryResult<Option<User>> {
    let found = users::table
        .find(Id(sign_in.user_id.0))
        .filter(users::password_hash.eq(sign_in.password_hash.as_str()))
        .filter(users::locked_at.is_null())
        .select(UserRow::as_select())
        .first(sqlite)
        .optional()?;
    found.map(UserRow::into_user).transpose()
}

/// Spends the token, or its successor when it is spent itself, as the first answer may be
/// lost; `false` when both are. The replaced successor stays, so that it is recognised if
/// somebody brings it.
fn spend(
    sqlite: &mut SqliteConnection,
    token: DeviceTokenHash,
    is_spent: bool,
    now: Timestamp,
) -> QueryResult<bool> {
    let spent_at = device_tokens::spent_at.eq(Some(Micros(now)));
    if !is_spent {
        let spent = update(device_tokens::table.find(token.0.as_slice())).set(spent_at).execute(sqlite)?;
        return Ok(spent > 0);
    }
    let unspent = device_tokens::table
        .filter(device_tokens::parent.eq(token.0.as_slice()))
        .filter(device_tokens::spent_at.is_null());
    let replaced =
        update(unspent).set((spent_at, device_tokens::parent.eq(None::<&[u8]>))).execute(sqlite)?;
    Ok(replaced > 0)
}

fn note_use(
    sqlite: &mut SqliteConnection,
    id: DeviceId,
    sign_in: &DeviceSignIn,
    now: Timestamp,
) -> QueryResult<()> {
    let client = &sign_in.session.client;
    update(devices::table.find(Id(id.0)))
        .set((
            devices::failures.eq(Count(0)),
            devices::client_address.eq(client.address.map(|address| address.to_string())),
            devices::user_agent.eq(client.user_agent.as_ref().map(UserAgent::as_str)),
            devices::last_used_at.eq(Micros(now)),
        ))
        .execute(sqlite)
        .map(drop)
}
