//! Signing keys that the service makes by itself.

use std::sync::Arc;

use domain::{SigningAlgorithm, SigningKeyId, SigningKeySet};
use ports::{SigningKeyPair, SigningKeyRing, UnusableSigningKey};
use secrecy::ExposeSecret;

use super::{JwtKey, JwtTokens, ring::Ring};
use crate::DataKey;

/// Makes signing keys, and puts them in force where tokens are signed and checked.
pub struct JwtKeyRing {
    tokens: Arc<JwtTokens>,
    data_key: DataKey,
}

impl JwtKeyRing {
    /// Keys of `tokens`; the first of them is derived from `data_key`.
    pub fn new(tokens: Arc<JwtTokens>, data_key: DataKey) -> Self {
        Self { tokens, data_key }
    }
}

impl SigningKeyRing for JwtKeyRing {
    fn first(&self, algorithm: SigningAlgorithm) -> SigningKeyPair {
        match algorithm {
            SigningAlgorithm::EdDsa => pair(&JwtKey::derived(&self.data_key), algorithm),
            SigningAlgorithm::Es256 => self.generate(algorithm),
        }
    }

    #[expect(clippy::expect_used, reason = "a key that was just made is one of its algorithm")]
    fn generate(&self, algorithm: SigningAlgorithm) -> SigningKeyPair {
        let pem = JwtKey::generate_pem(algorithm.into());
        pair(&JwtKey::from_pem(algorithm.into(), &pem).expect("a new key"), algorithm)
    }

    fn load(&self, set: &SigningKeySet, pairs: &[SigningKeyPair]) -> Result<(), UnusableSigningKey> {
        let keys = pairs.iter().map(|pair| Ok((pair.id.clone(), read(pair)?)));
        self.tokens.put_in_force(Ring::scheduled(set.clone(), keys.collect::<Result<_, _>>()?));
        Ok(())
    }
}

#[expect(clippy::expect_used, reason = "a thumbprint is 43 characters of base64url")]
fn pair(key: &JwtKey, algorithm: SigningAlgorithm) -> SigningKeyPair {
    SigningKeyPair {
        id: SigningKeyId::parse(key.verifying_key().id()).expect("a thumbprint"),
        algorithm,
        private: key.private_bytes().to_vec().into(),
    }
}

fn read(pair: &SigningKeyPair) -> Result<JwtKey, UnusableSigningKey> {
    let key = JwtKey::from_der(pair.algorithm.into(), pair.private.expose_secret());
    let named = key.ok().filter(|key| key.verifying_key().id() == pair.id.as_str());
    named.ok_or_else(|| UnusableSigningKey(pair.id.clone()))
}
