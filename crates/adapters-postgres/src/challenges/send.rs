//! Reserving a message and settling it.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{
    ChallengeId, ChallengeState, Channel, ProviderId, Purpose, Quota, SecondFactors, SendReference, UserId,
};
use jiff::Timestamp;
use ports::{Opened, Resend, ReservedSend, SendDecision, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    rows::{SecondFactorsRow, locale, phone, read, second_factor_columns},
    statement::statement,
    types::Instant,
};

/// Whether a message may be sent. Reads `input i` and the keys of the send in
/// `k`; gives `gate (eligible, retry_at)`.
///
/// To look at quotas is to queue for them, so whoever is held anyway does not: nothing may
/// be sent, no sends are left, or the number's cooldown runs as this statement's snapshot
/// shows it. Calls are counted as that snapshot shows them: of two at one moment the cooldown of
/// the number admits one.
macro_rules! gate {
    () => {
        ", wish AS MATERIALIZED (
            SELECT k.may_send AND coalesce(k.sends, 0) < i.max_sends AND NOT EXISTS (
                SELECT FROM send_slots s WHERE s.phone = k.phone AND s.last_sent_at > i.sent_before
            ) AS eligible FROM input i, keys k
        ), gate AS MATERIALIZED (
            SELECT w.eligible, CASE WHEN w.eligible THEN greatest(sends_full_until(
                k.account, i.account_quota, k.phone, i.phone_quota,
                k.address, i.address_quota, k.country, i.country_quota, i.now),
                CASE WHEN i.channel = 'voice' THEN quota_full_until(ARRAY(
                    SELECT s.reserved_at FROM sends s WHERE s.phone = k.phone AND s.channel = 'voice'
                    AND s.reserved_at > i.now - interval '24 hours'
                    ORDER BY s.reserved_at DESC LIMIT coalesce(2 * i.voice_quota, 0)), i.voice_quota, i.now) END
                ) END AS retry_at
            FROM input i, keys k, wish w
        )"
    };
}

/// Takes the number's slot. The row of the number is locked whether or not the
/// slot is free, so everything after it sees what earlier callers left.
macro_rules! slot {
    () => {
        ", slot AS (
            INSERT INTO send_slots AS s (phone, last_sent_at, last_reference)
            SELECT k.phone, CASE WHEN g.allowed THEN i.now END, CASE WHEN g.allowed THEN i.reference END
            FROM input i, keys k, (SELECT eligible AND retry_at IS NULL AS allowed FROM gate) g
            ON CONFLICT (phone) DO UPDATE SET
                last_sent_at = CASE
                    WHEN excluded.last_sent_at IS NOT NULL
                    AND (s.last_sent_at IS NULL OR s.last_sent_at <= (SELECT sent_before FROM input))
                    THEN excluded.last_sent_at ELSE s.last_sent_at END,
                last_reference = CASE
                    WHEN excluded.last_sent_at IS NOT NULL
                    AND (s.last_sent_at IS NULL OR s.last_sent_at <= (SELECT sent_before FROM input))
                    THEN excluded.last_reference ELSE s.last_reference END
            RETURNING last_sent_at, last_reference IS NOT DISTINCT FROM (SELECT reference FROM input) AS won
        )"
    };
}
pub(crate) use {gate, slot};

/// What both ways to reserve a message return.
#[derive(QueryableByName)]
pub(crate) struct OpenedRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    purpose: String,
    #[diesel(sql_type = Text)]
    phone: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    user_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    locale: Option<String>,
    #[diesel(sql_type = Integer)]
    sends: i32,
    #[diesel(sql_type = Timestamptz)]
    expires_at: Instant,
    #[diesel(sql_type = Integer)]
    attempts_left: i32,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Bool)]
    has_code: bool,
    #[diesel(sql_type = Bool)]
    won: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_sent_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    retry_at: Option<Instant>,
    #[diesel(embed)]
    second_factors: Option<SecondFactorsRow>,
}

/// What a caller gets who may not send although no cooldown runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenOverQuota {
    /// The code that was sent before still serves.
    LastCodeServes,
    /// A further message was asked for, and there is none.
    Refuse,
}

