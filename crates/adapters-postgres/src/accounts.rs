//! Accounts, as sign-in needs them.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{PasswordFailures, PasswordHash, SignInName, UserId};
use jiff::Timestamp;
use ports::{Account, AccountStore, PendingRegistration, SignIn, StoreError, ThrottleKey};
use uuid::Uuid;

use crate::{
    PostgresStore,
    rows::{UserRow, email, locale, phone, read, user_columns},
    statement::statement,
    types::Instant,
};

/// One row for each pending registration, and one row when there is none; the
/// account and the failures stand in every row.
macro_rules! find_sign_in {
    ($name:literal, $most:literal) => {
        concat!(
            " SELECT i.name AS throttle_key, f.count AS failures, f.last_at AS failed_at,
            u.password_hash AS account_hash, p.email AS pending_email, p.phone AS pending_phone,
            p.password_hash AS pending_hash, p.account_locale AS pending_locale, ",
            user_columns!(),
            " FROM input i LEFT JOIN users u ON u.", $name, " = i.name
            LEFT JOIN password_failures f ON f.account = i.name
            LEFT JOIN LATERAL (
                SELECT c.* FROM challenges c
                JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
                WHERE c.purpose = 'registration' AND c.", $name, " = i.name AND c.expires_at > i.now
                AND v.attempts_left > 0 AND v.expires_at > i.now
                ORDER BY c.created_at DESC LIMIT ", $most, "
            ) p ON true
            ORDER BY p.created_at DESC"
        )
    };
}

statement!(FindByEmail { name: String => Text, now: Instant => Timestamptz } find_sign_in!("email_canonical", "50"));
statement!(FindByPhone { name: String => Text, now: Instant => Timestamptz } find_sign_in!("phone", "1"));

statement!(RecordFailure { account: String => Text, now: Instant => Timestamptz, forgotten: Instant => Timestamptz } "
    INSERT INTO password_failures AS f (account, count, last_at) SELECT account, 1, now FROM input
    ON CONFLICT (account) DO UPDATE SET
        count = CASE WHEN f.last_at <= (SELECT forgotten FROM input) THEN 1 ELSE f.count + 1 END,
        last_at = greatest(f.last_at, excluded.last_at)");

statement!(UpgradeHash { user_id: Uuid => SqlUuid, old: String => Text, new: String => Text } "
    UPDATE users u SET password_hash = i.new FROM input i WHERE u.id = i.user_id AND u.password_hash = i.old");

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
    let registrations = rows.iter().filter_map(|row| row.pending().transpose()).collect::<Result<_, _>>()?;
    let first = read(rows.into_iter().next(), "password_failures", "account")?;
    let failures = first.failures(now);
    let account = match (first.user, first.account_hash) {
        (Some(user), Some(hash)) => {
            Some(Account { user: user.try_into()?, password_hash: PasswordHash::new(hash) })
        }
        _ => None,
    };
    Ok(SignIn { throttle_key: ThrottleKey(first.throttle_key), failures, account, registrations })
}

#[async_trait]
impl AccountStore for PostgresStore {
    #[tracing::instrument(name = "postgres.find_sign_in", level = "debug", skip_all)]
    async fn find_sign_in(&self, name: &SignInName, now: Timestamp) -> Result<SignIn, StoreError> {
        let text = name.canonical().to_owned();
        let rows = match name {
            SignInName::Email(_) => self.rows(FindByEmail { name: text, now: Instant(now) }).await?,
            SignInName::Phone(_) => self.rows(FindByPhone { name: text, now: Instant(now) }).await?,
        };
        sign_in(rows, now)
    }

    #[tracing::instrument(name = "postgres.record_password_failure", level = "debug", skip_all)]
    async fn record_password_failure(&self, key: &ThrottleKey, now: Timestamp) -> Result<(), StoreError> {
        let record = RecordFailure { account: key.0.clone(), now: Instant(now), forgotten: forgotten(now) };
        self.execute(record).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.upgrade_password_hash", level = "debug", skip_all)]
    async fn upgrade_password_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError> {
        let upgrade =
            UpgradeHash { user_id: user_id.0, old: old.as_str().to_owned(), new: new.as_str().to_owned() };
        self.execute(upgrade).await.map(drop)
    }
}
