//! Second factors besides the phone: authenticator apps and recovery codes.

use async_trait::async_trait;
use domain::{RecoveryCodeHash, SessionId, TotpStep, UserId};
use jiff::Timestamp;

use crate::{NewEvent, SealedValue, StoreError};

/// The authenticator app of an account, or one that is on its way to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpEnrolment {
    pub secret: SealedValue,
    pub begun_at: Timestamp,
    /// `None` until the app has shown that it has the secret.
    pub confirmed: Option<ConfirmedTotp>,
}

/// What is known of an app that is enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmedTotp {
    pub at: Timestamp,
    /// The step of the latest code that was used.
    pub last_step: TotpStep,
}

/// What became of the wish to enrol an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpBegin {
    /// The secret is kept until it is confirmed.
    Begun,
    /// An app is enrolled already; nothing happened.
    Enrolled,
    /// The account is gone.
    Gone,
}

/// The proof that an app has the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpConfirmation {
    pub user_id: UserId,
    /// The secret that the code was computed with.
    pub secret: SealedValue,
    /// The step of the code, which is used up by it.
    pub step: TotpStep,
    pub recovery_codes: Vec<RecoveryCodeHash>,
    pub event: NewEvent,
}

/// A set of recovery codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryCodeSet {
    pub user_id: UserId,
    pub recovery_codes: Vec<RecoveryCodeHash>,
    pub event: NewEvent,
}

/// Where authenticator apps and recovery codes are kept. Codes are used where challenges are
/// redeemed. Whatever changes shows in the [`User`](domain::User) at once.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FactorStore: Send + Sync {
    /// Keeps the secret of an app until it is confirmed, in the place of one that was not.
    async fn begin_totp(
        &self,
        user_id: UserId,
        secret: &SealedValue,
        now: Timestamp,
    ) -> Result<TotpBegin, StoreError>;

    /// The app of an account, confirmed or not; `None` when there is none.
    async fn find_totp(&self, user_id: UserId) -> Result<Option<TotpEnrolment>, StoreError>;

    /// Enrols the app, uses its step and puts the recovery codes in the place of all before;
    /// `false`, and nothing happens, unless the secret is the one that waits to be confirmed.
    /// Atomic: of any number of concurrent confirmations one succeeds.
    async fn confirm_totp(&self, confirmation: &TotpConfirmation, now: Timestamp)
    -> Result<bool, StoreError>;

    /// Replaces a sealed secret by the same, sealed with a newer key, unless it is another
    /// meanwhile.
    async fn reseal_totp(
        &self,
        user_id: UserId,
        old: &SealedValue,
        new: &SealedValue,
    ) -> Result<(), StoreError>;

    /// Removes the app with all recovery codes, lifts the bar on texts and ends all sessions
    /// but one; an app that was not confirmed just goes, unrecorded. `false` when there is none.
    async fn remove_totp(
        &self,
        user_id: UserId,
        kept: SessionId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Puts a set of recovery codes in the place of all before; `false` when the account is
    /// gone. Atomic: after concurrent calls the codes of one of them are there, and no other.
    async fn replace_recovery_codes(&self, set: &RecoveryCodeSet, now: Timestamp)
    -> Result<bool, StoreError>;
}
