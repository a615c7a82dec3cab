//! Remembered devices: what stands in for the code at later sign-ins.

use async_trait::async_trait;
use domain::{DeviceEntry, DeviceId, DeviceTokenHash, PasswordHash, User, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::{NewEvent, NewSession, StoreError, ThrottleKey};

/// A device to be remembered when the session is opened that proves all factors on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    pub id: DeviceId,
    pub token: DeviceTokenHash,
    /// Its end, which no use prolongs.
    pub expires_at: Timestamp,
    /// Live devices of the user after this one; the least recently used are forgotten.
    pub max_per_user: u32,
    /// Recorded when the device is remembered.
    pub event: NewEvent,
}

/// A device token as somebody presents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedDevice {
    pub token: DeviceTokenHash,
    /// How long after its use it still counts.
    pub reuse_leeway: SignedDuration,
}

/// A sign-in by device token. The password was just right: the failures counted under the
/// key are forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSignIn {
    pub user_id: UserId,
    /// The stored form of that password.
    pub password_hash: PasswordHash,
    pub throttle_key: ThrottleKey,
    pub presented: PresentedDevice,
    pub successor: DeviceTokenHash,
    pub session: NewSession,
    /// Recorded when the token turns out to be a copy.
    pub reuse: NewEvent,
}

/// What became of a presented device token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceUse {
    /// The session is open, the presented token spent and its successor stored.
    SignedIn {
        user: User,
        /// When all factors were proven on the device: since when the session is
        /// authenticated.
        authenticated_at: Timestamp,
    },
    /// Unknown, expired, another user's, or spent a moment ago and its successor is spent
    /// already; or the account is gone, or its password another meanwhile. Nothing happened.
    NotRemembered,
    /// Spent longer ago than the leeway: somebody copied it. The device is forgotten.
    Reused { device_id: DeviceId },
}

/// Where remembered devices are kept. A forgotten device is gone at once for every replica.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DeviceStore: Send + Sync {
    /// Opens a session for a live device of the user, spends its token and stores the
    /// successor: one round trip.
    ///
    /// Atomic: of any number of concurrent calls with one token, one spends it; the others
    /// find it spent within the leeway and replace the successor if that is itself unspent,
    /// or are not remembered, so that there is at most one live successor. A replaced
    /// successor counts as spent. The leeway runs from the first use and is never stretched.
    /// A token spent longer ago forgets the device, and only then is `reuse` recorded.
    async fn sign_in(&self, sign_in: &DeviceSignIn, now: Timestamp) -> Result<DeviceUse, StoreError>;

    /// The live devices of a user, the most recently used first: one round trip.
    async fn list_devices(&self, user_id: UserId, now: Timestamp) -> Result<Vec<DeviceEntry>, StoreError>;

    /// Forgets a live device of `user_id`; `false`, and no event, when there is none such.
    async fn forget_device(
        &self,
        id: DeviceId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Forgets all live devices of `user_id`; returns how many. The event is recorded once,
    /// if there were any.
    async fn forget_devices(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