impl OpenedRow {
    pub(crate) fn opened(
        self,
        reference: SendReference,
        sent_before: Timestamp,
        when_over_quota: WhenOverQuota,
    ) -> Result<Opened, StoreError> {
        let purpose = read(Purpose::find(&self.purpose), "challenges", "purpose")?;
        let phone = if purpose.is_blind() { None } else { Some(phone(&self.phone, "challenges")?) };
        let challenge = ChallengeState {
            id: read(ChallengeId::parse(&self.id).ok(), "challenges", "id")?,
            purpose,
            phone: phone.clone(),
            channel: read(Channel::parse(&self.channel).ok(), "verifications", "channel")?,
            locale: locale(self.locale.as_deref()),
            user_id: self.user_id.map(UserId),
            second_factors: self.second_factors.map(SecondFactors::from).unwrap_or_default(),
            attempts_left: count(self.attempts_left),
            sends: count(self.sends),
            number_last_sent_at: self.last_sent_at.map(|at| at.0),
            expires_at: self.expires_at.0,
        };
        let cooling = !self.won && self.last_sent_at.is_some_and(|at| at.0 > sent_before);
        let code_serves = self.has_code && when_over_quota == WhenOverQuota::LastCodeServes;
        let send = match self.retry_at {
            _ if self.won => phone.map_or(SendDecision::Announced, |phone| {
                SendDecision::Reserved(ReservedSend {
                    reference,
                    challenge_id: challenge.id.clone(),
                    phone,
                    channel: challenge.channel,
                    locale: challenge.locale.clone(),
                })
            }),
            Some(retry_at) if !cooling && !code_serves => SendDecision::OverQuota { retry_at: retry_at.0 },
            _ => SendDecision::Held,
        };
        Ok(Opened { challenge, send })
    }
}

/// Counters are checked against falling below zero by the schema.
pub(crate) fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

