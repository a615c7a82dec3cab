//! Authenticator apps and recovery codes.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, insert_into, update},
    prelude::*,
};
use domain::{RecoveryCodeHash, SessionId, TotpStep, UserId};
use jiff::Timestamp;
use ports::{
    ConfirmedTotp, FactorStore, NewEvent, RecoveryCodeSet, SealedValue, StoreError, TotpBegin,
    TotpConfirmation, TotpEnrolment,
};

use crate::{
    devices, events,
    schema::{recovery_codes, totp_secrets, users},
    sessions::end_all_but,
    store::SqliteStore,
    types::{Count, Id, Micros},
};

#[async_trait]
impl FactorStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.begin_totp", skip_all)]
    async fn begin_totp(
        &self,
        user_id: UserId,
        secret: &SealedValue,
        now: Timestamp,
    ) -> Result<TotpBegin, StoreError> {
        let secret = secret.clone();
        self.write(move |sqlite| begin(sqlite, user_id, &secret, now)).await
    }

    #[tracing::instrument(name = "sqlite.find_totp", skip_all)]
    async fn find_totp(&self, user_id: UserId) -> Result<Option<TotpEnrolment>, StoreError> {
        self.read(move |sqlite| find(sqlite, user_id)).await
    }

    #[tracing::instrument(name = "sqlite.confirm_totp", skip_all)]
    async fn confirm_totp(
        &self,
        confirmation: &TotpConfirmation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let confirmation = confirmation.clone();
        self.write(move |sqlite| confirm(sqlite, &confirmation, now)).await
    }

    #[tracing::instrument(name = "sqlite.reseal_totp", skip_all)]
    async fn reseal_totp(
        &self,
        user_id: UserId,
        old: &SealedValue,
        new: &SealedValue,
    ) -> Result<(), StoreError> {
        let (old, new) = (old.clone(), new.clone());
        self.write(move |sqlite| {
            let unchanged = totp_secrets::table.find(Id(user_id.0)).filter(totp_secrets::secret.eq(&old.0));
            update(unchanged).set(totp_secrets::secret.eq(&new.0)).execute(sqlite).map(drop)
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.remove_totp", skip_all)]
    async fn remove_totp(
        &self,
        user_id: UserId,
        kept: SessionId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| remove(sqlite, user_id, kept, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.replace_recovery_codes", skip_all)]
    async fn replace_recovery_codes(
        &self,
        set: &RecoveryCodeSet,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let set = set.clone();
        self.write(move |sqlite| renew(sqlite, &set, now)).await
    }
}

fn begin(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    secret: &SealedValue,
    now: Timestamp,
) -> QueryResult<TotpBegin> {
    let found = users::table.find(Id(user_id.0)).select(users::totp_last_step);
    let Some(last_step) = found.first::<Option<i64>>(sqlite).optional()? else {
        return Ok(TotpBegin::Gone);
    };
    if last_step.is_some() {
        return Ok(TotpBegin::Enrolled);
    }
    delete(totp_secrets::table.find(Id(user_id.0))).execute(sqlite)?;
    insert_into(totp_secrets::table)
        .values((
            totp_secrets::user_id.eq(Id(user_id.0)),
            totp_secrets::secret.eq(&secret.0),
            totp_secrets::begun_at.eq(Micros(now)),
        ))
        .execute(sqlite)?;
    Ok(TotpBegin::Begun)
}

fn find(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<Option<TotpEnrolment>> {
    let row: Option<(String, Micros, Option<Micros>, Option<i64>)> = totp_secrets::table
        .inner_join(users::table)
        .filter(totp_secrets::user_id.eq(Id(user_id.0)))
        .select((
            totp_secrets::secret,
            totp_secrets::begun_at,
            totp_secrets::confirmed_at,
            users::totp_last_step,
        ))
        .first(sqlite)
        .optional()?;
    Ok(row.map(|(secret, begun_at, confirmed_at, last_step)| TotpEnrolment {
        secret: SealedValue(secret),
        begun_at: begun_at.0,
        confirmed: confirmed_at
            .zip(last_step)
            .map(|(at, last_step)| ConfirmedTotp { at: at.0, last_step: TotpStep(last_step) }),
    }))
}

fn confirm(
    sqlite: &mut SqliteConnection,
    confirmation: &TotpConfirmation,
    now: Timestamp,
) -> QueryResult<bool> {
    let TotpConfirmation { user_id, secret, step, recovery_codes, event } = confirmation;
    let waiting = totp_secrets::table
        .find(Id(user_id.0))
        .filter(totp_secrets::secret.eq(&secret.0))
        .filter(totp_secrets::confirmed_at.is_null());
    if update(waiting).set(totp_secrets::confirmed_at.eq(Some(Micros(now)))).execute(sqlite)? == 0 {
        return Ok(false);
    }
    update(users::table.find(Id(user_id.0)))
        .set((users::totp_last_step.eq(Some(step.0)), users::text_barred.eq(false)))
        .execute(sqlite)?;
    replace(sqlite, *user_id, recovery_codes, now)?;
    events::record(sqlite, event, *user_id, None, now)?;
    Ok(true)
}

fn remove(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    kept: SessionId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<bool> {
    let removed: Option<Option<Micros>> = delete(totp_secrets::table.find(Id(user_id.0)))
        .returning(totp_secrets::confirmed_at)
        .get_result(sqlite)
        .optional()?;
    if let Some(Some(_)) = removed {
        update(users::table.find(Id(user_id.0)))
            .set((users::totp_last_step.eq(None::<i64>), users::text_barred.eq(false)))
            .execute(sqlite)?;
        replace(sqlite, user_id, &[], now)?;
        end_all_but(sqlite, kept, user_id)?;
        devices::forget_all(sqlite, user_id)?;
        events::record(sqlite, event, user_id, Some(kept), now)?;
    }
    Ok(removed.is_some())
}

fn renew(sqlite: &mut SqliteConnection, set: &RecoveryCodeSet, now: Timestamp) -> QueryResult<bool> {
    let is_there = replace(sqlite, set.user_id, &set.recovery_codes, now)?;
    if is_there {
        events::record(sqlite, &set.event, set.user_id, None, now)?;
    }
    Ok(is_there)
}

/// Puts recovery codes in the place of all that the user has; `false` when there is no such user.
fn replace(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    codes: &[RecoveryCodeHash],
    now: Timestamp,
) -> QueryResult<bool> {
    let left = Count(u32::try_from(codes.len()).unwrap_or(u32::MAX));
    let changed = update(users::table.find(Id(user_id.0)))
        .set((users::recovery_codes_left.eq(left), users::updated_at.eq(Micros(now))))
        .execute(sqlite)?;
    if changed == 0 {
        return Ok(false);
    }
    delete(recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user_id.0)))).execute(sqlite)?;
    for code in codes {
        insert_into(recovery_codes::table)
            .values((recovery_codes::user_id.eq(Id(user_id.0)), recovery_codes::hash.eq(code.0.as_slice())))
            .execute(sqlite)?;
    }
    Ok(true)
}
