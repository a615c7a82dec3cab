//! Authenticator apps and recovery codes.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{RecoveryCodeHash, SessionId, TotpStep, UserId};
use jiff::Timestamp;
use ports::{
    ConfirmedTotp, FactorStore, NewEvent, RecoveryCodeSet, SealedValue, StoreError, TotpBegin,
    TotpConfirmation, TotpEnrolment,
};
use uuid::Uuid;

use crate::{
    PostgresStore,
    events::{EventInput, record},
    statement::statement,
    types::Instant,
};

/// Holds the row of the user in `input i`, before any other row, against all who change factors.
macro_rules! held_against_changes {
    () => {
        ", holder AS MATERIALIZED (
            SELECT u.id, u.totp_last_step IS NOT NULL AS enrolled
            FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
        )"
    };
}

statement!(BeginTotp { user_id: Uuid => SqlUuid, secret: String => Text, now: Instant => Timestamptz } concat!(
    held_against_changes!(), ", begun AS (
        INSERT INTO totp_secrets (user_id, secret, begun_at)
        SELECT h.id, i.secret, i.now FROM input i, holder h WHERE NOT h.enrolled
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, begun_at = excluded.begun_at
    )
    SELECT enrolled FROM holder"));

statement!(direct FindTotp { user_id: Uuid => SqlUuid } "
    SELECT t.secret, t.begun_at, t.confirmed_at, u.totp_last_step AS last_step
    FROM totp_secrets t JOIN users u ON u.id = t.user_id WHERE t.user_id = ?");

// The secret is compared with the row as it is when its lock is had.
statement!(ConfirmTotp {
    user_id: Uuid => SqlUuid,
    secret: String => Text,
    step: i64 => BigInt,
    recovery_codes: Vec<Vec<u8>> => Array<Binary>,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_against_changes!(), ", confirmed AS (
        UPDATE totp_secrets t SET confirmed_at = i.now FROM input i, holder h
        WHERE t.user_id = h.id AND NOT h.enrolled AND t.secret = i.secret
        RETURNING t.user_id
    ), changed AS (
        UPDATE users u SET totp_last_step = i.step, text_barred = false, updated_at = i.now,
            recovery_codes_left = replace_recovery_codes(u.id, i.recovery_codes)
        FROM input i, confirmed c WHERE u.id = c.user_id
        RETURNING u.id
    )", record!(user "c.id", session "NULL", act "changed c")));

statement!(ResealTotp { user_id: Uuid => SqlUuid, old: String => Text, new: String => Text } "
    UPDATE totp_secrets t SET secret = i.new FROM input i WHERE t.user_id = i.user_id AND t.secret = i.old");

statement!(RemoveTotp {
    user_id: Uuid => SqlUuid,
    kept: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_against_changes!(), ", removed AS (
        DELETE FROM totp_secrets t USING holder h WHERE t.user_id = h.id
        RETURNING h.id, h.enrolled
    ), changed AS (
        UPDATE users u SET totp_last_step = NULL, text_barred = false, updated_at = i.now,
            recovery_codes_left = replace_recovery_codes(u.id, '{}')
        FROM input i, removed r WHERE u.id = r.id AND r.enrolled
        RETURNING u.id
    ), recorded AS (", record!(user "c.id", session "i.kept",
        act "changed c, LATERAL end_other_sessions(c.id, i.kept, i.now), LATERAL forget_devices(c.id, i.now)"), ")
    SELECT enrolled FROM removed"));

statement!(ReplaceRecoveryCodes {
    user_id: Uuid => SqlUuid,
    recovery_codes: Vec<Vec<u8>> => Array<Binary>,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_against_changes!(), ", changed AS (
        UPDATE users u SET updated_at = i.now,
            recovery_codes_left = replace_recovery_codes(u.id, i.recovery_codes)
        FROM input i, holder h WHERE u.id = h.id
        RETURNING u.id
    )", record!(user "c.id", session "NULL", act "changed c")));

#[derive(QueryableByName)]
struct EnrolledRow {
    #[diesel(sql_type = Bool)]
    enrolled: bool,
}

#[derive(QueryableByName)]
struct TotpRow {
    #[diesel(sql_type = Text)]
    secret: String,
    #[diesel(sql_type = Timestamptz)]
    begun_at: Instant,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    confirmed_at: Option<Instant>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_step: Option<i64>,
}

impl From<TotpRow> for TotpEnrolment {
    fn from(row: TotpRow) -> Self {
        let confirmed = row.confirmed_at.zip(row.last_step);
        Self {
            secret: SealedValue(row.secret),
            begun_at: row.begun_at.0,
            confirmed: confirmed
                .map(|(at, last_step)| ConfirmedTotp { at: at.0, last_step: TotpStep(last_step) }),
        }
    }
}

fn hashes(codes: &[RecoveryCodeHash]) -> Vec<Vec<u8>> {
    codes.iter().map(|hash| hash.0.to_vec()).collect()
}

#[async_trait]
impl FactorStore for PostgresStore {
    #[tracing::instrument(name = "postgres.begin_totp", level = "debug", skip_all)]
    async fn begin_totp(
        &self,
        user_id: UserId,
        secret: &SealedValue,
        now: Timestamp,
    ) -> Result<TotpBegin, StoreError> {
        let begin = BeginTotp { user_id: user_id.0, secret: secret.0.clone(), now: Instant(now) };
        let row: Option<EnrolledRow> = self.row(begin).await?;
        Ok(row
            .map_or(TotpBegin::Gone, |row| if row.enrolled { TotpBegin::Enrolled } else { TotpBegin::Begun }))
    }

    #[tracing::instrument(name = "postgres.find_totp", level = "debug", skip_all)]
    async fn find_totp(&self, user_id: UserId) -> Result<Option<TotpEnrolment>, StoreError> {
        let row: Option<TotpRow> = self.row(FindTotp { user_id: user_id.0 }).await?;
        Ok(row.map(TotpEnrolment::from))
    }

    #[tracing::instrument(name = "postgres.confirm_totp", level = "debug", skip_all)]
    async fn confirm_totp(
        &self,
        confirmation: &TotpConfirmation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let confirm = ConfirmTotp {
            user_id: confirmation.user_id.0,
            secret: confirmation.secret.0.clone(),
            step: confirmation.step.0,
            recovery_codes: hashes(&confirmation.recovery_codes),
            now: Instant(now),
            event: (&confirmation.event).into(),
        };
        Ok(self.execute(confirm).await? > 0)
    }

    #[tracing::instrument(name = "postgres.reseal_totp", level = "debug", skip_all)]
    async fn reseal_totp(
        &self,
        user_id: UserId,
        old: &SealedValue,
        new: &SealedValue,
    ) -> Result<(), StoreError> {
        let reseal = ResealTotp { user_id: user_id.0, old: old.0.clone(), new: new.0.clone() };
        self.execute(reseal).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.remove_totp", level = "debug", skip_all)]
    async fn remove_totp(
        &self,
        user_id: UserId,
        kept: SessionId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let remove = RemoveTotp { user_id: user_id.0, kept: kept.0, now: Instant(now), event: event.into() };
        let row: Option<EnrolledRow> = self.row(remove).await?;
        Ok(row.is_some())
    }

    #[tracing::instrument(name = "postgres.replace_recovery_codes", level = "debug", skip_all)]
    async fn replace_recovery_codes(
        &self,
        set: &RecoveryCodeSet,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let replace = ReplaceRecoveryCodes {
            user_id: set.user_id.0,
            recovery_codes: hashes(&set.recovery_codes),
            now: Instant(now),
            event: (&set.event).into(),
        };
        Ok(self.execute(replace).await? > 0)
    }
}
