//! Attempts: taken before the code is checked, given back when it was not.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, select, update},
    prelude::*,
};
use domain::{AnswerKind, ProviderId, Purpose, SendReference, VerificationId};
use jiff::Timestamp;
use ports::{Attempt, Guess, NewEvent, Spent, Taken};

use super::{
    failures::{self, Counted},
    live::Live,
    quotas,
};
use crate::{
    events, rows,
    schema::{guesses, users, verifications},
    types::{Count, Id, Micros},
};

pub(super) fn take_attempt(
    sqlite: &mut SqliteConnection,
    guess: &Guess,
    now: Timestamp,
) -> QueryResult<Taken> {
    let Some(live) = Live::find(sqlite, &guess.id, now)? else { return Ok(Taken::Closed) };
    let purpose = live.purpose()?;
    if !guess.purposes.contains(&purpose) || !may_ask(&live, guess) {
        return Ok(Taken::Closed);
    }
    let account = account(&live, purpose);
    let counted = Counted { account: &account, purpose: purpose.as_str(), kind: guess.kind.as_str() };
    // A registration has no account to protect, and its number must not be closed to its owner.
    let is_bounded = purpose != Purpose::Registration;
    if is_bounded && let Some(retry_at) = full_until(sqlite, guess, counted, now)? {
        return Ok(Taken::OverQuota { retry_at });
    }
    let spent = Spent {
        verification_id: VerificationId(live.verification.id.0),
        attempts_left: live.verification.attempts_left.0.saturating_sub(1),
    };
    update(verifications::table.filter(verifications::id.eq(live.verification.id)))
        .set(verifications::attempts_left.eq(Count(spent.attempts_left)))
        .execute(sqlite)?;
    record(sqlite, spent, guess.kind, &account, purpose, now)?;
    if is_bounded {
        failures::count(sqlite, counted, now)?;
    }
    Ok(attempt(sqlite, &live, spent)?.map_or(Taken::Decoy(spent), Taken::Attempt))
}

/// When an account may guess again; `None` when it may now.
fn full_until(
    sqlite: &mut SqliteConnection,
    guess: &Guess,
    counted: Counted<'_>,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let quota = guess.quotas.account;
    let used_up = quotas::guesses_used_up_until(sqlite, counted.account, counted.purpose, quota, now)?;
    let closed = failures::closed_until(sqlite, counted, guess.quotas.in_a_row, now)?;
    Ok(used_up.max(closed))
}

fn may_ask(live: &Live, guess: &Guess) -> bool {
    guess.asker.is_none_or(|(user_id, session_id)| {
        live.user_id() == Some(user_id) && live.challenge.session_id == Some(Id(session_id.0))
    })
}

/// Whom wrong codes are counted for: an account, the number of those who have none yet, or
/// the name of those who may have none.
fn account(live: &Live, purpose: Purpose) -> String {
    match live.user_id() {
        _ if purpose.is_blind() => live.challenge.account.clone(),
        Some(id) => id.0.to_string(),
        None => live.challenge.phone.clone(),
    }
}

/// `None` at a decoy.
fn attempt(sqlite: &mut SqliteConnection, live: &Live, spent: Spent) -> QueryResult<Option<Attempt>> {
    let purpose = live.purpose()?;
    let sent_to = if purpose.is_blind() {
        let owner = users::table.filter(users::id.nullable().eq(live.challenge.user_id));
        owner.select(users::phone).first(sqlite).optional()?
    } else {
        Some(live.challenge.phone.clone())
    };
    let Some(sent_to) = sent_to else { return Ok(None) };
    Ok(Some(Attempt {
        challenge_id: live.id()?,
        verification_id: spent.verification_id,
        purpose,
        phone: rows::phone(&sent_to, "challenges.phone")?,
        channel: live.channel()?,
        user_id: live.user_id(),
        text_barred: live.second_factors.text_barred,
        attempts_left: spent.attempts_left,
        unsettled: live.verification.unsettled_reference.map(|id| SendReference(id.0)),
        provider_id: live.verification.provider_id.clone().map(ProviderId),
    }))
}

fn record(
    sqlite: &mut SqliteConnection,
    spent: Spent,
    kind: AnswerKind,
    account: &str,
    purpose: Purpose,
    now: Timestamp,
) -> QueryResult<()> {
    insert_into(guesses::table)
        .values((
            guesses::verification_id.eq(Id(spent.verification_id.0)),
            guesses::attempts_left.eq(Count(spent.attempts_left)),
            guesses::account.eq(account),
            guesses::purpose.eq(purpose.as_str()),
            guesses::guessed_at.eq(Micros(now)),
            guesses::kind.eq(kind.as_str()),
        ))
        .execute(sqlite)
        .map(drop)
}

/// The guess record is what is given back: once it is gone, asking again has
/// no effect.
pub(super) fn give_back(sqlite: &mut SqliteConnection, spent: Spent, max_given_back: u32) -> QueryResult<()> {
    let verification = Id(spent.verification_id.0);
    let record: Option<(i64, String, String, String)> = guesses::table
        .filter(guesses::verification_id.eq(verification))
        .filter(guesses::attempts_left.eq(Count(spent.attempts_left)))
        .select((guesses::rowid, guesses::account, guesses::purpose, guesses::kind))
        .first(sqlite)
        .optional()?;
    let Some((record, account, purpose, kind)) = record else { return Ok(()) };
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
        failures::uncount(sqlite, Counted { account: &account, purpose: &purpose, kind: &kind })?;
    }
    Ok(())
}

/// A right answer forgets the wrong ones of its kind before it.
pub(super) fn forget(
    sqlite: &mut SqliteConnection,
    account: &str,
    purpose: Purpose,
    kind: AnswerKind,
) -> QueryResult<()> {
    let forgotten = guesses::account
        .eq(account)
        .and(guesses::purpose.eq(purpose.as_str()))
        .and(guesses::kind.eq(kind.as_str()));
    delete(guesses::table.filter(forgotten)).execute(sqlite)?;
    failures::forget(sqlite, account, purpose, kind)
}

pub(super) fn record_wrong_answer(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<()> {
    let Some(user_id) = attempt.user_id else { return Ok(()) };
    // Of an account that was deleted meanwhile nothing may be told any more.
    if select(exists(users::table.find(Id(user_id.0)))).get_result(sqlite)? {
        events::record(sqlite, event, user_id, None, now)?;
    }
    Ok(())
}
