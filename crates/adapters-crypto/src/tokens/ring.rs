//! The keys that are in force.

use domain::{SigningKeyId, SigningKeySet};
use jiff::Timestamp;
use serde_json::json;

use super::key::{JwtKey, VerifyingKey};

/// Keys that sign and are accepted, each in its time. Never changed: another ring takes
/// its place.
pub(super) struct Ring {
    accepted: Vec<Accepted>,
    signers: Signers,
}

struct Accepted {
    key: VerifyingKey,
    /// From then on it is not.
    ends_at: Option<Timestamp>,
}

enum Signers {
    Nobody,
    Always(JwtKey),
    Scheduled { set: SigningKeySet, keys: Vec<(SigningKeyId, JwtKey)> },
}

impl Ring {
    /// Signs nothing and accepts nothing.
    pub(super) const fn empty() -> Self {
        Self { accepted: Vec::new(), signers: Signers::Nobody }
    }

    /// One key that signs and is accepted, as long as the ring is in force.
    pub(super) fn fixed(key: JwtKey) -> Self {
        let accepted = vec![Accepted { key: key.verifying_key().clone(), ends_at: None }];
        Self { accepted, signers: Signers::Always(key) }
    }

    /// What `set` says, with those of its keys that are in `keys`.
    pub(super) fn scheduled(set: SigningKeySet, keys: Vec<(SigningKeyId, JwtKey)>) -> Self {
        let accepted = keys.iter().filter_map(|(id, key)| {
            let entry = set.find(id).filter(|entry| entry.retired_at.is_none())?;
            Some(Accepted { key: key.verifying_key().clone(), ends_at: set.ends_at(entry) })
        });
        Self { accepted: accepted.collect(), signers: Signers::Scheduled { set, keys } }
    }

    /// The key that signs `now`.
    pub(super) fn signer(&self, now: Timestamp) -> Option<&JwtKey> {
        match &self.signers {
            Signers::Nobody => None,
            Signers::Always(key) => Some(key),
            Signers::Scheduled { set, keys } => {
                let signer = set.signer(now)?;
                keys.iter().find(|(id, _)| *id == signer.id).map(|(_, key)| key)
            }
        }
    }

    /// The key of this id, if what it signed is accepted `now`. Looks nowhere else, and
    /// takes the id for nothing but a name.
    pub(super) fn find(&self, key_id: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let named = self.accepted.iter().find(|accepted| accepted.key.id() == key_id)?;
        named.ends_at.is_none_or(|end| now < end).then_some(&named.key)
    }

    /// The public keys as a JWK set.
    pub(super) fn public_keys(&self) -> String {
        let keys: Vec<_> = self.accepted.iter().filter_map(|accepted| accepted.key.to_jwk()).collect();
        json!({ "keys": keys }).to_string()
    }
}
