//! Access tokens: JSON Web Tokens (RFC 7519) in the profile of RFC 9068,
//! checked by the advice of RFC 8725.

mod cache;
mod claims;
mod jws;
mod key;
mod key_ring;
mod ring;
#[cfg(test)]
mod wycheproof;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{AccessClaims, AccessToken};
use jiff::Timestamp;
use jsonwebtoken::{Header, encode};
use ports::{AccessTokens, InvalidAccessToken, SigningFailed};

use self::{
    cache::{Verified, VerifiedTokens},
    claims::{Party, SignedClaims},
    jws::{TYPE, Unverified},
    ring::Ring,
};
pub use self::{
    key::{InvalidJwtKey, JwtAlgorithm, JwtKey, UnknownJwtAlgorithm, VerifyingKey},
    key_ring::JwtKeyRing,
};
use crate::secrets::sha256;

/// Signs access tokens and accepts those of the keys that are in force.
pub struct JwtTokens {
    /// Held only to take or replace what it points to.
    ring: RwLock<Arc<Ring>>,
    party: Party,
    verified: VerifiedTokens,
}

impl JwtTokens {
    /// Tokens of `issuer` for `audience`, signed with `signing` and no other key.
    pub fn new(signing: JwtKey, issuer: String, audience: String) -> Self {
        Self::with(Ring::fixed(signing), issuer, audience)
    }

    /// Tokens of `issuer` for `audience`, signed with what a [`JwtKeyRing`] loads. Until
    /// then nothing is signed and nothing accepted.
    pub fn without_keys(issuer: String, audience: String) -> Self {
        Self::with(Ring::empty(), issuer, audience)
    }

    fn with(ring: Ring, issuer: String, audience: String) -> Self {
        let party = Party { issuer, audience };
        Self { ring: RwLock::new(Arc::new(ring)), party, verified: VerifiedTokens::default() }
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_in_force(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Signature first: nothing of the claims is read before it is right.
    fn check(&self, ring: &Ring, token: &str, now: Timestamp) -> Option<Verified> {
        let unverified = Unverified::parse(token)?;
        let key = ring.find(&unverified.key_id, now)?;
        let payload = unverified.verify(key)?;
        Some(Verified { claims: SignedClaims::parse(&payload, &self.party)?, key_id: key.shared_id() })
    }
}

impl AccessTokens for JwtTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<AccessToken, SigningFailed> {
        let body = claims::body(claims, &self.party)?;
        let ring = self.ring();
        let signing = ring.signer(claims.issued_at);
        let signing = signing.ok_or_else(|| SigningFailed("no signing key is in force".to_owned()))?;
        let mut header = Header::new(signing.algorithm().for_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(signing.verifying_key().id().to_owned());
        let token = encode(&header, &body, signing.encoding_key());
        token.map(AccessToken::new).map_err(|error| SigningFailed(error.to_string()))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, InvalidAccessToken> {
        if token.len() > jws::MAX_BYTES {
            return Err(InvalidAccessToken);
        }
        let ring = self.ring();
        let fingerprint = sha256(token.as_bytes());
        if let Some(known) = self.verified.find(&fingerprint) {
            let accepted = ring.find(&known.key_id, now).is_some();
            return known.claims.valid_at(now).filter(|_| accepted).ok_or(InvalidAccessToken);
        }
        let verified = self.check(&ring, token, now).ok_or(InvalidAccessToken)?;
        let claims = verified.claims.clone().valid_at(now).ok_or(InvalidAccessToken)?;
        self.verified.remember(fingerprint, verified, now);
        Ok(claims)
    }

    fn public_keys(&self) -> String {
        self.ring().public_keys()
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").finish_non_exhaustive()
    }
}
