//! Where signing keys are kept, and how they are made and put in force.

use async_trait::async_trait;
use domain::{SigningAlgorithm, SigningKey, SigningKeyId, SigningKeySet};
use jiff::Timestamp;
use secrecy::SecretSlice;

use crate::{SealedValue, StoreError};

/// A signing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    pub key: SigningKey,
    /// Sealed for [`SealContext::SigningKey`](crate::SealContext::SigningKey) of its id.
    pub private: SealedValue,
}

/// A signing key to be stored; the store gives it its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSigningKey {
    pub id: SigningKeyId,
    pub algorithm: SigningAlgorithm,
    pub created_at: Timestamp,
    pub activates_at: Timestamp,
    pub private: SealedValue,
}

/// Where signing keys are kept for all replicas.
///
/// However keys are added and retired side by side, the newest one is never a retired
/// one, so that some key always signs.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SigningKeyStore: Send + Sync {
    /// Every key, the oldest first: one round trip.
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Adds `key` as the successor of the key with the number `newest`, or as the first
    /// one for 0. `false`, and nothing added, when there is a newer key already: of any
    /// number of concurrent callers that saw the same newest key, one adds.
    async fn add_signing_key(&self, newest: u32, key: &NewSigningKey) -> Result<bool, StoreError>;

    /// Takes the key out of use. If it is the newest one, `successor` is added in the
    /// same step, otherwise not. `false`, and nothing added, when there is no such key in
    /// use.
    async fn retire_signing_key(
        &self,
        id: &SigningKeyId,
        successor: &NewSigningKey,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Deletes keys, but never the newest; returns how many went.
    async fn forget_signing_keys(&self, ids: &[SigningKeyId]) -> Result<u64, StoreError>;
}

/// A signing key with its private part in the clear.
#[derive(Clone, Debug)]
pub struct SigningKeyPair {
    pub id: SigningKeyId,
    pub algorithm: SigningAlgorithm,
    /// PKCS #8 in DER, wiped from memory when dropped.
    pub private: SecretSlice<u8>,
}

/// A stored key cannot be used: it is none of its algorithm, or has another id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing key {} cannot be used", .0.as_str())]
pub struct UnusableSigningKey(pub SigningKeyId);

/// Makes signing keys, and holds those that are in force in this process.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait SigningKeyRing: Send + Sync {
    /// The key of a service that has none yet. For `EdDSA` it is always the same one,
    /// which releases that stored no keys sign with, too, so that nobody is signed out by
    /// an upgrade.
    fn first(&self, algorithm: SigningAlgorithm) -> SigningKeyPair;

    /// A new key.
    fn generate(&self, algorithm: SigningAlgorithm) -> SigningKeyPair;

    /// Signs and checks tokens by `set` from now on; `pairs` has every key of it that is
    /// not over. Readers wait for nothing. After an error everything is as before.
    fn load(&self, set: &SigningKeySet, pairs: &[SigningKeyPair]) -> Result<(), UnusableSigningKey>;
}
