//! Messages for blind challenges, of which their holders learn nothing.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use jiff::Timestamp;
use ports::{StoreError, UnseenSend};
use uuid::Uuid;

use super::send::{gate, limit, quota_limit, slot};
use crate::{PostgresStore, statement::statement, types::Instant};

// The record of the send belongs to no challenge: if nothing leaves, the challenge shows it sent
// all the same. What was announced and is not sent is no longer looked for at the provider.
statement!(ReserveUnseen {
    challenge_id: String => Text,
    reference: Uuid => SqlUuid,
    phone: String => Text,
    channel: String => Text,
    may_send: bool => Bool,
    country: Option<String> => Nullable<Text>,
    now: Instant => Timestamptz,
    sent_before: Instant => Timestamptz,
    max_sends: i32 => Integer,
    account_quota: Option<i32> => Nullable<Integer>,
    phone_quota: Option<i32> => Nullable<Integer>,
    voice_quota: Option<i32> => Nullable<Integer>,
    country_quota: Option<i32> => Nullable<Integer>,
    address_quota: Option<i32> => Nullable<Integer>,
} concat!(", keys AS MATERIALIZED (
        SELECT i.phone, 'unseen' AS account, i.country, NULL::text AS address, i.may_send, 0 AS sends,
            v.phone AS kept_under, v.purpose, v.id AS verification_id
        FROM input i JOIN challenges c ON c.id = i.challenge_id AND c.expires_at > i.now
        JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        WHERE v.attempts_left > 0 AND v.expires_at > i.now
    )", gate!(), slot!(), ", verification AS (
        UPDATE verifications v SET unsettled_reference = CASE WHEN slot.won THEN i.reference END, channel = i.channel
        FROM input i, keys k, slot
        WHERE v.phone = k.kept_under AND v.purpose = k.purpose AND v.id = k.verification_id
        RETURNING v.purpose
    ), logged AS (
        INSERT INTO sends (reference, challenge_id, phone, account, country, address, purpose, channel, reserved_at)
        SELECT i.reference, '', k.phone, k.account, k.country, NULL, v.purpose, i.channel, i.now
        FROM input i, keys k, slot, verification v WHERE slot.won
    )
    SELECT slot.won FROM slot, verification"));

#[derive(QueryableByName)]
struct Won {
    #[diesel(sql_type = Bool)]
    won: bool,
}

pub(crate) async fn reserve(
    store: &PostgresStore,
    send: &UnseenSend,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let reserve = ReserveUnseen {
        challenge_id: send.challenge_id.as_str().to_owned(),
        reference: send.reference.0,
        phone: send.phone.as_e164().to_owned(),
        channel: send.channel.as_str().to_owned(),
        may_send: send.may_send,
        country: send.country.map(|country| country.as_str().to_owned()),
        now: Instant(now),
        sent_before: Instant(send.policy.sent_before(now)),
        max_sends: limit(send.policy.max_sends),
        account_quota: None,
        phone_quota: quota_limit(send.quotas.phone),
        voice_quota: quota_limit(send.quotas.voice),
        country_quota: quota_limit(send.quotas.country),
        address_quota: None,
    };
    let row: Option<Won> = store.row(reserve).await?;
    Ok(row.is_some_and(|row| row.won))
}
