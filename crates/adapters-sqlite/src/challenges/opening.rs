//! Opening challenges and asking for further messages.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, select},
    prelude::*,
};
use jiff::Timestamp;
use ports::{NewChallenge, Opened, Resend, ReservedSend, SendDecision, Subject};

use super::{
    live::Live,
    sending::{Verdict, Wish, reserve},
};
use crate::{
    schema::{password_failures, users},
    types::Id,
};

pub(super) fn open(
    sqlite: &mut SqliteConnection,
    new: &NewChallenge,
    now: Timestamp,
) -> QueryResult<Option<Opened>> {
    if !is_still_held(sqlite, &new.subject)? {
        return Ok(None);
    }
    if let Some(throttle_key) = new.subject.throttle_key() {
        delete(password_failures::table.find(&throttle_key.0)).execute(sqlite)?;
    }
    let mut live = Live::find_or_begin(sqlite, new, now)?;
    let had_code = live.has_code();
    let wish = Wish { reference: new.reference, channel: new.channel, limits: &new.limits };
    let verdict = reserve(sqlite, &mut live, &wish, now)?;
    live.store(sqlite)?;
    let mut opened = answer(sqlite, &live, &wish, verdict)?;
    // Whoever has a code needs no other, so no quota keeps them from it.
    if had_code && matches!(opened.send, SendDecision::OverQuota { .. }) {
        opened.send = SendDecision::Held;
    }
    Ok(Some(opened))
}

/// Whether the account is there with the password that was compared; who registers has none.
fn is_still_held(sqlite: &mut SqliteConnection, subject: &Subject) -> QueryResult<bool> {
    let Some(user_id) = subject.user_id() else { return Ok(true) };
    let mut held = users::table.find(Id(user_id.0)).into_boxed();
    if let Some(compared) = subject.password_hash() {
        held = held.filter(users::password_hash.eq(compared.as_str()));
    }
    select(exists(held)).get_result(sqlite)
}

pub(super) fn reserve_resend(
    sqlite: &mut SqliteConnection,
    resend: &Resend,
    now: Timestamp,
) -> QueryResult<Option<Opened>> {
    let Some(mut live) = Live::find(sqlite, &resend.id, now)? else { return Ok(None) };
    let wish = Wish { reference: resend.reference, channel: resend.channel, limits: &resend.limits };
    let verdict = reserve(sqlite, &mut live, &wish, now)?;
    live.store(sqlite)?;
    answer(sqlite, &live, &wish, verdict).map(Some)
}

fn answer(
    sqlite: &mut SqliteConnection,
    live: &Live,
    wish: &Wish<'_>,
    verdict: Verdict,
) -> QueryResult<Opened> {
    match verdict {
        Verdict::Reserved { at } => {
            let challenge = live.state(sqlite, Some(at))?;
            let Some(phone) = challenge.phone.clone() else {
                return Ok(Opened { challenge, send: SendDecision::Announced });
            };
            let send = ReservedSend {
                reference: wish.reference,
                challenge_id: challenge.id.clone(),
                phone,
                channel: wish.channel,
                locale: challenge.locale.clone(),
            };
            Ok(Opened { challenge, send: SendDecision::Reserved(send) })
        }
        Verdict::Held { last_sent_at } => {
            Ok(Opened { challenge: live.state(sqlite, last_sent_at)?, send: SendDecision::Held })
        }
        Verdict::OverQuota { last_sent_at, retry_at } => Ok(Opened {
            challenge: live.state(sqlite, last_sent_at)?,
            send: SendDecision::OverQuota { retry_at },
        }),
    }
}
