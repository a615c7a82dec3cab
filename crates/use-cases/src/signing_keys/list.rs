//! Looking at the signing keys.

use std::sync::Arc;

use domain::{SigningKeyPolicy, SigningKeySet};
use ports::{SigningKeyStore, StoreError};

use super::set_of;

/// Shows every key and what becomes of it.
pub struct ListSigningKeys {
    pub keys: Arc<dyn SigningKeyStore>,
    pub policy: SigningKeyPolicy,
}

impl ListSigningKeys {
    /// The keys that are in use, and those that were until a short while ago.
    pub async fn execute(&self) -> Result<SigningKeySet, StoreError> {
        Ok(set_of(&self.keys.list_signing_keys().await?, self.policy))
    }
}