pub(crate) fn limit(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A quota as its statements take it: twice it must still be a number.
pub(crate) fn quota_limit(quota: Option<Quota>) -> Option<i32> {
    quota.map(|quota| limit(quota.per_hour).clamp(1, i32::MAX / 2))
}

statement!(ReserveResend {
    id: String => Text,
    reference: Uuid => SqlUuid,
    channel: String => Text,
    now: Instant => Timestamptz,
    sent_before: Instant => Timestamptz,
    max_sends: i32 => Integer,
    address: Option<String> => Nullable<Text>,
    account_quota: Option<i32> => Nullable<Integer>,
    phone_quota: Option<i32> => Nullable<Integer>,
    voice_quota: Option<i32> => Nullable<Integer>,
    country_quota: Option<i32> => Nullable<Integer>,
    address_quota: Option<i32> => Nullable<Integer>,
} concat!(", keys AS MATERIALIZED (
        SELECT c.*, i.address, NOT (coalesce(u.text_barred, false) AND c.purpose IN ('login', 'step_up')) AS may_send FROM input i
        JOIN challenges c ON c.id = i.id AND c.expires_at > i.now
        JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
        LEFT JOIN users u ON u.id = c.user_id
        WHERE v.attempts_left > 0 AND v.expires_at > i.now
    )", gate!(), slot!(), ", verification AS (
        UPDATE verifications v SET
            unsettled_reference = CASE WHEN slot.won THEN i.reference ELSE v.unsettled_reference END,
            channel = CASE WHEN slot.won THEN i.channel ELSE v.channel END
        FROM input i, keys k, slot
        WHERE v.phone = k.phone AND v.purpose = k.purpose AND v.id = k.verification_id AND v.attempts_left > 0
        RETURNING v.*
    ), challenge AS (
        UPDATE challenges c SET sends = c.sends + CASE WHEN slot.won THEN 1 ELSE 0 END
        FROM keys k, slot, verification v WHERE c.id = k.id AND c.verification_id = v.id
        RETURNING c.*
    ), logged AS (
        INSERT INTO sends (reference, challenge_id, phone, account, country, address, purpose, channel, reserved_at)
        SELECT i.reference, c.id, c.phone, c.account, c.country, i.address, c.purpose, i.channel, i.now
        FROM input i, challenge c, slot WHERE slot.won
    )
    SELECT c.id, c.purpose, c.phone, c.user_id, c.locale, c.sends, c.expires_at, v.attempts_left, v.channel,
        v.provider_id IS NOT NULL OR v.unsettled_reference IS NOT NULL AS has_code,
        slot.won, slot.last_sent_at, gate.retry_at, ", second_factor_columns!(), "
    FROM challenge c CROSS JOIN verification v CROSS JOIN slot CROSS JOIN gate LEFT JOIN users u ON u.id = c.user_id"));

pub(crate) async fn reserve_resend(
    store: &PostgresStore,
    resend: &Resend,
    now: Timestamp,
) -> Result<Option<Opened>, StoreError> {
    let limits = &resend.limits;
    let sent_before = limits.policy.sent_before(now);
    let reserve = ReserveResend {
        id: resend.id.as_str().to_owned(),
        reference: resend.reference.0,
        channel: resend.channel.as_str().to_owned(),
        now: Instant(now),
        sent_before: Instant(sent_before),
        max_sends: limit(limits.policy.max_sends),
        address: limits.address.map(|address| address.to_string()),
        account_quota: quota_limit(limits.quotas.account),
        phone_quota: quota_limit(limits.quotas.phone),
        voice_quota: quota_limit(limits.quotas.voice),
        country_quota: quota_limit(limits.quotas.country),
        address_quota: quota_limit(limits.quotas.address),
    };
    let row: Option<OpenedRow> = store.row(reserve).await?;
    row.map(|row| row.opened(resend.reference, sent_before, WhenOverQuota::Refuse)).transpose()
}

statement!(SettleSent { reference: Uuid => SqlUuid, provider_id: String => Text } "
    UPDATE verifications v SET provider_id = i.provider_id, unsettled_reference = NULL
    FROM input i WHERE v.unsettled_reference = i.reference");

pub(crate) async fn settle_sent(
    store: &PostgresStore,
    reference: SendReference,
    provider_id: &ProviderId,
) -> Result<(), StoreError> {
    let settle = SettleSent { reference: reference.0, provider_id: provider_id.0.clone() };
    store.execute(settle).await.map(drop)
}

// The code that was sent before, or may have been, serves on, by the channel that it was sent by: one of
// the same verification, for what an earlier one sent was used or guessed at. What was announced where
// anybody may start was sent to nobody.
statement!(SettleNotSent { reference: Uuid => SqlUuid } ", unlogged AS (
        DELETE FROM sends s USING input i WHERE s.reference = i.reference RETURNING s.challenge_id, s.phone
    ), freed AS (
        UPDATE send_slots s SET last_sent_at = NULL, last_reference = NULL FROM input i, unlogged l
        WHERE s.phone = l.phone AND s.last_reference = i.reference
    ), before AS (
        SELECT s.reference, s.channel FROM input i
        JOIN verifications v ON v.unsettled_reference = i.reference
        JOIN sends s ON s.phone = v.phone AND s.purpose = v.purpose AND s.reference <> i.reference
        JOIN challenges c ON c.id = s.challenge_id AND c.verification_id = v.id
        ORDER BY s.reserved_at DESC LIMIT 1
    ), unsettled AS (
        UPDATE verifications v SET channel = coalesce((SELECT b.channel FROM before b), v.channel),
            unsettled_reference = CASE WHEN v.provider_id IS NULL AND v.purpose NOT IN ('phone_login', 'password_reset')
                THEN (SELECT b.reference FROM before b) END
        FROM input i WHERE v.unsettled_reference = i.reference
    )
    UPDATE challenges c SET sends = c.sends - 1 FROM unlogged l WHERE c.id = l.challenge_id AND c.sends > 0");

pub(crate) async fn settle_not_sent(
    store: &PostgresStore,
    reference: SendReference,
) -> Result<(), StoreError> {
    store.execute(SettleNotSent { reference: reference.0 }).await.map(drop)
}
