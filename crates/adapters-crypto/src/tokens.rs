//! Access tokens: JSON Web Tokens (RFC 7519) in the profile of RFC 9068,
//! checked by the advice of RFC 8725.

mod cache;
mod claims;
mod jws;
mod key;

use std::fmt;

use domain::{AccessClaims, AccessToken};
use jiff::Timestamp;
use jsonwebtoken::{Header, encode};
use ports::{AccessTokens, InvalidAccessToken, SigningFailed};
use serde_json::json;

pub use self::key::{InvalidJwtKey, JwtAlgorithm, JwtKey, UnknownJwtAlgorithm, VerifyingKey};
use self::{
    cache::VerifiedTokens,
    claims::{Party, SignedClaims},
    jws::{TYPE, Unverified},
};
use crate::secrets::sha256;

/// Signs access tokens with one key and accepts those of several.
///
/// To rotate, publish the new key first among `also_accepted`, then sign with
/// it and keep the old one there until its last token has ended.
pub struct JwtTokens {
    signing: JwtKey,
    accepted: Vec<VerifyingKey>,
    party: Party,
    verified: VerifiedTokens,
}

impl JwtTokens {
    /// Tokens of `issuer` for `audience`, signed with `signing`.
    pub fn new(signing: JwtKey, also_accepted: Vec<VerifyingKey>, issuer: String, audience: String) -> Self {
        let mut accepted = vec![signing.verifying_key().clone()];
        for key in also_accepted {
            if accepted.iter().all(|known| known.id() != key.id()) {
                accepted.push(key);
            }
        }
        Self { signing, accepted, party: Party { issuer, audience }, verified: VerifiedTokens::default() }
    }

    /// Signature first: nothing of the claims is read before it is right.
    fn check(&self, token: &str) -> Option<SignedClaims> {
        let unverified = Unverified::parse(token)?;
        let key = self.accepted.iter().find(|key| key.id() == unverified.key_id)?;
        let payload = unverified.verify(key)?;
        SignedClaims::parse(&payload, &self.party)
    }
}

impl AccessTokens for JwtTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<AccessToken, SigningFailed> {
        let body = claims::body(claims, &self.party)?;
        let mut header = Header::new(self.signing.algorithm().for_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.signing.verifying_key().id().to_owned());
        let token = encode(&header, &body, self.signing.encoding_key());
        token.map(AccessToken::new).map_err(|error| SigningFailed(error.to_string()))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, InvalidAccessToken> {
        if token.len() > jws::MAX_BYTES {
            return Err(InvalidAccessToken);
        }
        let fingerprint = sha256(token.as_bytes());
        if let Some(known) = self.verified.find(&fingerprint) {
            return known.valid_at(now).ok_or(InvalidAccessToken);
        }
        let signed = self.check(token).ok_or(InvalidAccessToken)?;
        let claims = signed.clone().valid_at(now).ok_or(InvalidAccessToken)?;
        self.verified.remember(fingerprint, signed, now);
        Ok(claims)
    }

    fn public_keys(&self) -> String {
        let keys: Vec<_> = self.accepted.iter().filter_map(VerifyingKey::to_jwk).collect();
        json!({ "keys": keys }).to_string()
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").field("signing", &self.signing).finish_non_exhaustive()
    }
}
