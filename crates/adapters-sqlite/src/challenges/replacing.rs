//! What a right code puts in the place of a password or a number.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
};
use domain::{AnswerKind, ChallengeId, Email, Purpose, User, UserId};
use jiff::Timestamp;
use ports::{Attempt, PasswordReset, PhoneChange, Redeemed, Subject};

use super::{failures, guessing, live::Live, redeeming::use_up};
use crate::{
    accounts::{forget_failures, imported},
    devices,
    error::unreadable,
    events,
    rows::UserRow,
    schema::{challenges, imported_registrations, users},
    sessions::{end_all, end_all_but},
    shield,
    types::{Id, Micros},
};

pub(super) fn find_reset(
    sqlite: &mut SqliteConnection,
    id: &ChallengeId,
    now: Timestamp,
) -> QueryResult<Option<Email>> {
    let Some(live) = Live::find(sqlite, id, now)? else { return Ok(None) };
    if live.purpose()? != Purpose::PasswordReset {
        return Ok(None);
    }
    let email = live.challenge.subject.trim_start_matches("password_reset:");
    Email::parse(email).map(Some).map_err(|_| unreadable("challenges.subject"))
}

pub(super) fn reset_password(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    reset: &PasswordReset,
    now: Timestamp,
) -> QueryResult<bool> {
    let Some(user_id) = attempt.user_id else { return Ok(false) };
    if !use_up(sqlite, attempt)? {
        return Ok(false);
    }
    shield::count_answer(sqlite, attempt, now)?;
    let changed = update(users::table.find(Id(user_id.0)))
        .set((
            users::password_hash.eq(reset.new.as_str()),
            users::text_barred.eq(users::totp_last_step.is_not_null()),
            users::updated_at.eq(Micros(now)),
        ))
        .returning(UserRow::as_returning())
        .get_result(sqlite)
        .optional()?;
    let Some(user) = changed.map(UserRow::into_user).transpose()? else { return Ok(false) };
    close_all(sqlite, user_id)?;
    end_all(sqlite, user_id, now)?;
    devices::forget_all(sqlite, user_id)?;
    forget_failures(sqlite, &user)?;
    imported::hash_was_replaced(sqlite, user_id)?;
    failures::reopen_all(sqlite, &user)?;
    let asked = Subject::PasswordReset { email: user.email, user_id: None };
    guessing::forget(sqlite, &asked.account(), Purpose::PasswordReset, AnswerKind::SentCode)?;
    events::record(sqlite, &reset.event, user_id, None, now)?;
    Ok(true)
}

pub(super) fn change_phone(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    change: &PhoneChange,
    now: Timestamp,
) -> QueryResult<Redeemed> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    if !use_up(sqlite, attempt)? {
        return Ok(Redeemed::Closed);
    }
    shield::count_answer(sqlite, attempt, now)?;
    let asked = delete(challenges::table.find(attempt.challenge_id.as_str())).execute(sqlite)?;
    if asked == 0 {
        return Ok(Redeemed::Closed);
    }
    guessing::forget(sqlite, &user_id.0.to_string(), Purpose::PhoneChange, AnswerKind::SentCode)?;
    let phone = attempt.phone.as_e164();
    let taken: Option<Id> = users::table
        .filter(users::phone.eq(phone).and(users::id.ne(Id(user_id.0))))
        .select(users::id)
        .first(sqlite)
        .optional()?;
    if let Some(owner) = taken {
        events::record(sqlite, &change.disclosure, UserId(owner.0), None, now)?;
        return Ok(Redeemed::AccountExists);
    }
    let changed = update(users::table.find(Id(user_id.0)))
        .set((
            users::phone.eq(phone),
            users::phone_verified_at.eq(Micros(now)),
            users::updated_at.eq(Micros(now)),
        ))
        .returning(UserRow::as_returning())
        .get_result(sqlite)
        .optional()?;
    let Some(user) = changed.map(UserRow::into_user).transpose()? else { return Ok(Redeemed::Closed) };
    close_rest(sqlite, &user)?;
    let superseded = imported_registrations::table.filter(imported_registrations::phone.eq(phone));
    delete(superseded).execute(sqlite)?;
    end_all_but(sqlite, change.kept, user_id)?;
    devices::forget_all(sqlite, user_id)?;
    events::record(sqlite, &change.event, user_id, Some(change.kept), now)?;
    Ok(Redeemed::Done(user))
}

/// Codes on their way to the old number, and registrations of the new one.
fn close_rest(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    close_all(sqlite, user.id)?;
    let rivals = challenges::table
        .filter(challenges::purpose.eq(Purpose::Registration.as_str()))
        .filter(challenges::phone.eq(user.phone.as_e164()));
    delete(rivals).execute(sqlite).map(drop)
}

fn close_all(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<()> {
    delete(challenges::table.filter(challenges::user_id.eq(Id(user_id.0)))).execute(sqlite).map(drop)
}
