//! Accounts and wrong passwords.

mod changes;
pub(crate) mod imported;

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{case_when, delete, exists, insert_into, select, update},
    prelude::*,
};
use domain::{DeviceId, Locale, PasswordFailures, PasswordHash, SignInName, User, UserId};
use jiff::Timestamp;
use ports::{
    Account, AccountStore, NewEvent, PasswordChange, PasswordFailure, PendingRegistration, PresentedDevice,
    SignIn, StoreError, ThrottleKey,
};
use uuid::Uuid;

pub(crate) use self::changes::end_codes;
use crate::{
    devices, events,
    rows::{RegistrationRow, UserRow},
    schema::{challenges, password_failures, users, verifications},
    store::SqliteStore,
    types::{Count, Id, Micros},
};

/// They share a salt, so together they cost one hash.
const REGISTRATIONS_OF_AN_EMAIL: i64 = 50;
/// Each would cost a hash of its own, and their number would show in the time.
const REGISTRATIONS_OF_A_PHONE: i64 = 1;

#[async_trait]
impl AccountStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.find_sign_in", skip_all)]
    async fn find_sign_in(
        &self,
        name: &SignInName,
        device: Option<PresentedDevice>,
        now: Timestamp,
    ) -> Result<SignIn, StoreError> {
        let name = name.clone();
        self.read(move |sqlite| find_sign_in(sqlite, &name, device, now)).await
    }

    #[tracing::instrument(name = "sqlite.record_password_failure", skip_all)]
    async fn record_password_failure(
        &self,
        failure: &PasswordFailure,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failure = failure.clone();
        self.write(move |sqlite| record_failure(sqlite, &failure, now)).await
    }

    #[tracing::instrument(name = "sqlite.upgrade_password_hash", skip_all)]
    async fn upgrade_password_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError> {
        let (old, new) = (old.clone(), new.clone());
        self.write(move |sqlite| {
            let unchanged = users::table.find(Id(user_id.0)).filter(users::password_hash.eq(old.as_str()));
            let upgraded = update(unchanged).set(users::password_hash.eq(new.as_str())).execute(sqlite)?;
            if upgraded > 0 { imported::hash_was_replaced(sqlite, user_id) } else { Ok(()) }
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.find_account", skip_all)]
    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.read(move |sqlite| changes::find(sqlite, user_id)).await
    }

    #[tracing::instrument(name = "sqlite.change_password", skip_all)]
    async fn change_password(&self, change: &PasswordChange, now: Timestamp) -> Result<bool, StoreError> {
        let change = change.clone();
        self.write(move |sqlite| changes::change_password(sqlite, &change, now)).await
    }

    #[tracing::instrument(name = "sqlite.set_locale", skip_all)]
    async fn set_locale(
        &self,
        user_id: UserId,
        locale: Option<Locale>,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| changes::set_locale(sqlite, user_id, locale.as_ref(), &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.delete_account", skip_all)]
    async fn delete_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| changes::delete_account(sqlite, user_id, &event, now)).await
    }
}

fn find_sign_in(
    sqlite: &mut SqliteConnection,
    name: &SignInName,
    presented: Option<PresentedDevice>,
    now: Timestamp,
) -> QueryResult<SignIn> {
    let throttle_key = ThrottleKey(name.canonical().to_owned());
    let account = find_account(sqlite, name)?;
    Ok(SignIn {
        failures: find_failures(sqlite, &throttle_key, now)?,
        throttle_key,
        device: find_device(sqlite, presented, account.as_ref(), now)?,
        registrations: find_registrations(sqlite, name, now)?,
        imported: if account.is_none() { imported::find(sqlite, name)? } else { None },
        imports_remain: imported::remain(sqlite)?,
        account,
    })
}

/// Also where there is no account a token is looked for, of nobody, so that it takes as long.
fn find_device(
    sqlite: &mut SqliteConnection,
    presented: Option<PresentedDevice>,
    account: Option<&Account>,
    now: Timestamp,
) -> QueryResult<Option<DeviceId>> {
    let Some(presented) = presented else { return Ok(None) };
    let owner = account.map_or(UserId(Uuid::nil()), |account| account.user.id);
    devices::find_presented(sqlite, presented, owner, now)
}

fn find_account(sqlite: &mut SqliteConnection, name: &SignInName) -> QueryResult<Option<Account>> {
    let users = users::table.select(UserRow::as_select()).into_boxed();
    let named = match name {
        SignInName::Email(email) => users.filter(users::email_canonical.eq(email.canonical())),
        SignInName::Phone(phone) => users.filter(users::phone.eq(phone.as_e164())),
    };
    named.first(sqlite).optional()?.map(UserRow::into_account).transpose()
}

fn find_failures(
    sqlite: &mut SqliteConnection,
    key: &ThrottleKey,
    now: Timestamp,
) -> QueryResult<PasswordFailures> {
    let remembered = password_failures::last_at.ge(Micros::before(now, PasswordFailures::MEMORY));
    let row: Option<(Count, Micros)> = password_failures::table
        .find(&key.0)
        .filter(remembered)
        .select((password_failures::count, password_failures::last_at))
        .first(sqlite)
        .optional()?;
    Ok(row.map_or_else(PasswordFailures::default, |(count, last_at)| PasswordFailures {
        count: count.0,
        last_at: Some(last_at.0),
    }))
}

fn find_registrations(
    sqlite: &mut SqliteConnection,
    name: &SignInName,
    now: Timestamp,
) -> QueryResult<Vec<PendingRegistration>> {
    let live = challenges::table
        .inner_join(verifications::table.on(challenges::verification_id.eq(verifications::id)))
        .filter(challenges::purpose.eq(domain::Purpose::Registration.as_str()))
        .filter(challenges::expires_at.gt(Micros(now)))
        .filter(verifications::attempts_left.gt(Count(0)))
        .filter(verifications::expires_at.gt(Micros(now)))
        .order(challenges::created_at.desc())
        .select(RegistrationRow::as_select())
        .into_boxed();
    let named = match name {
        SignInName::Email(email) => {
            live.filter(challenges::email_canonical.eq(email.canonical())).limit(REGISTRATIONS_OF_AN_EMAIL)
        }
        SignInName::Phone(phone) => {
            live.filter(challenges::phone.eq(phone.as_e164())).limit(REGISTRATIONS_OF_A_PHONE)
        }
    };
    named.load(sqlite)?.into_iter().map(RegistrationRow::into_registration).collect()
}

fn record_failure(
    sqlite: &mut SqliteConnection,
    failure: &PasswordFailure,
    now: Timestamp,
) -> QueryResult<()> {
    count_failure(sqlite, &failure.key, now)?;
    let Some((user_id, event)) = &failure.owner else { return Ok(()) };
    // Of an account that was deleted meanwhile nothing may be told any more.
    if select(exists(users::table.find(Id(user_id.0)))).get_result(sqlite)? {
        events::record(sqlite, event, *user_id, None, now)?;
        if let Some(device) = &failure.device {
            devices::count_failure(sqlite, device, *user_id, now)?;
        }
    }
    Ok(())
}

fn count_failure(sqlite: &mut SqliteConnection, key: &ThrottleKey, now: Timestamp) -> QueryResult<()> {
    use password_failures::{account, count, last_at, table};
    let remembered = last_at.ge(Micros::before(now, PasswordFailures::MEMORY));
    insert_into(table)
        .values((account.eq(&key.0), count.eq(Count(1)), last_at.eq(Micros(now))))
        .on_conflict(account)
        .do_update()
        .set((count.eq(case_when(remembered, count + Count(1)).otherwise(Count(1))), last_at.eq(Micros(now))))
        .execute(sqlite)
        .map(drop)
}

/// Forgets what is counted under both names of the user.
pub(crate) fn forget_failures(sqlite: &mut SqliteConnection, user: &User) -> QueryResult<()> {
    let names = [user.email.canonical(), user.phone.as_e164()];
    delete(password_failures::table.filter(password_failures::account.eq_any(names)))
        .execute(sqlite)
        .map(drop)
}
