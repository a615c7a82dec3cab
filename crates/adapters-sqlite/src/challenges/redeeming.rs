//! What a right code makes, once.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select, update},
    prelude::*,
};
use domain::{
    AnswerKind, Locale, Purpose, RecoveryCodeHash, SecondFactors, SessionId, TotpStep, User, UserId,
};
use jiff::Timestamp;
use ports::{Attempt, Disclosure, NewSession, PendingRegistration, Proof, Redeemed, Subject};

use super::{failures, guessing};
use crate::{
    accounts::{forget_failures, imported},
    events,
    rows::{RegistrationRow, UserRow},
    schema::{challenges, recovery_codes, users, verifications},
    sessions::{end_live, open_session},
    shield,
    types::{Count, Id, Micros},
};

pub(super) fn redeem_registration(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    user_id: UserId,
    session: &NewSession,
    disclosure: &Disclosure,
) -> QueryResult<Redeemed> {
    if !use_up(sqlite, attempt)? {
        return Ok(Redeemed::Closed);
    }
    shield::count_answer(sqlite, attempt, session.times.created_at)?;
    let Some(registration) = take_registration(sqlite, attempt)? else { return Ok(Redeemed::Closed) };
    let password_hash = registration.password_hash.clone();
    let Some(user) = create_user(sqlite, user_id, &registration, session.times.created_at)? else {
        disclose(sqlite, &registration, disclosure, session.times.created_at)?;
        return Ok(Redeemed::AccountExists);
    };
    open_session(sqlite, user_id, session, session.times.created_at)?;
    close_rivals(sqlite, &user)?;
    imported::supersede(sqlite, &user, &password_hash)?;
    // Whoever proved the phone starts without the failures counted before.
    forget_failures(sqlite, &user)?;
    guessing::forget(sqlite, attempt.phone.as_e164(), Purpose::Registration, AnswerKind::SentCode)?;
    Ok(Redeemed::Done(user))
}

pub(super) fn redeem_login(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    proof: &Proof,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    if let Some(refusal) = use_proof(sqlite, attempt, proof, session.times.created_at)? {
        return Ok(refusal);
    }
    let redeemed = open_login(sqlite, attempt, proof.kind(), session)?;
    note(sqlite, proof, &redeemed, session)?;
    Ok(redeemed)
}

/// Ends the challenge of a sign-in, whose answer is used up, and opens its session.
pub(crate) fn open_login(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    kind: AnswerKind,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    delete(challenges::table.find(attempt.challenge_id.as_str())).execute(sqlite)?;
    sign_in(sqlite, attempt, kind, session)
}

pub(super) fn redeem_step_up(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    proof: &Proof,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    if let Some(refusal) = use_proof(sqlite, attempt, proof, session.times.created_at)? {
        return Ok(refusal);
    }
    let redeemed = replace_session(sqlite, attempt, proof.kind(), session)?;
    note(sqlite, proof, &redeemed, session)?;
    Ok(redeemed)
}

/// Ends the challenge of a step-up, whose answer is used up, and puts the new session in the
/// place of the one that asked.
pub(crate) fn replace_session(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    kind: AnswerKind,
    session: &NewSession,
) -> QueryResult<Redeemed> {
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
    sign_in(sqlite, attempt, kind, session)
}

/// Records that a recovery code was used, beside what the session is recorded as.
fn note(
    sqlite: &mut SqliteConnection,
    proof: &Proof,
    redeemed: &Redeemed,
    session: &NewSession,
) -> QueryResult<()> {
    match (proof, redeemed) {
        (Proof::RecoveryCode { event, .. }, Redeemed::Done(user)) => {
            events::record(sqlite, event, user.id, Some(session.id), session.times.created_at)
        }
        _ => Ok(()),
    }
}

/// Uses the challenge together with what answers it; the refusal, if either was used before.
fn use_proof(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    proof: &Proof,
    now: Timestamp,
) -> QueryResult<Option<Redeemed>> {
    let Some(user_id) = attempt.user_id else { return Ok(Some(Redeemed::Closed)) };
    if !is_current(sqlite, attempt)? {
        return Ok(Some(Redeemed::Closed));
    }
    let is_used = match proof {
        Proof::SentCode => true,
        Proof::Totp(step) => use_step(sqlite, user_id, *step)?,
        Proof::RecoveryCode { hash, .. } => use_recovery_code(sqlite, user_id, *hash)?,
    };
    if !is_used {
        return Ok(Some(Redeemed::Refused));
    }
    use_up(sqlite, attempt)?;
    if *proof == Proof::SentCode {
        shield::count_answer(sqlite, attempt, now)?;
    }
    let barred = users::table.find(Id(user_id.0)).filter(users::text_barred);
    let is_barred = *proof == Proof::SentCode && select(exists(barred)).get_result(sqlite)?;
    Ok(is_barred.then_some(Redeemed::Closed))
}

