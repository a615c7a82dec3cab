//! Holding the right keys in this process.

use std::sync::Arc;

use domain::{SigningAlgorithm, SigningKeyId, SigningKeyPolicy, SigningKeySet, SigningKeyState};
use jiff::Timestamp;
use ports::{
    Clock, SealContext, Sealer, SigningKeyPair, SigningKeyRing, SigningKeyStore, StoreError,
    StoredSigningKey, UnsealError, UnusableSigningKey,
};

use super::{sealed, set_of, with_a_first};

/// Signs and checks tokens with the stored keys, whoever changed them.
pub struct KeepSigningKeys {
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<dyn SigningKeyStore>,
    pub sealer: Arc<dyn Sealer>,
    pub ring: Arc<dyn SigningKeyRing>,
    pub policy: SigningKeyPolicy,
    /// Of new keys.
    pub algorithm: SigningAlgorithm,
}

/// What tokens are signed and checked with from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysInForce {
    pub set: SigningKeySet,
    /// Keys sealed with a data key that is on its way out.
    pub outdated: Vec<SigningKeyId>,
}

/// The keys cannot be used, and those that were in force still are.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysUnusable {
    #[error("the database holds no signing key any more; start the service anew to make one")]
    Missing,
    #[error(
        "signing key {} cannot be opened; give it up with `otp-login keys retire {}` if that cannot be mended",
        id.as_str(), id.as_str()
    )]
    Sealed { id: SigningKeyId, source: UnsealError },
    #[error(transparent)]
    Unusable(#[from] UnusableSigningKey),
    #[error("the signing keys cannot be read")]
    Store(#[from] StoreError),
}

impl KeepSigningKeys {
    /// Before anything is signed: makes the first key where there is none, and publishes
    /// one of the right algorithm where the newest has another.
    pub async fn prepare(&self) -> Result<KeysInForce, SigningKeysUnusable> {
        let now = self.clock.now();
        let (keys, ring, sealer) = (&*self.keys, &*self.ring, &*self.sealer);
        let stored = with_a_first(keys, ring, sealer, self.algorithm, now).await?;
        let newest = stored.last().ok_or(SigningKeysUnusable::Missing)?;
        if newest.key.algorithm == self.algorithm {
            return self.put_in_force(stored, now);
        }
        let key = sealed(&ring.generate(self.algorithm), sealer, now, self.policy.activates_at(now));
        self.keys.add_signing_key(newest.key.number, &key).await?;
        self.put_in_force(self.keys.list_signing_keys().await?, now)
    }

    /// From time to time: takes up what changed, and deletes what is long over.
    pub async fn refresh(&self) -> Result<KeysInForce, SigningKeysUnusable> {
        let now = self.clock.now();
        let in_force = self.put_in_force(self.keys.list_signing_keys().await?, now)?;
        let long_over = in_force.set.forgettable(now);
        if !long_over.is_empty() {
            self.keys.forget_signing_keys(&long_over).await?;
        }
        Ok(in_force)
    }

    fn put_in_force(
        &self,
        stored: Vec<StoredSigningKey>,
        now: Timestamp,
    ) -> Result<KeysInForce, SigningKeysUnusable> {
        let set = set_of(&stored, self.policy);
        set.newest().ok_or(SigningKeysUnusable::Missing)?;
        let (mut pairs, mut outdated) = (Vec::new(), Vec::new());
        for StoredSigningKey { key, private } in stored {
            if set.state(&key, now) == SigningKeyState::Retired {
                continue;
            }
            let opened = self.sealer.open(&private, &SealContext::SigningKey(key.id.clone()));
            let opened =
                opened.map_err(|source| SigningKeysUnusable::Sealed { id: key.id.clone(), source })?;
            if opened.outdated {
                outdated.push(key.id.clone());
            }
            pairs.push(SigningKeyPair { id: key.id, algorithm: key.algorithm, private: opened.plaintext });
        }
        self.ring.load(&set, &pairs)?;
        Ok(KeysInForce { set, outdated })
    }
}
