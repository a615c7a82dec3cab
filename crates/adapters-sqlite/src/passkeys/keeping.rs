//! Keeping passkeys, and taking them away.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
    sqlite::Sqlite,
};
use domain::{Passkey, PasskeyId, PasskeyName, UserId};
use jiff::Timestamp;
use ports::{Added, NewPasskey, PasskeyRemoval, StoredCredential};

use super::CredentialRow;
use crate::{
    devices, events,
    schema::{passkeys, users},
    sessions::end_all_but,
    types::{Count, Id, Micros},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = passkeys, check_for_backend(Sqlite))]
struct PasskeyRow {
    id: Id,
    name: Option<String>,
    created_at: Micros,
    last_used_at: Option<Micros>,
    backed_up: bool,
}

impl From<PasskeyRow> for Passkey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: PasskeyId(row.id.0),
            name: row.name.and_then(|name| PasskeyName::parse(&name).ok()),
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.map(|at| at.0),
            backed_up: row.backed_up,
        }
    }
}

pub(super) fn list(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<Vec<Passkey>> {
    let rows: Vec<PasskeyRow> = passkeys::table
        .filter(passkeys::user_id.eq(Id(user_id.0)))
        .order(passkeys::id)
        .select(PasskeyRow::as_select())
        .load(sqlite)?;
    Ok(rows.into_iter().map(Passkey::from).collect())
}

pub(super) fn credentials(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
) -> QueryResult<Vec<StoredCredential>> {
    let rows: Vec<CredentialRow> = passkeys::table
        .filter(passkeys::user_id.eq(Id(user_id.0)))
        .order(passkeys::id)
        .select(CredentialRow::as_select())
        .load(sqlite)?;
    rows.into_iter().map(CredentialRow::into_credential).collect()
}

pub(super) fn add(sqlite: &mut SqliteConnection, new: &NewPasskey, now: Timestamp) -> QueryResult<Added> {
    let owner = users::table.find(Id(new.user_id.0));
    let Some(count) = owner.select(users::passkeys).first::<Count>(sqlite).optional()? else {
        return Ok(Added::Gone);
    };
    if count.0 >= new.max_per_user {
        return Ok(Added::Full);
    }
    let added = insert_into(passkeys::table)
        .values((
            passkeys::id.eq(Id(new.id.0)),
            passkeys::user_id.eq(Id(new.user_id.0)),
            passkeys::credential_id.eq(new.credential.id.as_bytes()),
            passkeys::record.eq(&new.credential.record.0),
            passkeys::name.eq(new.name.as_ref().map(PasskeyName::as_str)),
            passkeys::counter.eq(Count(new.credential.counter)),
            passkeys::backed_up.eq(new.credential.backed_up),
            passkeys::created_at.eq(Micros(now)),
        ))
        .on_conflict_do_nothing()
        .execute(sqlite)?;
    if added == 0 {
        return Ok(Added::Known);
    }
    update(owner).set(users::passkeys.eq(users::passkeys + Count(1))).execute(sqlite)?;
    events::record(sqlite, &new.event, new.user_id, Some(new.session_id), now)?;
    Ok(Added::Done(Passkey {
        id: new.id,
        name: new.name.clone(),
        created_at: now,
        last_used_at: None,
        backed_up: new.credential.backed_up,
    }))
}

pub(super) fn remove(
    sqlite: &mut SqliteConnection,
    removal: &PasskeyRemoval,
    now: Timestamp,
) -> QueryResult<bool> {
    let PasskeyRemoval { id, user_id, kept, event } = removal;
    let own = passkeys::table.find(Id(id.0)).filter(passkeys::user_id.eq(Id(user_id.0)));
    if delete(own).execute(sqlite)? == 0 {
        return Ok(false);
    }
    update(users::table.find(Id(user_id.0)))
        .set(users::passkeys.eq(users::passkeys - Count(1)))
        .execute(sqlite)?;
    end_all_but(sqlite, *kept, *user_id)?;
    devices::forget_all(sqlite, *user_id)?;
    events::record(sqlite, event, *user_id, Some(*kept), now)?;
    Ok(true)
}
