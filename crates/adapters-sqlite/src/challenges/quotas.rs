//! Sliding windows over recorded sends and guesses.

use diesel::{QueryResult, SqliteConnection, prelude::*, sqlite::Sqlite};
use domain::{Channel, Quota};
use jiff::Timestamp;
use ports::SendLimits;

use super::sending::Number;
use crate::{
    schema::{guesses, sends},
    types::Micros,
};

type Sends<'a> = sends::BoxedQuery<'a, Sqlite>;

/// When the last of the used-up quotas allows another send to this number;
/// `None` when all do now.
pub(super) fn sends_used_up_until(
    sqlite: &mut SqliteConnection,
    number: &Number<'_>,
    channel: Channel,
    limits: &SendLimits,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let quotas = &limits.quotas;
    let address = limits.address.map(|address| address.to_string());
    let country = quotas.country.filter(|_| number.country.is_some());
    let network = quotas.address.filter(|_| address.is_some());
    let voice = quotas.voice.filter(|_| channel == Channel::Voice);
    let ends = [
        sends_end(sqlite, voice, now, |sends| {
            sends.filter(sends::phone.eq(number.phone)).filter(sends::channel.eq(Channel::Voice.as_str()))
        })?,
        sends_end(sqlite, quotas.phone, now, |sends| sends.filter(sends::phone.eq(number.phone)))?,
        sends_end(sqlite, quotas.account, now, |sends| sends.filter(sends::account.eq(number.account)))?,
        sends_end(sqlite, country, now, |sends| sends.filter(sends::country.eq(&number.country)))?,
        sends_end(sqlite, network, now, |sends| sends.filter(sends::address.eq(&address)))?,
    ];
    Ok(ends.into_iter().flatten().max())
}

fn sends_end<'a>(
    sqlite: &mut SqliteConnection,
    quota: Option<Quota>,
    now: Timestamp,
    counted: impl Fn(Sends<'a>) -> Sends<'a>,
) -> QueryResult<Option<Timestamp>> {
    used_up_until(quota, now, |since, earlier| {
        counted(sends::table.into_boxed())
            .filter(sends::reserved_at.gt(since))
            .order(sends::reserved_at.desc())
            .select(sends::reserved_at)
            .offset(earlier)
            .limit(1)
            .first(sqlite)
            .optional()
    })
}

/// When an account may guess again; `None` when it may now.
pub(super) fn guesses_used_up_until(
    sqlite: &mut SqliteConnection,
    account: &str,
    purpose: &str,
    quota: Option<Quota>,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    used_up_until(quota, now, |since, earlier| {
        guesses::table
            .filter(guesses::account.eq(account))
            .filter(guesses::purpose.eq(purpose))
            .filter(guesses::guessed_at.gt(since))
            .order(guesses::guessed_at.desc())
            .select(guesses::guessed_at)
            .offset(earlier)
            .limit(1)
            .first(sqlite)
            .optional()
    })
}

/// Asks `nth_newest` for the time of the event that uses a window up: the one
/// with so many later ones inside the window. The window is free again when
/// that event has slid out of it.
fn used_up_until(
    quota: Option<Quota>,
    now: Timestamp,
    mut nth_newest: impl FnMut(Micros, i64) -> QueryResult<Option<Micros>>,
) -> QueryResult<Option<Timestamp>> {
    let Some(quota) = quota else { return Ok(None) };
    let mut latest = None;
    for (window, limit) in [(Quota::HOUR, quota.per_hour), (Quota::DAY, quota.per_day())] {
        let event = match limit.checked_sub(1) {
            Some(earlier) => nth_newest(Micros::before(now, window), i64::from(earlier))?,
            None => Some(Micros(now)),
        };
        latest = latest.max(event.map(|event| event.later(window)));
    }
    Ok(latest)
}