/// Whether nobody has used the code of the attempt, nor answered its challenge otherwise.
pub(crate) fn is_current(sqlite: &mut SqliteConnection, attempt: &Attempt) -> QueryResult<bool> {
    let current = verifications::table.filter(verifications::id.eq(Id(attempt.verification_id.0)));
    select(exists(current)).get_result(sqlite)
}

/// Uses a step of the app, and all before it; `false` when it was used.
fn use_step(sqlite: &mut SqliteConnection, user_id: UserId, step: TotpStep) -> QueryResult<bool> {
    let fresh = users::table.find(Id(user_id.0)).filter(users::totp_last_step.lt(step.0));
    let used = update(fresh)
        .set((users::totp_last_step.eq(step.0), users::text_barred.eq(false)))
        .execute(sqlite)?;
    Ok(used > 0)
}

/// Uses a recovery code; `false` when the account has none such.
fn use_recovery_code(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    hash: RecoveryCodeHash,
) -> QueryResult<bool> {
    let code = recovery_codes::table.find((Id(user_id.0), hash.0.as_slice()));
    if delete(code).execute(sqlite)? == 0 {
        return Ok(false);
    }
    let left = users::recovery_codes_left.eq(users::recovery_codes_left - Count(1));
    update(users::table.find(Id(user_id.0))).set((left, users::text_barred.eq(false))).execute(sqlite)?;
    Ok(true)
}

/// Opens the session, unless its account is gone or locked.
fn sign_in(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    kind: AnswerKind,
    session: &NewSession,
) -> QueryResult<Redeemed> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let found = users::table.find(Id(user_id.0)).select(UserRow::as_select()).first(sqlite).optional()?;
    let Some(row) = found.filter(|row: &UserRow| !row.is_locked()) else { return Ok(Redeemed::Closed) };
    let user = row.into_user()?;
    // An app may have been enrolled since the code was asked for: then a text alone opens nothing.
    if attempt.purpose == Purpose::PhoneLogin && user.second_factors.totp {
        return Ok(Redeemed::Closed);
    }
    open_session(sqlite, user_id, session, session.times.created_at)?;
    guessing::forget(sqlite, &counted_under(attempt, user_id), attempt.purpose, kind)?;
    if attempt.purpose.follows_password() {
        failures::reopen_blind(sqlite, &user)?;
    }
    Ok(Redeemed::Done(user))
}

/// What wrong codes before the right one were counted under.
fn counted_under(attempt: &Attempt, user_id: UserId) -> String {
    match attempt.purpose {
        Purpose::PhoneLogin => Subject::PhoneLogin { phone: attempt.phone.clone(), user_id: None }.account(),
        _ => user_id.0.to_string(),
    }
}

/// Ends the verification; `false` when somebody was faster.
pub(crate) fn use_up(sqlite: &mut SqliteConnection, attempt: &Attempt) -> QueryResult<bool> {
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
        second_factors: SecondFactors::default(),
        created_at: now,
        updated_at: now,
    }))
}

/// Records at the accounts in the way that somebody has learnt of them.
fn disclose(
    sqlite: &mut SqliteConnection,
    registration: &PendingRegistration,
    disclosure: &Disclosure,
    now: Timestamp,
) -> QueryResult<()> {
    let email = registration.email.canonical();
    let in_the_way = users::email_canonical.eq(email).or(users::phone.eq(registration.phone.as_e164()));
    let owners: Vec<(Id, String)> =
        users::table.filter(in_the_way).select((users::id, users::email_canonical)).load(sqlite)?;
    for (owner, owners_email) in owners {
        let event = if owners_email == email { &disclosure.of_email } else { &disclosure.of_phone };
        events::record(sqlite, event, UserId(owner.0), None, now)?;
    }
    Ok(())
}

/// Whoever registered the same number or e-mail must not find it open later
/// (account pre-hijacking).
fn close_rivals(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    let registrations = challenges::table.filter(challenges::purpose.eq(Purpose::Registration.as_str()));
    delete(registrations.filter(challenges::phone.eq(user.phone.as_e164()))).execute(sqlite)?;
    delete(registrations.filter(challenges::email_canonical.eq(user.email.canonical()))).execute(sqlite)?;
    Ok(())
}
