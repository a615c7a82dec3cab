//! Puzzles that strangers solve under suspicion.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{ProofOfWork, WorkDemand, WorkRule};
use jiff::Timestamp;
use ports::{UnprovenWork, WorkPuzzles};

use crate::{DataKey, secrets::random};

const NONCE: usize = 16;
const EXPIRY: usize = 8;
/// Nonce, expiry in seconds, and how many bits.
const CLAIMS: usize = NONCE + EXPIRY + 1;
const TAG: usize = 16;

/// Puzzles that carry all there is to know of them, under HMAC-SHA-256 with a key of the data key:
/// every replica checks what any of them posed.
pub struct KeyedPuzzles {
    key: hmac::Key,
}

impl KeyedPuzzles {
    /// Puzzles of whoever has this data key.
    pub fn new(data_key: &DataKey) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, data_key.derive("work puzzle").as_slice()) }
    }

    fn tag(&self, claims: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        for (to, from) in tag.iter_mut().zip(hmac::sign(&self.key, claims).as_ref()) {
            *to = *from;
        }
        tag
    }
}

impl WorkPuzzles for KeyedPuzzles {
    fn pose(&self, bits: u32, now: Timestamp) -> WorkDemand {
        let expires_at = now.checked_add(WorkRule::LIFE).unwrap_or(Timestamp::MAX);
        let seconds = expires_at.as_second();
        let mut puzzle = Vec::with_capacity(CLAIMS + TAG);
        puzzle.extend_from_slice(random::<NONCE>().as_slice());
        puzzle.extend_from_slice(&seconds.to_be_bytes());
        puzzle.push(u8::try_from(bits).unwrap_or(u8::MAX));
        puzzle.extend_from_slice(&self.tag(&puzzle));
        WorkDemand {
            puzzle: BASE64_URL_SAFE_NO_PAD.encode(puzzle),
            bits,
            expires_at: Timestamp::from_second(seconds).unwrap_or(expires_at),
        }
    }

    fn check(&self, proof: &ProofOfWork, now: Timestamp) -> Result<Timestamp, UnprovenWork> {
        let puzzle = BASE64_URL_SAFE_NO_PAD.decode(proof.puzzle()).map_err(|_| UnprovenWork)?;
        let (claims, tag) = puzzle.split_at_checked(CLAIMS).ok_or(UnprovenWork)?;
        verify_slices_are_equal(&self.tag(claims), tag).map_err(|_| UnprovenWork)?;
        let seconds = claims.get(NONCE..NONCE + EXPIRY).and_then(|bytes| bytes.try_into().ok());
        let seconds = i64::from_be_bytes(seconds.ok_or(UnprovenWork)?);
        let expires_at = Timestamp::from_second(seconds).map_err(|_| UnprovenWork)?;
        let bits = u32::from(*claims.last().ok_or(UnprovenWork)?);
        let worked = digest::digest(&digest::SHA256, proof.text().as_bytes());
        if now < expires_at && ProofOfWork::suffices(worked.as_ref(), bits) {
            return Ok(expires_at);
        }
        Err(UnprovenWork)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const BITS: u32 = 8;

    fn puzzles() -> KeyedPuzzles {
        KeyedPuzzles::new(&DataKey::from_bytes([7; 32]))
    }

    fn now() -> Timestamp {
        "2026-03-14T15:09:26Z".parse().unwrap()
    }

    fn digest_of(text: &str) -> digest::Digest {
        digest::digest(&digest::SHA256, text.as_bytes())
    }

    /// The first answer that is right, or that is wrong.
    fn answer(puzzle: &str, right: bool) -> ProofOfWork {
        let mut texts = (0..).map(|answer| format!("{puzzle}:{answer}"));
        let found = texts.find(|text| ProofOfWork::suffices(digest_of(text).as_ref(), BITS) == right);
        ProofOfWork::parse(&found.unwrap()).unwrap()
    }

    #[test]
    fn sm_10_a_right_answer_is_known_without_keeping_the_puzzle() {
        let demand = puzzles().pose(BITS, now());
        assert_eq!((demand.bits, demand.expires_at), (BITS, now() + WorkRule::LIFE));
        assert_eq!(puzzles().check(&answer(&demand.puzzle, true), now()), Ok(demand.expires_at));
        assert_eq!(puzzles().check(&answer(&demand.puzzle, false), now()), Err(UnprovenWork));
        assert_ne!(puzzles().pose(BITS, now()).puzzle, demand.puzzle);
    }

    #[test]
    fn sm_10_an_old_puzzle_and_one_of_somebody_else_count_for_nothing() {
        let proof = answer(&puzzles().pose(BITS, now()).puzzle, true);
        let last = now() + WorkRule::LIFE - SignedDuration::from_secs(1);
        assert!(puzzles().check(&proof, last).is_ok());
        assert_eq!(puzzles().check(&proof, now() + WorkRule::LIFE), Err(UnprovenWork));
        let others = KeyedPuzzles::new(&DataKey::from_bytes([8; 32]));
        assert_eq!(others.check(&proof, now()), Err(UnprovenWork));
        for puzzle in ["x", "AAAA", "not_base64_"] {
            assert_eq!(puzzles().check(&answer(puzzle, true), now()), Err(UnprovenWork), "{puzzle}");
        }
    }

    #[test]
    fn sm_10_nobody_makes_a_puzzle_easier_or_longer() {
        let demand = puzzles().pose(BITS, now());
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&demand.puzzle).unwrap();
        for place in 0..CLAIMS {
            bytes[place] ^= 1;
            let changed = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(puzzles().check(&answer(&changed, true), now()), Err(UnprovenWork), "byte {place}");
            bytes[place] ^= 1;
        }
    }
}
