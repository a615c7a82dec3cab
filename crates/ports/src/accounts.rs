//! Accounts, as sign-in needs them.

use async_trait::async_trait;
use domain::{Email, Locale, PasswordFailures, PasswordHash, PhoneNumber, SignInName, User, UserId};
use jiff::Timestamp;

use crate::StoreError;

/// An account and the hash of its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: User,
    pub password_hash: PasswordHash,
}

/// A registration whose phone is not yet proven. It reserves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRegistration {
    pub email: Email,
    pub phone: PhoneNumber,
    pub password_hash: PasswordHash,
    pub locale: Option<Locale>,
}

/// What password failures are counted under: the name somebody signs in with,
/// whether it has an account or not. An e-mail and a number count apart, so that
/// failures at one never tell that the other belongs to the same account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleKey(pub String);

/// Everything that sign-in has to know of a name before it looks at the password.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub throttle_key: ThrottleKey,
    pub failures: PasswordFailures,
    pub account: Option<Account>,
    /// Live registrations with the name, newest first.
    pub registrations: Vec<PendingRegistration>,
}

/// Where accounts are kept.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// What is known of `name`: one round trip.
    ///
    /// Registrations count as live when their challenge is. An e-mail may
    /// bring up to 50 of them: they share one salt, so they cost one hash. A
    /// phone number brings the newest only, because each would cost a hash and
    /// the time would tell how many there are, the account among them.
    async fn find_sign_in(&self, name: &SignInName, now: Timestamp) -> Result<SignIn, StoreError>;

    /// Counts one wrong password. Atomic: concurrent failures all count. The
    /// count starts anew when the last failure is older than
    /// [`PasswordFailures::MEMORY`].
    async fn record_password_failure(&self, key: &ThrottleKey, now: Timestamp) -> Result<(), StoreError>;

    /// Replaces the hash of a password by a stronger one of the same password,
    /// unless it was changed since `old` was read.
    async fn upgrade_password_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError>;
}
