//! Who may send, and what became of it.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
    replace_into,
};
use domain::{Channel, ProviderId, Purpose, SendReference};
use jiff::Timestamp;
use ports::SendLimits;

use super::{live::Live, quotas};
use crate::{
    schema::{challenges, send_slots, sends, verifications},
    types::{Count, Id, Micros},
};

/// A message that somebody would like to send.
pub(super) struct Wish<'a> {
    pub(super) reference: SendReference,
    pub(super) channel: Channel,
    pub(super) may_send: bool,
    pub(super) limits: &'a SendLimits,
}

/// What became of a wish, and when the number last got a message.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    Reserved { at: Timestamp },
    Held { last_sent_at: Option<Timestamp> },
    OverQuota { last_sent_at: Option<Timestamp>, retry_at: Timestamp },
}

/// Where a message goes, and what it counts for.
pub(super) struct Number<'a> {
    pub(super) phone: &'a str,
    pub(super) account: &'a str,
    pub(super) country: Option<String>,
    pub(super) challenge_id: &'a str,
    pub(super) purpose: &'a str,
}

/// Takes the number's slot, unless nothing may be sent, the challenge has had all its messages, the
/// cooldown runs or a quota is used up. `live` is changed, not stored.
pub(super) fn reserve(
    sqlite: &mut SqliteConnection,
    live: &mut Live,
    wish: &Wish<'_>,
    now: Timestamp,
) -> QueryResult<Verdict> {
    let challenge = &live.challenge;
    if !wish.may_send || challenge.sends.0 >= wish.limits.policy.max_sends {
        return Ok(Verdict::Held { last_sent_at: last_sent_at(sqlite, &challenge.phone)? });
    }
    let number = Number {
        phone: &challenge.phone,
        account: &challenge.account,
        country: challenge.country.clone(),
        challenge_id: &challenge.id,
        purpose: &challenge.purpose,
    };
    let verdict = take(sqlite, &number, wish, now)?;
    if matches!(verdict, Verdict::Reserved { .. }) {
        live.challenge.sends = Count(live.challenge.sends.0.saturating_add(1));
        live.verification.unsettled_reference = Some(Id(wish.reference.0));
        wish.channel.as_str().clone_into(&mut live.verification.channel);
    }
    Ok(verdict)
}

/// Takes the number's slot, unless the cooldown runs or a quota is used up.
pub(super) fn take(
    sqlite: &mut SqliteConnection,
    number: &Number<'_>,
    wish: &Wish<'_>,
    now: Timestamp,
) -> QueryResult<Verdict> {
    let last_sent_at = last_sent_at(sqlite, number.phone)?;
    if last_sent_at.is_some_and(|last| last > wish.limits.policy.sent_before(now)) {
        return Ok(Verdict::Held { last_sent_at });
    }
    if let Some(retry_at) = quotas::sends_used_up_until(sqlite, number, wish.channel, wish.limits, now)? {
        return Ok(Verdict::OverQuota { last_sent_at, retry_at });
    }
    take_slot(sqlite, number.phone, wish.reference, now)?;
    record(sqlite, number, wish, now)?;
    Ok(Verdict::Reserved { at: now })
}

fn last_sent_at(sqlite: &mut SqliteConnection, phone: &str) -> QueryResult<Option<Timestamp>> {
    let slot: Option<Option<Micros>> =
        send_slots::table.find(phone).select(send_slots::last_sent_at).first(sqlite).optional()?;
    Ok(slot.flatten().map(|at| at.0))
}

fn take_slot(
    sqlite: &mut SqliteConnection,
    phone: &str,
    reference: SendReference,
    now: Timestamp,
) -> QueryResult<()> {
    replace_into(send_slots::table)
        .values((
            send_slots::phone.eq(phone),
            send_slots::last_sent_at.eq(Micros(now)),
            send_slots::last_reference.eq(Id(reference.0)),
        ))
        .execute(sqlite)
        .map(drop)
}

