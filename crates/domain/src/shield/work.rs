//! Proofs of work: what a client that causes messages may have to compute under suspicion.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::RuleMode;

/// When clients have to prove work before a message, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkRule {
    /// `Block` demands it, `Observe` tells where it would be demanded.
    pub mode: RuleMode,
    /// How many leading bits of the digest have to be zero.
    pub bits: u32,
    /// So many starts in an hour, of registrations, forgotten passwords and sign-ins by phone
    /// together, are suspicious whatever becomes of them; `None` does not look at it.
    pub starts_per_hour: Option<u32>,
}

impl Default for WorkRule {
    fn default() -> Self {
        Self { mode: RuleMode::Off, bits: 18, starts_per_hour: None }
    }
}

impl WorkRule {
    /// How long a puzzle may be solved.
    pub const LIFE: SignedDuration = SignedDuration::from_mins(10);
}

/// A puzzle for a client: to find a text that, behind the puzzle and a colon, has a SHA-256
/// digest with so many leading zero bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkDemand {
    pub puzzle: String,
    pub bits: u32,
    pub expires_at: Timestamp,
}

/// A puzzle with its answer, as a client presents them.
#[derive(Clone, PartialEq, Eq)]
pub struct ProofOfWork {
    text: String,
    puzzle_length: usize,
}

/// The text is no puzzle with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the puzzle, a colon and the answer, each of at most 200 letters, digits, - and _")]
pub struct InvalidProof;

impl ProofOfWork {
    const LONGEST: usize = 200;

    /// Reads `puzzle:answer`.
    pub fn parse(text: &str) -> Result<Self, InvalidProof> {
        let (puzzle, answer) = text.split_once(':').ok_or(InvalidProof)?;
        let in_shape = |part: &str| {
            (1..=Self::LONGEST).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if !in_shape(puzzle) || !in_shape(answer) {
            return Err(InvalidProof);
        }
        Ok(Self { text: text.to_owned(), puzzle_length: puzzle.len() })
    }

    /// The puzzle alone.
    pub fn puzzle(&self) -> &str {
        self.text.get(..self.puzzle_length).unwrap_or_default()
    }

    /// What is digested: the puzzle, a colon and the answer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a digest has at least so many leading zero bits.
    pub fn suffices(digest: &[u8], bits: u32) -> bool {
        let mut zeros = 0;
        for byte in digest {
            zeros += byte.leading_zeros();
            if *byte != 0 {
                break;
            }
        }
        zeros >= bits
    }
}

/// Says nothing of the answer.
impl fmt::Debug for ProofOfWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofOfWork")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sm_10_a_proof_is_a_puzzle_and_an_answer() {
        let proof = ProofOfWork::parse("puz-zle_1:42").unwrap();
        assert_eq!((proof.puzzle(), proof.text()), ("puz-zle_1", "puz-zle_1:42"));
        let long = format!("{}:1", "a".repeat(201));
        for text in ["", ":", "a:", ":b", "a", "a:b:c", "a b:c", "å:1", long.as_str()] {
            assert_eq!(ProofOfWork::parse(text), Err(InvalidProof), "{text}");
        }
    }

    #[test]
    fn sm_10_work_is_counted_in_leading_zero_bits() {
        let digest = [0, 0b0001_0000, 0xFF];
        assert!(ProofOfWork::suffices(&digest, 11));
        assert!(!ProofOfWork::suffices(&digest, 12));
        assert!(ProofOfWork::suffices(&[0, 0], 16) && !ProofOfWork::suffices(&[0, 0], 17));
    }
}
