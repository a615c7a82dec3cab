//! What a right code makes, once.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select},
    prelude::*,
};
use domain::{Locale, Purpose, SessionId, User, UserId};
use jiff::Timestamp;
use ports::{Attempt, NewSession, PendingRegistration, Redeemed, Subject};

use super::guessing;
use crate::{
    accounts::forget_failures,
    rows::{RegistrationRow, UserRow},
    schema::{challenges, users, verifications},
    sessions::{end_live, open_session},
    types::{Id, Micros},
};

pub(super) fn redeem_registration(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    user_id: UserId,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    if !use_up(sqlite, attempt)? {
        return Ok(Redeemed::Closed);
    }
    let Some(registration) = take_registration(sqlite, attempt)? else { return Ok(Redeemed::Closed) };
    let Some(user) = create_user(sqlite, user_id, &registration, session.times.created_at)? else {
        return Ok(Redeemed::AccountExists);
    };
    open_session(sqlite, user_id, session)?;
    close_rivals(sqlite, &user)?;
    // Whoever proved the phone starts without the failures counted before.
    forget_failures(sqlite, &user)?;
    guessing::forget(sqlite, attempt.phone.as_e164(), Purpose::Registration)?;
    Ok(Redeemed::Done(user))
}

pub(crate) fn redeem_login(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    if !use_up(sqlite, attempt)? {
        return Ok(Redeemed::Closed);
    }
    delete(challenges::table.find(attempt.challenge_id.as_str())).execute(sqlite)?;
    sign_in(sqlite, attempt, session)
}

pub(crate) fn redeem_step_up(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    if !use_up(sqlite, attempt)? {
        return Ok(Redeemed::Closed);
    }
    let asking: Option<Option<Id>> = delete(challenges::table.find(attempt.challenge_id.as_str()))
        .returning(challenges::session_id)
        .get_result(sqlite)
        .optional()?;
    let (Some(asking), Some(user_id)) = (asking.flatten(), attempt.user_id) else {
        return Ok(Redeemed::Closed);
    };
    // It ends before the other is opened, so that no third one has to make room.
    if !end_live(sqlite, SessionId(asking.0), user_id, session.times.created_at)? {
        return Ok(Redeemed::Closed);
    }
    sign_in(sqlite, attempt, session)
}

/// Opens the session, unless its account is gone.
fn sign_in(sqlite: &mut SqliteConnection, attempt: &Attempt, session: &NewSession) -> QueryResult<Redeemed> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let found = users::table.find(Id(user_id.0)).select(UserRow::as_select()).first(sqlite).optional()?;
    let Some(user) = found.map(UserRow::into_user).transpose()? else { return Ok(Redeemed::Closed) };
    open_session(sqlite, user_id, session)?;
    guessing::forget(sqlite, &counted_under(attempt, user_id), attempt.purpose)?;
    Ok(Redeemed::Done(user))
}

/// What wrong codes before the right one were counted under.
fn counted_under(attempt: &Attempt, user_id: UserId) -> String {
    match attempt.purpose {
        Purpose::PhoneLogin => Subject::PhoneLogin { phone: attempt.phone.clone(), user_id: None }.account(),
        _ => user_id.0.to_string(),
    }
}

/// Whether nobody has used the code of the attempt, nor answered its challenge otherwise.
pub(crate) fn is_open(sqlite: &mut SqliteConnection, attempt: &Attempt) -> QueryResult<bool> {
    let verification = verifications::table.filter(verifications::id.eq(Id(attempt.verification_id.0)));
    select(exists(verification)).get_result(sqlite)
}

/// Ends the verification; `false` when somebody was faster.
pub(super) fn use_up(sqlite: &mut SqliteConnection, attempt: &Attempt) -> QueryResult<bool> {
    let verification = verifications::table.filter(verifications::id.eq(Id(attempt.verification_id.0)));
    delete(verification).execute(sqlite).map(|ended| ended > 0)
}

/// What the challenge carried; `None` when a rival's proof closed it.
fn take_registration(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
) -> QueryResult<Option<PendingRegistration>> {
    let own = challenges::table
        .find(attempt.challenge_id.as_str())
        .filter(challenges::verification_id.eq(Id(attempt.verification_id.0)));
    let row = own.select(RegistrationRow::as_select()).first(sqlite).optional()?;
    delete(own).execute(sqlite)?;
    row.map(RegistrationRow::into_registration).transpose()
}

/// `None` when the e-mail or the number has an account: the unique indexes decide.
fn create_user(
    sqlite: &mut SqliteConnection,
    id: UserId,
    registration: &PendingRegistration,
    now: Timestamp,
) -> QueryResult<Option<User>> {
    let created = insert_into(users::table)
        .values((
            users::id.eq(Id(id.0)),
            users::email.eq(registration.email.as_typed()),
            users::email_canonical.eq(registration.email.canonical()),
            users::phone.eq(registration.phone.as_e164()),
            users::phone_verified_at.eq(Micros(now)),
            users::password_hash.eq(registration.password_hash.as_str()),
            users::locale.eq(registration.locale.as_ref().map(Locale::as_str)),
            users::created_at.eq(Micros(now)),
            users::updated_at.eq(Micros(now)),
        ))
        .on_conflict_do_nothing()
        .execute(sqlite)?;
    Ok((created > 0).then(|| User {
        id,
        email: registration.email.clone(),
        phone: registration.phone.clone(),
        phone_verified_at: now,
        locale: registration.locale.clone(),
        created_at: now,
        updated_at: now,
        has_passkey: false,
    }))
}

/// Whoever registered the same number or e-mail must not find it open later
/// (account pre-hijacking).
fn close_rivals(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    let registrations = challenges::table.filter(challenges::purpose.eq(Purpose::Registration.as_str()));
    delete(registrations.filter(challenges::phone.eq(user.phone.as_e164()))).execute(sqlite)?;
    delete(registrations.filter(challenges::email_canonical.eq(user.email.canonical()))).execute(sqlite)?;
    Ok(())
}
