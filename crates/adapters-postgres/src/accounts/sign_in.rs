//! What is known of the name that somebody signs in with.

use diesel::{
    QueryResult, QueryableByName,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{DeviceId, PasswordFailures, PasswordHash, SignInName};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Account, PasswordFailure, PendingRegistration, PresentedDevice, SignIn, StoreError, ThrottleKey,
};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::limit,
    events::{EventInput, OtherEventInput, held_owner, record},
    rows::{LockRow, UserRow, email, locale, lock_columns, phone, read, user_columns},
    statement::{Inputs, statement},
    types::Instant,
};

/// One row for each registration, an imported one the last, and one row when there is none; the
/// account and the failures stand in every row.
macro_rules! find_sign_in {
    ($name:literal, $most:literal) => {
        concat!(
            " SELECT i.name AS throttle_key, f.count AS failures, f.last_at AS failed_at,
            u.password_hash AS account_hash, p.email AS pending_email, p.phone AS pending_phone,
            p.password_hash AS pending_hash, p.account_locale AS pending_locale, r.id AS device_id,
            coalesce(p.imported, false) AS imported,
            EXISTS (SELECT FROM imported_hashes) OR EXISTS (SELECT FROM imported_registrations) AS imports_remain, ",
            lock_columns!(), ", ", user_columns!(),
            " FROM input i LEFT JOIN users u ON u.", $name, " = i.name
            LEFT JOIN password_failures f ON f.account = i.name
            LEFT JOIN LATERAL (
                (SELECT c.email, c.phone, c.password_hash, c.account_locale, c.created_at, false AS imported
                FROM challenges c
                JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
                WHERE c.purpose = 'registration' AND c.", $name, " = i.name AND c.expires_at > i.now
                AND v.attempts_left > 0 AND v.expires_at > i.now
                ORDER BY c.created_at DESC LIMIT ", $most, ")
                UNION ALL
                SELECT r.email, r.phone, r.password_hash, r.locale, r.created_at, true
                FROM imported_registrations r WHERE r.", $name, " = i.name AND u.id IS NULL
            ) p ON true
            LEFT JOIN LATERAL (
                SELECT d.id FROM device_tokens t JOIN devices d ON d.id = t.device_id
                WHERE t.hash = i.device_token AND d.user_id = u.id AND d.expires_at > i.now
                AND (t.spent_at IS NULL OR t.spent_at > i.leeway_began)
            ) r ON true
            ORDER BY p.imported, p.created_at DESC"
        )
    };
}

statement!(FindByEmail { name: String => Text, now: Instant => Timestamptz, ..device: PresentedInput }
    find_sign_in!("email_canonical", "50"));
statement!(FindByPhone { name: String => Text, now: Instant => Timestamptz, ..device: PresentedInput }
    find_sign_in!("phone", "1"));

/// A device token as it is presented, if one is.
#[derive(Clone)]
pub(crate) struct PresentedInput {
    token: Option<Vec<u8>>,
    leeway_began: Instant,
}

impl PresentedInput {
    fn new(device: Option<PresentedDevice>, now: Timestamp) -> Self {
        let leeway = device.map_or(SignedDuration::ZERO, |device| device.reuse_leeway);
        Self {
            token: device.map(|device| device.token.0.to_vec()),
            leeway_began: Instant(now.checked_sub(leeway).unwrap_or(Timestamp::MIN)),
        }
    }
}

impl Inputs for PresentedInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Binary>, _>(&self.token)?;
        out.push_sql(" AS device_token, ");
        out.push_bind_param::<Timestamptz, _>(&self.leeway_began)?;
        out.push_sql(" AS leeway_began");
        Ok(())
    }
}

