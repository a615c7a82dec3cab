//! Messages for blind challenges, of which their holders learn nothing.

use diesel::{QueryResult, SqliteConnection};
use jiff::Timestamp;
use ports::{SendLimits, UnseenSend};

use super::{
    live::Live,
    sending::{Number, Verdict, Wish, take},
};
use crate::types::Id;

pub(super) fn reserve(sqlite: &mut SqliteConnection, send: &UnseenSend, now: Timestamp) -> QueryResult<bool> {
    let Some(mut live) = Live::find(sqlite, &send.challenge_id, now)? else { return Ok(false) };
    let limits = SendLimits { policy: send.policy, quotas: send.quotas, address: None };
    let wish =
        Wish { reference: send.reference, channel: send.channel, may_send: send.may_send, limits: &limits };
    // The record belongs to no challenge: if nothing leaves, the challenge shows it sent all the same.
    let number = Number {
        phone: send.phone.as_e164(),
        account: "unseen",
        country: send.country.map(|country| country.as_str().to_owned()),
        challenge_id: "",
        purpose: &live.challenge.purpose,
    };
    let reserved = send.may_send && matches!(take(sqlite, &number, &wish, now)?, Verdict::Reserved { .. });
    // What was announced and is not sent is no longer looked for at the provider.
    live.verification.unsettled_reference = reserved.then_some(Id(send.reference.0));
    send.channel.as_str().clone_into(&mut live.verification.channel);
    live.store(sqlite)?;
    Ok(reserved)
}
