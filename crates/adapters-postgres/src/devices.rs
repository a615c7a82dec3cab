//! Remembered devices.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{DeviceEntry, DeviceId, UserId};
use jiff::Timestamp;
use ports::{DeviceSignIn, DeviceStore, DeviceUse, NewEvent, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    events::{EventInput, held_owner, record},
    rows::{ClientRow, UserRow, user_columns},
    sessions::{SessionInput, oldest_session, session},
    statement::statement,
    types::Instant,
};

// The row of the user is held against those who change the password: they must find the new
// session and the device, or we must find another password.
statement!(SignIn {
    user_id: Uuid => SqlUuid,
    password_hash: String => Text,
    throttle_key: String => Text,
    presented: Vec<u8> => Binary,
    successor: Vec<u8> => Binary,
    leeway_began: Instant => Timestamptz,
    ..session: SessionInput,
} concat!(", account AS MATERIALIZED (
        SELECT u.* FROM input i JOIN users u ON u.id = i.user_id AND u.password_hash = i.password_hash AND u.locked_at IS NULL
        FOR SHARE OF u
    ), known AS MATERIALIZED (
        SELECT a.id AS account_id, k.* FROM input i, account a, LATERAL use_device(
            a.id, i.presented, i.successor, i.leeway_began, i.client_address, i.user_agent, i.now) k
    ), owner AS MATERIALIZED (
        SELECT a.*, k.remembered_at FROM account a JOIN known k ON k.account_id = a.id WHERE k.used IS NOT NULL
    )", session!(since "o.remembered_at"), oldest_session!(but ""), ", forgiven AS (
        DELETE FROM password_failures f USING input i, owner o WHERE f.account = i.throttle_key
    ), copy_recorded AS (", record!(other user "k.account_id", session "NULL",
        act "known k WHERE k.copied IS NOT NULL"), ")
    SELECT k.remembered_at, k.copied, ", user_columns!(), " FROM account u JOIN known k ON k.account_id = u.id"));

statement!(direct List { user_id: Uuid => SqlUuid, now: Instant => Timestamptz }
    "SELECT d.id, d.created_at, d.last_used_at, d.expires_at, d.client_address, d.user_agent FROM devices d
    WHERE d.user_id = ? AND d.expires_at > ? ORDER BY d.last_used_at DESC, d.id DESC");

statement!(Forget {
    id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_owner!(), ", forgotten AS (
        DELETE FROM devices d USING input i, owner o
        WHERE d.id = i.id AND d.user_id = o.id AND d.expires_at > i.now
        RETURNING d.user_id
    )", record!(user "f.user_id", session "NULL", act "forgotten f")));

statement!(ForgetAll {
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(", owner AS MATERIALIZED (
        SELECT u.id FROM input i JOIN users u ON u.id = i.user_id FOR NO KEY UPDATE OF u
    ), forgotten AS MATERIALIZED (
        SELECT o.id AS user_id, forget_devices(o.id, i.now) AS devices FROM input i, owner o
    ), recorded AS (", record!(user "f.user_id", session "NULL", act "forgotten f WHERE f.devices > 0"), ")
    SELECT devices FROM forgotten"));

#[derive(QueryableByName)]
struct UseRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    remembered_at: Option<Instant>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    copied: Option<Uuid>,
    #[diesel(embed)]
    user: UserRow,
}

impl TryFrom<UseRow> for DeviceUse {
    type Error = StoreError;

    fn try_from(row: UseRow) -> Result<Self, StoreError> {
        Ok(match (row.remembered_at, row.copied) {
            (Some(at), _) => Self::SignedIn { user: row.user.try_into()?, authenticated_at: at.0 },
            (None, Some(device)) => Self::Reused { device_id: DeviceId(device) },
            (None, None) => Self::NotRemembered,
        })
    }
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    last_used_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    expires_at: Instant,
    #[diesel(embed)]
    client: ClientRow,
}

impl From<EntryRow> for DeviceEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: DeviceId(row.id),
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.0,
            expires_at: row.expires_at.0,
            client: row.client.into(),
        }
    }
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    devices: i64,
}

#[async_trait]
impl DeviceStore for PostgresStore {
    #[tracing::instrument(name = "postgres.sign_in_by_device", level = "debug", skip_all)]
    async fn sign_in(&self, sign_in: &DeviceSignIn, now: Timestamp) -> Result<DeviceUse, StoreError> {
        let leeway = sign_in.presented.reuse_leeway;
        let statement = SignIn {
            user_id: sign_in.user_id.0,
            password_hash: sign_in.password_hash.as_str().to_owned(),
            throttle_key: sign_in.throttle_key.0.clone(),
            presented: sign_in.presented.token.0.to_vec(),
            successor: sign_in.successor.0.to_vec(),
            leeway_began: Instant(now.checked_sub(leeway).unwrap_or(Timestamp::MIN)),
            session: SessionInput::from(&sign_in.session).or_else(&sign_in.reuse),
        };
        let row: Option<UseRow> = self.row(statement).await?;
        row.map_or(Ok(DeviceUse::NotRemembered), DeviceUse::try_from)
    }

    #[tracing::instrument(name = "postgres.list_devices", level = "debug", skip_all)]
    async fn list_devices(&self, user_id: UserId, now: Timestamp) -> Result<Vec<DeviceEntry>, StoreError> {
        let rows: Vec<EntryRow> = self.rows(List { user_id: user_id.0, now: Instant(now) }).await?;
        Ok(rows.into_iter().map(DeviceEntry::from).collect())
    }

    #[tracing::instrument(name = "postgres.forget_device", level = "debug", skip_all)]
    async fn forget_device(
        &self,
        id: DeviceId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let forget = Forget { id: id.0, user_id: user_id.0, now: Instant(now), event: event.into() };
        Ok(self.execute(forget).await? > 0)
    }

    #[tracing::instrument(name = "postgres.forget_devices", level = "debug", skip_all)]
    async fn forget_devices(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let forget = ForgetAll { user_id: user_id.0, now: Instant(now), event: event.into() };
        let forgotten: Option<CountRow> = self.row(forget).await?;
        Ok(forgotten.map_or(0, |row| row.devices.unsigned_abs()))
    }
}
