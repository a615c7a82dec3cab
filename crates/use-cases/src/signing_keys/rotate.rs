//! Putting a new key in the place of the one that signs.

use std::sync::Arc;

use domain::{SigningAlgorithm, SigningKeyPolicy, SigningKeySet, SigningKeyState};
use jiff::Timestamp;
use ports::{Clock, Sealer, SigningKeyRing, SigningKeyStore, StoreError};

use super::{sealed, set_of, with_a_first};

/// Publishes a new key that signs later, so that nobody is signed out.
pub struct RotateSigningKey {
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<dyn SigningKeyStore>,
    pub sealer: Arc<dyn Sealer>,
    pub ring: Arc<dyn SigningKeyRing>,
    pub policy: SigningKeyPolicy,
    /// Of the new key.
    pub algorithm: SigningAlgorithm,
}

/// How long a new key is only published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Until everybody who checks tokens knows it.
    None,
    /// Until every replica knows it. Whoever has a copy of the published keys may refuse
    /// its first tokens.
    Now,
}

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateSigningKeyError {
    /// The next key is on its way.
    #[error("signing key {id} is published already and signs from {activates_at} on")]
    AlreadyPublished { id: String, activates_at: Timestamp },
    /// Somebody else rotated at the same moment.
    #[error("somebody else added a signing key at the same moment")]
    Overtaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RotateSigningKey {
    /// Adds a key, which is the newest of the set that is returned.
    #[tracing::instrument(name = "rotate_signing_key", skip_all)]
    pub async fn execute(&self, haste: Haste) -> Result<SigningKeySet, RotateSigningKeyError> {
        let now = self.clock.now();
        let (keys, ring, sealer) = (&*self.keys, &*self.ring, &*self.sealer);
        let set = set_of(&with_a_first(keys, ring, sealer, self.algorithm, now).await?, self.policy);
        let newest = set.newest().ok_or(RotateSigningKeyError::Overtaken)?;
        let activates_at = match haste {
            Haste::Now => self.policy.activates_soonest_at(now),
            Haste::None if set.state(newest, now) == SigningKeyState::Upcoming => {
                let (id, activates_at) = (newest.id.as_str().to_owned(), newest.activates_at);
                return Err(RotateSigningKeyError::AlreadyPublished { id, activates_at });
            }
            Haste::None => self.policy.activates_at(now),
        };
        let key = sealed(&ring.generate(self.algorithm), sealer, now, activates_at);
        if !self.keys.add_signing_key(newest.number, &key).await? {
            return Err(RotateSigningKeyError::Overtaken);
        }
        Ok(set_of(&self.keys.list_signing_keys().await?, self.policy))
    }
}
