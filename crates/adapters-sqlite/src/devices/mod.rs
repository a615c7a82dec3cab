//! Remembered devices.

mod remembering;
mod using;

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
};
use domain::{DeviceEntry, DeviceId, UserId};
use jiff::Timestamp;
use ports::{DeviceFailure, DeviceSignIn, DeviceStore, DeviceUse, NewEvent, StoreError};

pub(crate) use self::{remembering::remember, using::find_presented};
use crate::{
    events,
    rows::DeviceEntryRow,
    schema::devices,
    store::SqliteStore,
    types::{Count, Id, Micros},
};

#[async_trait]
impl DeviceStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.sign_in_by_device", skip_all)]
    async fn sign_in(&self, sign_in: &DeviceSignIn, now: Timestamp) -> Result<DeviceUse, StoreError> {
        let sign_in = sign_in.clone();
        self.write(move |sqlite| using::sign_in(sqlite, &sign_in, now)).await
    }

    #[tracing::instrument(name = "sqlite.list_devices", skip_all)]
    async fn list_devices(&self, user_id: UserId, now: Timestamp) -> Result<Vec<DeviceEntry>, StoreError> {
        self.read(move |sqlite| list(sqlite, user_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.forget_device", skip_all)]
    async fn forget_device(
        &self,
        id: DeviceId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| forget(sqlite, id, user_id, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.forget_devices", skip_all)]
    async fn forget_devices(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| forget_live(sqlite, user_id, &event, now)).await
    }
}

fn list(sqlite: &mut SqliteConnection, user_id: UserId, now: Timestamp) -> QueryResult<Vec<DeviceEntry>> {
    let live: Vec<DeviceEntryRow> = devices::table
        .filter(devices::user_id.eq(Id(user_id.0)))
        .filter(devices::expires_at.gt(Micros(now)))
        .order((devices::last_used_at.desc(), devices::id.desc()))
        .select(DeviceEntryRow::as_select())
        .load(sqlite)?;
    live.into_iter().map(DeviceEntryRow::into_entry).collect()
}

fn forget(
    sqlite: &mut SqliteConnection,
    id: DeviceId,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<bool> {
    let live = devices::table
        .find(Id(id.0))
        .filter(devices::user_id.eq(Id(user_id.0)))
        .filter(devices::expires_at.gt(Micros(now)));
    let forgotten = delete(live).execute(sqlite)? > 0;
    if forgotten {
        events::record(sqlite, event, user_id, None, now)?;
    }
    Ok(forgotten)
}

fn forget_live(
    sqlite: &mut SqliteConnection,
    user_id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<u64> {
    let live = devices::user_id.eq(Id(user_id.0)).and(devices::expires_at.gt(Micros(now)));
    let forgotten = delete(devices::table.filter(live)).execute(sqlite)?;
    if forgotten > 0 {
        events::record(sqlite, event, user_id, None, now)?;
    }
    Ok(forgotten as u64)
}

/// Forgets all devices of the user, whether they live or not.
pub(crate) fn forget_all(sqlite: &mut SqliteConnection, user_id: UserId) -> QueryResult<()> {
    delete(devices::table.filter(devices::user_id.eq(Id(user_id.0)))).execute(sqlite).map(drop)
}

/// Counts a wrong password against a device of the user, and forgets the device when there
/// were too many.
pub(crate) fn count_failure(
    sqlite: &mut SqliteConnection,
    failure: &DeviceFailure,
    user_id: UserId,
    now: Timestamp,
) -> QueryResult<()> {
    let device = devices::table.find(Id(failure.id.0)).filter(devices::user_id.eq(Id(user_id.0)));
    let counted: Option<Count> = update(device)
        .set(devices::failures.eq(devices::failures + Count(1)))
        .returning(devices::failures)
        .get_result(sqlite)
        .optional()?;
    if counted.is_none_or(|counted| counted.0 < failure.most) {
        return Ok(());
    }
    delete(device).execute(sqlite)?;
    events::record(sqlite, &failure.event, user_id, None, now)
}
