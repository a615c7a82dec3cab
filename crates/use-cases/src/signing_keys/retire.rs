//! Taking a key out of use ahead of its time.

use std::sync::Arc;

use domain::{SigningAlgorithm, SigningKeyId, SigningKeyPolicy, SigningKeySet, SigningKeyState};
use ports::{Clock, Sealer, SigningKeyRing, SigningKeyStore, StoreError};

use super::{sealed, set_of};

/// Refuses everything that a key signed, because somebody else may have it.
pub struct RetireSigningKey {
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<dyn SigningKeyStore>,
    pub sealer: Arc<dyn Sealer>,
    pub ring: Arc<dyn SigningKeyRing>,
    pub policy: SigningKeyPolicy,
    /// Of a key that takes its place.
    pub algorithm: SigningAlgorithm,
}

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RetireSigningKeyError {
    #[error("there is no signing key {0}")]
    Unknown(String),
    #[error("signing key {0} is retired already")]
    AlreadyRetired(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RetireSigningKey {
    /// Takes the key out of use, and gives it a successor in the same step if it was the
    /// newest. Some other key signs at once. Replicas follow within
    /// [`SigningKeyPolicy::known_within`].
    #[tracing::instrument(name = "retire_signing_key", skip_all)]
    pub async fn execute(&self, id: &SigningKeyId) -> Result<SigningKeySet, RetireSigningKeyError> {
        let now = self.clock.now();
        let set = set_of(&self.keys.list_signing_keys().await?, self.policy);
        let key = set.find(id).ok_or_else(|| RetireSigningKeyError::Unknown(id.as_str().to_owned()))?;
        let activates_at = match set.state(key, now) {
            SigningKeyState::Retired => {
                return Err(RetireSigningKeyError::AlreadyRetired(id.as_str().to_owned()));
            }
            SigningKeyState::Active => now,
            SigningKeyState::Upcoming | SigningKeyState::Retiring => self.policy.activates_at(now),
        };
        let successor = sealed(&self.ring.generate(self.algorithm), &*self.sealer, now, activates_at);
        if !self.keys.retire_signing_key(id, &successor, now).await? {
            return Err(RetireSigningKeyError::AlreadyRetired(id.as_str().to_owned()));
        }
        Ok(set_of(&self.keys.list_signing_keys().await?, self.policy))
    }
}
