//! Remembers which tokens had a right signature.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::claims::SignedClaims;

/// SHA-256 of a token's text: the token itself is kept nowhere.
type Fingerprint = [u8; 32];

const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = 640;

/// Claims of tokens whose signature was checked, some 10,000 at most.
///
/// A client sends its token with every request, and a signature costs more
/// than all else that such a request needs. Only the signature is remembered:
/// times are compared on each use, and whether the session lives is asked of
/// the store; whether the key that signed is accepted, of the ring in force.
/// Nobody can fill it without tokens that we signed.
#[derive(Default)]
pub(super) struct VerifiedTokens {
    shards: [Mutex<HashMap<Fingerprint, Verified>>; SHARDS],
}

/// What a right signature says, and the id of its key.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) claims: SignedClaims,
    pub(super) key_id: Arc<str>,
}

impl VerifiedTokens {
    pub(super) fn find(&self, fingerprint: &Fingerprint) -> Option<Verified> {
        self.shard(fingerprint)?.get(fingerprint).cloned()
    }

    /// Keeps a token that is valid `now`. A full shard drops those that are
    /// over, or all when none is: they are only checked again.
    pub(super) fn remember(&self, fingerprint: Fingerprint, verified: Verified, now: Timestamp) {
        let Some(mut shard) = self.shard(&fingerprint) else { return };
        if shard.len() >= MAX_PER_SHARD {
            shard.retain(|_, known| !known.claims.is_over(now));
        }
        if shard.len() >= MAX_PER_SHARD {
            *shard = HashMap::new();
        }
        shard.insert(fingerprint, verified);
    }

    fn shard(&self, fingerprint: &Fingerprint) -> Option<MutexGuard<'_, HashMap<Fingerprint, Verified>>> {
        let [first, ..] = *fingerprint;
        let shard = self.shards.get(usize::from(first) % SHARDS)?;
        // Nothing that can panic leaves a map half changed.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccessClaims, AuthenticationMethod, SessionId, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::{
        secrets::sha256,
        tokens::claims::{Party, body},
    };

    fn verified_until(second: i64) -> Verified {
        let at = |second| Timestamp::from_second(second).unwrap();
        let claims = AccessClaims {
            user_id: UserId(Uuid::nil()),
            session_id: SessionId(Uuid::nil()),
            issued_at: at(second - 900),
            expires_at: at(second),
            authenticated_at: at(second - 900),
            methods: vec![AuthenticationMethod::Password],
        };
        let party = Party { issuer: "us".to_owned(), audience: "them".to_owned() };
        let payload = serde_json::from_str(&body(&claims, &party).unwrap().to_string()).unwrap();
        Verified { claims: SignedClaims::parse(&payload, &party).unwrap(), key_id: "key".into() }
    }

    #[test]
    fn the_cache_is_bounded_and_drops_what_is_over_first() {
        let tokens = VerifiedTokens::default();
        let early = Timestamp::from_second(1000).unwrap();
        for number in 0..20_000_u32 {
            tokens.remember(sha256(&number.to_be_bytes()), verified_until(2000), early);
        }
        assert!(tokens.len() <= SHARDS * MAX_PER_SHARD);
        let late = Timestamp::from_second(5000).unwrap();
        let (live, last) = (sha256(b"live"), sha256(b"last"));
        tokens.remember(live, verified_until(6000), late);
        for number in 20_000..40_000_u32 {
            tokens.remember(sha256(&number.to_be_bytes()), verified_until(2000), late);
        }
        tokens.remember(last, verified_until(6000), late);
        assert!(tokens.find(&last).is_some());
        assert!(tokens.find(&live).is_some(), "others were over");
        assert!(tokens.len() <= SHARDS * MAX_PER_SHARD);
    }
}
