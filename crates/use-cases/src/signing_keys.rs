//! The keys that sign access tokens, from the first to the last day of each.

mod keep;
mod list;
mod retire;
mod rotate;

use domain::{SigningAlgorithm, SigningKeyPolicy, SigningKeySet};
use jiff::Timestamp;
use ports::{
    NewSigningKey, SealContext, Sealer, SigningKeyPair, SigningKeyRing, SigningKeyStore, StoreError,
    StoredSigningKey,
};
use secrecy::ExposeSecret;

pub use self::{
    keep::{KeepSigningKeys, KeysInForce, SigningKeysUnusable},
    list::ListSigningKeys,
    retire::{RetireSigningKey, RetireSigningKeyError},
    rotate::{Haste, RotateSigningKey, RotateSigningKeyError},
};

/// A key with its private part sealed, that signs from `activates_at` on.
fn sealed(
    pair: &SigningKeyPair,
    sealer: &dyn Sealer,
    created_at: Timestamp,
    activates_at: Timestamp,
) -> NewSigningKey {
    let context = SealContext::SigningKey(pair.id.clone());
    NewSigningKey {
        id: pair.id.clone(),
        algorithm: pair.algorithm,
        created_at,
        activates_at,
        private: sealer.seal(pair.private.expose_secret(), &context),
    }
}

/// All keys; where there is none yet, the first one is added, by this or another replica.
async fn with_a_first(
    keys: &dyn SigningKeyStore,
    ring: &dyn SigningKeyRing,
    sealer: &dyn Sealer,
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Result<Vec<StoredSigningKey>, StoreError> {
    let stored = keys.list_signing_keys().await?;
    if !stored.is_empty() {
        return Ok(stored);
    }
    keys.add_signing_key(0, &sealed(&ring.first(algorithm), sealer, now, now)).await?;
    keys.list_signing_keys().await
}

fn set_of(stored: &[StoredSigningKey], policy: SigningKeyPolicy) -> SigningKeySet {
    SigningKeySet::new(stored.iter().map(|stored| stored.key.clone()).collect(), policy)
}
