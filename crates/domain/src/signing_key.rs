//! Keys that sign access tokens.

mod schedule;

use jiff::Timestamp;

pub use self::schedule::{SigningKeyPolicy, SigningKeySet, SigningKeyState};

/// The `kid` of a signing key (RFC 7515 §4.1.4): 1 to 64 characters of base64url. No
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigningKeyId(String);

/// The text is no id of a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a signing key is 1 to {} characters of base64url", SigningKeyId::MAX_CHARS)]
pub struct InvalidSigningKeyId;

impl SigningKeyId {
    /// The most characters that an id has.
    pub const MAX_CHARS: usize = 64;

    /// Reads an id as it was written; nothing is trimmed or unescaped.
    pub fn parse(text: &str) -> Result<Self, InvalidSigningKeyId> {
        let accepted = (1..=Self::MAX_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidSigningKeyId) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An algorithm whose keys the service makes and replaces by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).
    Es256,
}

impl SigningAlgorithm {
    const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The registered name (RFC 7518 §3.1, RFC 8037 §3.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm with the registered name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// A signing key without its private part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    pub id: SigningKeyId,
    /// Its place among all keys that there ever were, from 1.
    pub number: u32,
    pub algorithm: SigningAlgorithm,
    /// It is published from then on.
    pub created_at: Timestamp,
    /// It signs from then on, in the place of every key before it.
    pub activates_at: Timestamp,
    /// When somebody took it out of use, ahead of its time. Nothing that it signed is
    /// accepted.
    pub retired_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tk_04_a_key_id_is_base64url_of_64_characters_at_most() {
        for right in ["a", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", &"-".repeat(64)] {
            assert_eq!(SigningKeyId::parse(right).unwrap().as_str(), right);
        }
        for wrong in ["", " a", "a\n", "a/b", "../key", "a'--", "å", &"a".repeat(65)] {
            assert_eq!(SigningKeyId::parse(wrong), Err(InvalidSigningKeyId), "{wrong:?}");
        }
    }

    #[test]
    fn algorithms_are_found_by_their_registered_names() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(SigningAlgorithm::find(algorithm.as_str()), Some(algorithm));
        }
        for wrong in ["", "eddsa", "HS256", "none"] {
            assert_eq!(SigningAlgorithm::find(wrong), None, "{wrong:?}");
        }
    }
}
