//! Accounts: found at sign-in, changed by their owners.

mod changes;
mod sign_in;

use async_trait::async_trait;
use domain::{Locale, PasswordHash, SignInName, User, UserId};
use jiff::Timestamp;
use ports::{
    Account, AccountStore, NewEvent, PasswordChange, PasswordFailure, PresentedDevice, SignIn, StoreError,
};

pub(crate) use self::changes::AccountRow;
use crate::PostgresStore;

#[async_trait]
impl AccountStore for PostgresStore {
    #[tracing::instrument(name = "postgres.find_sign_in", level = "debug", skip_all)]
    async fn find_sign_in(
        &self,
        name: &SignInName,
        device: Option<PresentedDevice>,
        now: Timestamp,
    ) -> Result<SignIn, StoreError> {
        sign_in::find(self, name, device, now).await
    }

    #[tracing::instrument(name = "postgres.record_password_failure", level = "debug", skip_all)]
    async fn record_password_failure(
        &self,
        failure: &PasswordFailure,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sign_in::record_failure(self, failure, now).await
    }

    #[tracing::instrument(name = "postgres.upgrade_password_hash", level = "debug", skip_all)]
    async fn upgrade_password_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError> {
        changes::upgrade_hash(self, user_id, old, new).await
    }

    #[tracing::instrument(name = "postgres.find_account", level = "debug", skip_all)]
    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        changes::find(self, user_id).await
    }

    #[tracing::instrument(name = "postgres.change_password", level = "debug", skip_all)]
    async fn change_password(&self, change: &PasswordChange, now: Timestamp) -> Result<bool, StoreError> {
        changes::change_password(self, change, now).await
    }

    #[tracing::instrument(name = "postgres.set_locale", level = "debug", skip_all)]
    async fn set_locale(
        &self,
        user_id: UserId,
        locale: Option<Locale>,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        changes::set_locale(self, user_id, locale, event, now).await
    }

    #[tracing::instrument(name = "postgres.delete_account", level = "debug", skip_all)]
    async fn delete_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        changes::delete(self, user_id, event, now).await
    }
}
