//! Sessions for whoever has used a passkey.

use diesel::{QueryResult, SqliteConnection, dsl::update, prelude::*};
use domain::{AnswerKind, Purpose, SecondFactors, User};
use jiff::Timestamp;
use ports::{Admitted, Attempt, NewSession, PasskeyUse, Redeemed};

use crate::{
    challenges::{is_current, open_login, replace_session, use_up},
    events,
    rows::UserRow,
    schema::{passkeys, users},
    sessions::open_session,
    types::{Count, Id, Micros},
};

pub(super) fn alone(
    sqlite: &mut SqliteConnection,
    usage: &PasskeyUse,
    session: &NewSession,
) -> QueryResult<Admitted> {
    let now = session.times.created_at;
    let Some(user) = find_user(sqlite, usage)? else { return Ok(Admitted::Closed) };
    if let Some(refusal) = refuse_use(sqlite, usage, now)? {
        return Ok(refusal);
    }
    open_session(sqlite, user.id, session, now)?;
    let second_factors = SecondFactors { text_barred: false, ..user.second_factors };
    Ok(Admitted::Done(User { second_factors, ..user }))
}

pub(super) fn answer(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    usage: &PasskeyUse,
    session: &NewSession,
) -> QueryResult<Admitted> {
    // Whoever comes second finds the challenge closed, whatever its counter says.
    if attempt.user_id != Some(usage.user_id) || !is_current(sqlite, attempt)? {
        return Ok(Admitted::Closed);
    }
    if find_user(sqlite, usage)?.is_none() {
        return Ok(Admitted::Closed);
    }
    if let Some(refusal) = refuse_use(sqlite, usage, session.times.created_at)? {
        return Ok(refusal);
    }
    use_up(sqlite, attempt)?;
    let redeemed = match attempt.purpose {
        Purpose::Login => open_login(sqlite, attempt, AnswerKind::Passkey, session)?,
        Purpose::StepUp => replace_session(sqlite, attempt, AnswerKind::Passkey, session)?,
        Purpose::Registration | Purpose::PhoneLogin | Purpose::PasswordReset | Purpose::PhoneChange => {
            Redeemed::Closed
        }
    };
    Ok(match redeemed {
        Redeemed::Done(user) => Admitted::Done(user),
        Redeemed::Closed | Redeemed::Refused | Redeemed::AccountExists => Admitted::Closed,
    })
}

/// The account, unless it is gone or locked.
fn find_user(sqlite: &mut SqliteConnection, usage: &PasskeyUse) -> QueryResult<Option<User>> {
    let found =
        users::table.find(Id(usage.user_id.0)).select(UserRow::as_select()).first(sqlite).optional()?;
    found.filter(|row: &UserRow| !row.is_locked()).map(UserRow::into_user).transpose()
}

/// Counts the use of the passkey, or says why it may not be used.
fn refuse_use(
    sqlite: &mut SqliteConnection,
    usage: &PasskeyUse,
    now: Timestamp,
) -> QueryResult<Option<Admitted>> {
    let own = passkeys::table.find(Id(usage.passkey_id.0)).filter(passkeys::user_id.eq(Id(usage.user_id.0)));
    let Some(before) = own.select(passkeys::counter).first::<Count>(sqlite).optional()? else {
        return Ok(Some(Admitted::Closed));
    };
    let counter = usage.assertion.counter;
    if counter <= before.0 && (counter, before.0) != (0, 0) {
        events::record(sqlite, &usage.cloned, usage.user_id, None, now)?;
        return Ok(Some(Admitted::Cloned));
    }
    update(own)
        .set((
            passkeys::counter.eq(Count(counter)),
            passkeys::backed_up.eq(usage.assertion.backed_up),
            passkeys::last_used_at.eq(Some(Micros(now))),
        ))
        .execute(sqlite)?;
    update(users::table.find(Id(usage.user_id.0))).set(users::text_barred.eq(false)).execute(sqlite)?;
    Ok(None)
}