// Who has no account has no owner's row, and so neither event nor device.
statement!(RecordFailure {
    account: String => Text,
    user_id: Option<Uuid> => Nullable<SqlUuid>,
    device_id: Option<Uuid> => Nullable<SqlUuid>,
    device_failures: i32 => Integer,
    now: Instant => Timestamptz,
    forgotten: Instant => Timestamptz,
    ..event: EventInput,
    ..device_event: OtherEventInput,
} concat!(held_owner!(), ", recorded AS (", record!(user "o.id", session "NULL", act "owner o"), "
    ), device AS MATERIALIZED (
        SELECT o.id AS user_id, count_device_failure(i.device_id, o.id, i.device_failures) AS forgotten
        FROM input i, owner o WHERE i.device_id IS NOT NULL
    ), device_recorded AS (", record!(other user "d.user_id", session "NULL", act "device d WHERE d.forgotten"), ")
    INSERT INTO password_failures AS f (account, count, last_at)
    SELECT i.account, 1, i.now FROM input i LEFT JOIN owner ON true
    ON CONFLICT (account) DO UPDATE SET
        count = CASE WHEN f.last_at <= (SELECT forgotten FROM input) THEN 1 ELSE f.count + 1 END,
        last_at = greatest(f.last_at, excluded.last_at)"));

#[derive(QueryableByName)]
struct SignInRow {
    #[diesel(sql_type = Text)]
    throttle_key: String,
    #[diesel(sql_type = Nullable<Integer>)]
    failures: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failed_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Text>)]
    account_hash: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pending_email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pending_phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pending_hash: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pending_locale: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    device_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    imported: bool,
    #[diesel(sql_type = Bool)]
    imports_remain: bool,
    #[diesel(embed)]
    lock: LockRow,
    #[diesel(embed)]
    user: Option<UserRow>,
}

impl SignInRow {
    fn pending(&self) -> Result<Option<PendingRegistration>, StoreError> {
        let (Some(typed), Some(number), Some(hash)) =
            (&self.pending_email, &self.pending_phone, &self.pending_hash)
        else {
            return Ok(None);
        };
        Ok(Some(PendingRegistration {
            email: email(typed, "challenges")?,
            phone: phone(number, "challenges")?,
            password_hash: PasswordHash::new(hash.clone()),
            locale: locale(self.pending_locale.as_deref()),
        }))
    }

    fn failures(&self, now: Timestamp) -> PasswordFailures {
        let remembered = self.failed_at.filter(|at| at.0 > forgotten(now).0);
        let count = self.failures.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        remembered
            .map_or_else(PasswordFailures::default, |at| PasswordFailures { count, last_at: Some(at.0) })
    }
}

fn forgotten(now: Timestamp) -> Instant {
    Instant(now.checked_sub(PasswordFailures::MEMORY).unwrap_or(Timestamp::MIN))
}

fn sign_in(rows: Vec<SignInRow>, now: Timestamp) -> Result<SignIn, StoreError> {
    let of_kind = |imported: bool| rows.iter().filter(move |row| row.imported == imported);
    let registrations =
        of_kind(false).filter_map(|row| row.pending().transpose()).collect::<Result<_, _>>()?;
    let imported = of_kind(true).find_map(|row| row.pending().transpose()).transpose()?;
    let first = read(rows.into_iter().next(), "password_failures", "account")?;
    let failures = first.failures(now);
    let device = first.device_id.map(DeviceId);
    let account = match (first.user, first.account_hash) {
        (Some(user), Some(hash)) => {
            let lock = first.lock.lock()?;
            Some(Account { user: user.try_into()?, password_hash: PasswordHash::new(hash), lock })
        }
        _ => None,
    };
    Ok(SignIn {
        throttle_key: ThrottleKey(first.throttle_key),
        failures,
        account,
        registrations,
        device,
        imported,
        imports_remain: first.imports_remain,
    })
}

pub(super) async fn find(
    store: &PostgresStore,
    name: &SignInName,
    device: Option<PresentedDevice>,
    now: Timestamp,
) -> Result<SignIn, StoreError> {
    let text = name.canonical().to_owned();
    let device = PresentedInput::new(device, now);
    let rows = match name {
        SignInName::Email(_) => store.rows(FindByEmail { name: text, now: Instant(now), device }).await?,
        SignInName::Phone(_) => store.rows(FindByPhone { name: text, now: Instant(now), device }).await?,
    };
    sign_in(rows, now)
}

pub(super) async fn record_failure(
    store: &PostgresStore,
    failure: &PasswordFailure,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (user_id, event) = failure.owner.as_ref().map(|(id, event)| (id.0, event.into())).unzip();
    let device = failure.device.as_ref();
    let record = RecordFailure {
        account: failure.key.0.clone(),
        user_id,
        device_id: device.map(|device| device.id.0),
        device_failures: limit(device.map_or(0, |device| device.most)),
        now: Instant(now),
        forgotten: forgotten(now),
        event: event.unwrap_or_default(),
        device_event: device.map(|device| &device.event).into(),
    };
    store.execute(record).await.map(drop)
}
