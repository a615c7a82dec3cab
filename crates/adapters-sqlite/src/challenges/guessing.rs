//! Attempts: taken before the code is checked, given back when it was not.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
};
use domain::{PhoneNumber, ProviderId, Purpose, SendReference, UserId, VerificationId};
use jiff::Timestamp;
use ports::{Attempt, Guess, Taken};

use super::{live::Live, quotas};
use crate::{
    rows,
    schema::{guesses, verifications},
    types::{Count, Id, Micros},
};

pub(super) fn take_attempt(
    sqlite: &mut SqliteConnection,
    guess: &Guess,
    now: Timestamp,
) -> QueryResult<Taken> {
    let Some(live) = Live::find(sqlite, &guess.id, now)? else { return Ok(Taken::Closed) };
    let attempt = attempt(live)?;
    if !guess.purposes.contains(&attempt.purpose) {
        return Ok(Taken::Closed);
    }
    let account = account(attempt.user_id, &attempt.phone);
    let purpose = attempt.purpose.as_str();
    // A registration has no account to protect, and its number must not be closed to its owner.
    let quota = guess.quotas.account.filter(|_| attempt.user_id.is_some());
    let used_up = quotas::guesses_used_up_until(sqlite, &account, purpose, quota, now)?;
    if let Some(retry_at) = used_up {
        return Ok(Taken::OverQuota { retry_at });
    }
    update(verifications::table.filter(verifications::id.eq(Id(attempt.verification_id.0))))
        .set(verifications::attempts_left.eq(Count(attempt.attempts_left)))
        .execute(sqlite)?;
    record(sqlite, &attempt, &account, now)?;
    Ok(Taken::Attempt(attempt))
}

/// Whom wrong codes are counted for: an account, or the number of those who
/// have none yet.
pub(super) fn account(user_id: Option<UserId>, phone: &PhoneNumber) -> String {
    user_id.map_or_else(|| phone.as_e164().to_owned(), |id| id.0.to_string())
}

fn attempt(live: Live) -> QueryResult<Attempt> {
    Ok(Attempt {
        challenge_id: live.id()?,
        verification_id: VerificationId(live.verification.id.0),
        purpose: live.purpose()?,
        phone: rows::phone(&live.challenge.phone, "challenges.phone")?,
        channel: live.channel()?,
        user_id: live.user_id(),
        attempts_left: live.verification.attempts_left.0.saturating_sub(1),
        unsettled: live.verification.unsettled_reference.map(|id| SendReference(id.0)),
        provider_id: live.verification.provider_id.map(ProviderId),
    })
}

fn record(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    account: &str,
    now: Timestamp,
) -> QueryResult<()> {
    insert_into(guesses::table)
        .values((
            guesses::verification_id.eq(Id(attempt.verification_id.0)),
            guesses::attempts_left.eq(Count(attempt.attempts_left)),
            guesses::account.eq(account),
            guesses::purpose.eq(attempt.purpose.as_str()),
            guesses::guessed_at.eq(Micros(now)),
        ))
        .execute(sqlite)
        .map(drop)
}

/// The guess record is what is given back: once it is gone, asking again has
/// no effect.
pub(super) fn give_back(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    max_given_back: u32,
) -> QueryResult<()> {
    let verification = Id(attempt.verification_id.0);
    let record: Option<i64> = guesses::table
        .filter(guesses::verification_id.eq(verification))
        .filter(guesses::attempts_left.eq(Count(attempt.attempts_left)))
        .select(guesses::rowid)
        .first(sqlite)
        .optional()?;
    let Some(record) = record else { return Ok(()) };
    let generous = verifications::table
        .filter(verifications::id.eq(verification))
        .filter(verifications::given_back.lt(Count(max_given_back)));
    let given_back = update(generous)
        .set((
            verifications::attempts_left.eq(verifications::attempts_left + Count(1)),
            verifications::given_back.eq(verifications::given_back + Count(1)),
        ))
        .execute(sqlite)?;
    if given_back > 0 {
        delete(guesses::table.find(record)).execute(sqlite)?;
    }
    Ok(())
}

/// A right code forgets the wrong ones before it.
pub(super) fn forget(sqlite: &mut SqliteConnection, account: &str, purpose: Purpose) -> QueryResult<()> {
    let forgotten = guesses::account.eq(account).and(guesses::purpose.eq(purpose.as_str()));
    delete(guesses::table.filter(forgotten)).execute(sqlite).map(drop)
}
