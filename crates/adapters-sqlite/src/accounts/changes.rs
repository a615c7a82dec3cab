//! What an owner changes of an account, up to its end.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
};
use domain::{Client, Locale, Purpose, User, UserId};
use jiff::Timestamp;
use ports::{Account, NewEvent, PasswordChange};

use super::{forget_failures, imported};
use crate::{
    challenges::reopen_all,
    devices, events,
    rows::UserRow,
    schema::{challenges, guesses, users, verifications},
    sessions::end_all_but,
    types::{Id, Micros},
};

pub(super) fn find(sqlite: &mut SqliteConnection, id: UserId) -> QueryResult<Option<Account>> {
    let found = users::table.find(Id(id.0)).select(UserRow::as_select()).first(sqlite).optional()?;
    found.map(UserRow::into_account).transpose()
}

pub(super) fn change_password(
    sqlite: &mut SqliteConnection,
    change: &PasswordChange,
    now: Timestamp,
) -> QueryResult<bool> {
    let PasswordChange { user_id, old, new, kept, event } = change;
    let changed = update(users::table.find(Id(user_id.0)).filter(users::password_hash.eq(old.as_str())))
        .set((users::password_hash.eq(new.as_str()), users::updated_at.eq(Micros(now))))
        .returning(UserRow::as_returning())
        .get_result(sqlite)
        .optional()?;
    let Some(user) = changed.map(UserRow::into_user).transpose()? else { return Ok(false) };
    forget_failures(sqlite, &user)?;
    imported::hash_was_replaced(sqlite, user.id)?;
    end_all_but(sqlite, *kept, user.id)?;
    close_challenges(sqlite, user.id)?;
    devices::forget_all(sqlite, user.id)?;
    events::record(sqlite, event, user.id, Some(*kept), now)?;
    Ok(true)
}

pub(super) fn set_locale(
    sqlite: &mut SqliteConnection,
    id: UserId,
    locale: Option<&Locale>,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<Option<User>> {
    let changed = update(users::table.find(Id(id.0)))
        .set((users::locale.eq(locale.map(Locale::as_str)), users::updated_at.eq(Micros(now))))
        .returning(UserRow::as_returning())
        .get_result(sqlite)
        .optional()?;
    let Some(user) = changed.map(UserRow::into_user).transpose()? else { return Ok(None) };
    events::record(sqlite, event, id, None, now)?;
    Ok(Some(user))
}

pub(super) fn delete_account(
    sqlite: &mut SqliteConnection,
    id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<bool> {
    let found = users::table.find(Id(id.0)).select(UserRow::as_select()).first(sqlite).optional()?;
    let Some(user) = found.map(UserRow::into_user).transpose()? else { return Ok(false) };
    end_codes(sqlite, id)?;
    events::forget_clients(sqlite, id)?;
    let anonymous = NewEvent { client: Client::default(), ..event.clone() };
    events::record(sqlite, &anonymous, id, None, now)?;
    // Sessions, their tokens and challenges go with their user.
    delete(users::table.find(Id(id.0))).execute(sqlite)?;
    forget_failures(sqlite, &user)?;
    reopen_all(sqlite, &user)?;
    delete(guesses::table.filter(guesses::account.eq(id.0.to_string()))).execute(sqlite)?;
    Ok(true)
}

/// Closes what the old password opened, with its codes.
fn close_challenges(sqlite: &mut SqliteConnection, id: UserId) -> QueryResult<()> {
    let purposes = [Purpose::Login, Purpose::StepUp].map(Purpose::as_str);
    let by_old = || challenges::user_id.eq(Id(id.0)).and(challenges::purpose.eq_any(purposes));
    let codes = challenges::table.filter(by_old()).select(challenges::verification_id);
    delete(verifications::table.filter(verifications::id.eq_any(codes))).execute(sqlite)?;
    delete(challenges::table.filter(by_old())).execute(sqlite).map(drop)
}

/// Ends what codes were sent for. Whoever gets the number's next account must not find them either.
pub(crate) fn end_codes(sqlite: &mut SqliteConnection, id: UserId) -> QueryResult<()> {
    let own = challenges::table.filter(challenges::user_id.eq(Id(id.0))).select(challenges::verification_id);
    delete(verifications::table.filter(verifications::id.eq_any(own))).execute(sqlite).map(drop)
}
