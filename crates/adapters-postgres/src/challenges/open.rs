//! Opening a challenge, or finding it open.

use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use jiff::Timestamp;
use ports::{NewChallenge, Opened, StoreError};
use uuid::Uuid;

use super::send::{OpenedRow, WhenOverQuota, gate, limit, quota_limit, slot};
use crate::{
    PostgresStore,
    rows::{read, second_factor_columns},
    statement::statement,
    types::Instant,
};

// Whoever opens a challenge of an account holds its row, after the verification as whoever uses
// a code does. An account that is gone or locked, or whose password is another than was compared, has no
// holder: then the challenge belongs to nobody, and its foreign key takes everything back.
//
// `keys` is the live challenge as this statement's snapshot shows it, for what
// it may cost; the upserts below judge liveness again on the rows they lock.
statement!(OpenChallenge {
    id: String => Text,
    purpose: String => Text,
    subject: String => Text,
    verification_id: Uuid => SqlUuid,
    reference: Uuid => SqlUuid,
    phone: String => Text,
    user_id: Option<Uuid> => Nullable<SqlUuid>,
    compared_hash: Option<String> => Nullable<Text>,
    session_id: Option<Uuid> => Nullable<SqlUuid>,
    email: Option<String> => Nullable<Text>,
    email_canonical: Option<String> => Nullable<Text>,
    password_hash: Option<String> => Nullable<Text>,
    account_locale: Option<String> => Nullable<Text>,
    locale: Option<String> => Nullable<Text>,
    country: Option<String> => Nullable<Text>,
    address: Option<String> => Nullable<Text>,
    account: String => Text,
    throttle_key: Option<String> => Nullable<Text>,
    channel: String => Text,
    now: Instant => Timestamptz,
    expires_at: Instant => Timestamptz,
    sent_before: Instant => Timestamptz,
    may_send: bool => Bool,
    max_attempts: i32 => Integer,
    max_sends: i32 => Integer,
    account_quota: Option<i32> => Nullable<Integer>,
    phone_quota: Option<i32> => Nullable<Integer>,
    voice_quota: Option<i32> => Nullable<Integer>,
    country_quota: Option<i32> => Nullable<Integer>,
    address_quota: Option<i32> => Nullable<Integer>,
} concat!(", keys AS MATERIALIZED (
        SELECT i.phone, i.account, i.country, i.address, i.may_send, l.sends,
            coalesce(l.expires_at, i.expires_at) AS expires_at
        FROM input i LEFT JOIN LATERAL (
            SELECT c.sends, c.expires_at FROM challenges c
            JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
            WHERE c.purpose = i.purpose AND c.subject = i.subject AND c.phone = i.phone AND c.expires_at > i.now
            AND v.attempts_left > 0 AND v.expires_at > i.now
        ) l ON true
    )", gate!(), slot!(), ", verification AS (
        INSERT INTO verifications AS v (phone, purpose, id, attempts_left, channel, unsettled_reference, expires_at)
        SELECT i.phone, i.purpose, i.verification_id, i.max_attempts, i.channel,
            CASE WHEN slot.won THEN i.reference END, k.expires_at
        FROM input i, keys k, slot
        ON CONFLICT (phone, purpose) DO UPDATE SET
            id = CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN v.id ELSE excluded.id END,
            attempts_left = CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN v.attempts_left ELSE excluded.attempts_left END,
            given_back = CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN v.given_back ELSE 0 END,
            provider_id = CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN v.provider_id END,
            unsettled_reference = coalesce(excluded.unsettled_reference,
                CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN v.unsettled_reference END),
            expires_at = CASE WHEN v.attempts_left > 0 AND v.expires_at > (SELECT now FROM input)
                THEN greatest(v.expires_at, excluded.expires_at) ELSE excluded.expires_at END,
            channel = CASE WHEN excluded.unsettled_reference IS NULL THEN v.channel ELSE excluded.channel END
        RETURNING v.*
    ), holder AS MATERIALIZED (
        SELECT u.* FROM input i, verification v, users u
        WHERE u.id = i.user_id
        AND (i.compared_hash IS NULL OR (u.password_hash = i.compared_hash AND u.locked_at IS NULL))
        FOR SHARE OF u
    ), challenge AS (
        INSERT INTO challenges AS c (id, purpose, subject, verification_id, phone, user_id, session_id, email,
            email_canonical, password_hash, account_locale, locale, country, account, sends, created_at, expires_at)
        SELECT i.id, i.purpose, i.subject, v.id, i.phone,
            CASE WHEN i.user_id IS NOT NULL THEN coalesce(h.id, '00000000-0000-0000-0000-000000000000') END,
            i.session_id, i.email,
            i.email_canonical, i.password_hash, i.account_locale, i.locale, i.country, i.account,
            CASE WHEN slot.won THEN 1 ELSE 0 END, i.now, i.expires_at
        FROM input i CROSS JOIN verification v CROSS JOIN slot LEFT JOIN holder h ON true
        ON CONFLICT (purpose, subject) DO UPDATE SET
            id = CASE WHEN c.verification_id = excluded.verification_id AND c.expires_at > excluded.created_at
                THEN c.id ELSE excluded.id END,
            sends = CASE WHEN c.verification_id = excluded.verification_id AND c.expires_at > excluded.created_at
                THEN c.sends + excluded.sends ELSE excluded.sends END,
            created_at = CASE WHEN c.verification_id = excluded.verification_id
                AND c.expires_at > excluded.created_at THEN c.created_at ELSE excluded.created_at END,
            expires_at = CASE WHEN c.verification_id = excluded.verification_id
                AND c.expires_at > excluded.created_at THEN c.expires_at ELSE excluded.expires_at END,
            verification_id = excluded.verification_id, phone = excluded.phone, user_id = excluded.user_id,
            email = excluded.email,
            account_locale = excluded.account_locale, locale = excluded.locale, session_id = excluded.session_id
        RETURNING c.*
    ), logged AS (
        INSERT INTO sends (reference, challenge_id, phone, account, country, address, purpose, channel, reserved_at)
        SELECT i.reference, c.id, i.phone, i.account, i.country, i.address, i.purpose, i.channel, i.now
        FROM input i, challenge c, slot WHERE slot.won
    ), forgiven AS (
        DELETE FROM password_failures f USING input i WHERE f.account = i.throttle_key
    )
    SELECT c.id, c.purpose, c.phone, c.user_id, c.locale, c.sends, c.expires_at, v.attempts_left, v.channel,
        v.provider_id IS NOT NULL OR v.unsettled_reference IS NOT NULL AS has_code,
        slot.won, slot.last_sent_at, gate.retry_at, ", second_factor_columns!(), "
    FROM challenge c CROSS JOIN verification v CROSS JOIN slot CROSS JOIN gate LEFT JOIN holder u ON true"));

pub(crate) async fn open(
    store: &PostgresStore,
    challenge: &NewChallenge,
    now: Timestamp,
) -> Result<Option<Opened>, StoreError> {
    let sent_before = challenge.limits.policy.sent_before(now);
    let Some(rows) = store.rows_unless_orphaned(statement(challenge, now)).await? else { return Ok(None) };
    let row: OpenedRow = read(rows.into_iter().next(), "challenges", "id")?;
    row.opened(challenge.reference, sent_before, WhenOverQuota::LastCodeServes).map(Some)
}

fn statement(challenge: &NewChallenge, now: Timestamp) -> OpenChallenge {
    let (subject, limits) = (&challenge.subject, &challenge.limits);
    let registration = subject.registration();
    OpenChallenge {
        id: challenge.id.as_str().to_owned(),
        purpose: subject.purpose().as_str().to_owned(),
        subject: subject.identity(),
        verification_id: challenge.verification_id.0,
        reference: challenge.reference.0,
        phone: subject.destination(),
        user_id: subject.user_id().map(|id| id.0),
        compared_hash: subject.password_hash().map(|hash| hash.as_str().to_owned()),
        session_id: subject.session_id().map(|id| id.0),
        email: registration.map(|r| r.email.as_typed().to_owned()),
        email_canonical: registration.map(|r| r.email.canonical().to_owned()),
        password_hash: registration.map(|r| r.password_hash.as_str().to_owned()),
        account_locale: registration.and_then(|r| r.locale.as_ref()).map(|l| l.as_str().to_owned()),
        locale: challenge.locale.as_ref().map(|l| l.as_str().to_owned()),
        country: challenge.country.map(|c| c.as_str().to_owned()),
        address: limits.address.map(|address| address.to_string()),
        account: subject.account(),
        throttle_key: subject.throttle_key().map(|key| key.0.clone()),
        channel: challenge.channel.as_str().to_owned(),
        now: Instant(now),
        expires_at: Instant(limits.policy.expires_at(now)),
        sent_before: Instant(limits.policy.sent_before(now)),
        may_send: challenge.may_send,
        max_attempts: limit(limits.policy.max_attempts),
        max_sends: limit(limits.policy.max_sends),
        account_quota: quota_limit(limits.quotas.account),
        phone_quota: quota_limit(limits.quotas.phone),
        voice_quota: quota_limit(limits.quotas.voice),
        country_quota: quota_limit(limits.quotas.country),
        address_quota: quota_limit(limits.quotas.address),
    }
}
