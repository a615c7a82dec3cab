//! Accounts, as sign-in needs them.

use async_trait::async_trait;
use domain::{
    AccountLock, DeviceId, Email, Locale, PasswordFailures, PasswordHash, PhoneNumber, SessionId, SignInName,
    User, UserId,
};
use jiff::Timestamp;

use crate::{NewEvent, PresentedDevice, StoreError};

/// An account, the hash of its password, and its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: User,
    pub password_hash: PasswordHash,
    /// While there is one nobody may sign in.
    pub lock: Option<AccountLock>,
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
    /// The live device of the account whose token was presented.
    pub device: Option<DeviceId>,
    /// A registration that came from another system, with the hash that it had there. Nobody
    /// has one beside an account.
    pub imported: Option<PendingRegistration>,
    /// Whether anybody, with this name or another, still has an imported registration or an
    /// account whose imported hash has a salt of its own.
    pub imports_remain: bool,
}

/// A wrong password that came with a token of a live device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFailure {
    pub id: DeviceId,
    /// With so many since the last right password the device is forgotten.
    pub most: u32,
    /// Recorded when it is.
    pub event: NewEvent,
}

/// A wrong password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordFailure {
    /// What it is counted under.
    pub key: ThrottleKey,
    /// Whose password it should have been, if there is an account, and what its owner
    /// will read of it.
    pub owner: Option<(UserId, NewEvent)>,
    /// The owner's device that it came from, as its token says.
    pub device: Option<DeviceFailure>,
}

/// A password that is to take the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChange {
    pub user_id: UserId,
    /// The hash that the current password was compared with.
    pub old: PasswordHash,
    pub new: PasswordHash,
    /// The session that changes it; all others end.
    pub kept: SessionId,
    pub event: NewEvent,
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
    /// the time would tell how many there are, the account among them. A device is found
    /// when its token is presented unspent, or spent not longer ago than its leeway.
    async fn find_sign_in(
        &self,
        name: &SignInName,
        device: Option<PresentedDevice>,
        now: Timestamp,
    ) -> Result<SignIn, StoreError>;

    /// Counts one wrong password, also against the device it came from, and records it for
    /// the owner. Atomic: concurrent failures all count. The count starts anew when the last failure is older than
    /// [`PasswordFailures::MEMORY`].
    async fn record_password_failure(
        &self,
        failure: &PasswordFailure,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Replaces the hash of a password by a stronger one of the same password,
    /// unless it was changed since `old` was read.
    async fn upgrade_password_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError>;

    /// An account with its password hash; `None` when it is gone.
    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError>;

    /// Replaces the password, unless it was changed since `old` was read; ends all other
    /// sessions, closes the sign-ins and step-ups that the old one opened and forgets the
    /// devices. `false`, and nothing happens, when it was or the account is gone.
    /// Atomic: of any number of concurrent changes of one password exactly one succeeds, and
    /// nobody who uses the old one meanwhile keeps a session.
    async fn change_password(&self, change: &PasswordChange, now: Timestamp) -> Result<bool, StoreError>;

    /// Sets or, with `None`, forgets the language; `None` when the account is gone.
    async fn set_locale(
        &self,
        user_id: UserId,
        locale: Option<Locale>,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError>;

    /// Deletes an account with its sessions, challenges and failures; `false` when it is
    /// gone already. What is left is the names and times of its events, `event` the last
    /// of them, without clients. Atomic: nobody signs in to an account that is being deleted
    /// and keeps a session.
    async fn delete_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