fn record(
    sqlite: &mut SqliteConnection,
    number: &Number<'_>,
    wish: &Wish<'_>,
    now: Timestamp,
) -> QueryResult<()> {
    insert_into(sends::table)
        .values((
            sends::reference.eq(Id(wish.reference.0)),
            sends::challenge_id.eq(number.challenge_id),
            sends::phone.eq(number.phone),
            sends::account.eq(number.account),
            sends::country.eq(number.country.as_ref()),
            sends::address.eq(wish.limits.address.map(|address| address.to_string())),
            sends::purpose.eq(number.purpose),
            sends::channel.eq(wish.channel.as_str()),
            sends::reserved_at.eq(Micros(now)),
        ))
        .execute(sqlite)
        .map(drop)
}

pub(super) fn settle_sent(
    sqlite: &mut SqliteConnection,
    reference: SendReference,
    provider_id: &ProviderId,
) -> QueryResult<()> {
    let current = verifications::unsettled_reference.eq(Id(reference.0));
    update(verifications::table.filter(current))
        .set((
            verifications::provider_id.eq(&provider_id.0),
            verifications::unsettled_reference.eq(None::<Id>),
        ))
        .execute(sqlite)
        .map(drop)
}

/// The code that was sent before, or may have been, serves on, by the channel that it was sent by.
fn unsettle(sqlite: &mut SqliteConnection, reference: Id) -> QueryResult<()> {
    let unsettled = verifications::table.filter(verifications::unsettled_reference.eq(reference));
    let found: Option<(Id, String, String, String, Option<String>)> = unsettled
        .select((
            verifications::id,
            verifications::phone,
            verifications::purpose,
            verifications::channel,
            verifications::provider_id,
        ))
        .first(sqlite)
        .optional()?;
    let Some((id, phone, purpose, channel, provider_id)) = found else { return Ok(()) };
    // What an earlier verification sent was used or guessed at.
    let of_this_one =
        challenges::table.filter(challenges::verification_id.eq(id)).select(challenges::id).into_boxed();
    let before: Option<(Id, String)> = sends::table
        .filter(sends::challenge_id.eq_any(of_this_one))
        .filter(sends::phone.eq(&phone))
        .filter(sends::purpose.eq(&purpose))
        .filter(sends::reference.ne(reference))
        .order(sends::reserved_at.desc())
        .select((sends::reference, sends::channel))
        .first(sqlite)
        .optional()?;
    // What was announced where anybody may start was sent to nobody.
    let is_blind = Purpose::find(&purpose).is_some_and(Purpose::is_blind);
    let may_have_been_sent = provider_id.is_none() && !is_blind;
    let (earlier, channel) = match before {
        Some((earlier, channel)) => (Some(earlier).filter(|_| may_have_been_sent), channel),
        None => (None, channel),
    };
    update(verifications::table.find((phone, purpose)))
        .set((verifications::unsettled_reference.eq(earlier), verifications::channel.eq(channel)))
        .execute(sqlite)
        .map(drop)
}

pub(super) fn settle_not_sent(sqlite: &mut SqliteConnection, reference: SendReference) -> QueryResult<()> {
    let reference = Id(reference.0);
    unsettle(sqlite, reference)?;
    update(send_slots::table.filter(send_slots::last_reference.eq(reference)))
        .set((send_slots::last_sent_at.eq(None::<Micros>), send_slots::last_reference.eq(None::<Id>)))
        .execute(sqlite)?;
    let unsent: Option<String> =
        delete(sends::table.find(reference)).returning(sends::challenge_id).get_result(sqlite).optional()?;
    if let Some(challenge_id) = unsent {
        update(challenges::table.find(challenge_id).filter(challenges::sends.gt(Count(0))))
            .set(challenges::sends.eq(challenges::sends - Count(1)))
            .execute(sqlite)?;
    }
    Ok(())
}
