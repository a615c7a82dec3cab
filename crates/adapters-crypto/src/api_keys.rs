//! Keys of other programs, of which only hashes stay in memory.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use ports::ApiKeys;

use crate::secrets::sha256;

/// SHA-256 of each valid key. A fast hash is enough, because 256 random bits cannot be
/// guessed.
#[derive(Clone, Default)]
pub struct HashedApiKeys(Vec<[u8; 32]>);

/// The text is no list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKeys {
    #[error(
        "a key has {} to {} characters of A-Z a-z 0-9 - . _ ~ + / and = at the end: 32 random bytes in base64",
        HashedApiKeys::LEAST_CHARS,
        HashedApiKeys::MOST_CHARS
    )]
    NotAKey,
    #[error("a key consists of a few characters over and over; take 32 random bytes in base64")]
    Guessable,
    #[error("at most {} keys are valid at once: the old and the new one", HashedApiKeys::MOST)]
    TooMany,
}

impl HashedApiKeys {
    /// The most keys that are valid at once.
    pub const MOST: usize = 2;
    /// 32 bytes in unpadded base64.
    const LEAST_CHARS: usize = 43;
    const MOST_CHARS: usize = 512;
    /// Random text of that length has more different characters.
    const LEAST_DIFFERENT: usize = 10;

    /// Reads keys that are separated by commas; no text is no key.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKeys> {
        let keys: Vec<&str> = text.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
        if keys.len() > Self::MOST {
            return Err(InvalidApiKeys::TooMany);
        }
        keys.into_iter().map(hash).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ApiKeys for HashedApiKeys {
    fn accept(&self, presented: &str) -> bool {
        let presented = sha256(presented.as_bytes());
        // Every key is compared, so that time does not tell which one it was.
        self.0.iter().fold(false, |found, key| found | verify_slices_are_equal(key, &presented).is_ok())
    }
}

impl fmt::Debug for HashedApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashedApiKeys({})", self.0.len())
    }
}

/// Takes what can be sent as a bearer token (RFC 6750 §2.1) and cannot be guessed.
fn hash(key: &str) -> Result<[u8; 32], InvalidApiKeys> {
    let unpadded = key.trim_end_matches('=');
    let is_token68 = unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    let is_long = unpadded.len() >= HashedApiKeys::LEAST_CHARS && key.len() <= HashedApiKeys::MOST_CHARS;
    if !is_token68 || !is_long {
        return Err(InvalidApiKeys::NotAKey);
    }
    let different: BTreeSet<u8> = unpadded.bytes().collect();
    if different.len() < HashedApiKeys::LEAST_DIFFERENT {
        return Err(InvalidApiKeys::Guessable);
    }
    Ok(sha256(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate_secret;

    #[test]
    fn asvs_13_2_3_two_keys_are_valid_at_once_and_no_third() {
        let [old, new, other] = [generate_secret(), generate_secret(), generate_secret()];
        let keys = HashedApiKeys::parse(&format!("{}, {}", *old, *new)).unwrap();
        assert!(keys.accept(&old) && keys.accept(&new) && !keys.accept(&other));
        let three = format!("{},{},{}", *old, *new, *other);
        assert_eq!(HashedApiKeys::parse(&three).unwrap_err(), InvalidApiKeys::TooMany);
    }

    #[test]
    fn a_key_is_accepted_whole_and_as_it_is_only() {
        let key = generate_secret();
        let keys = HashedApiKeys::parse(&key).unwrap();
        assert!(keys.accept(&key));
        for wrong in
            ["", " ", &key[1..], key.trim_end_matches('='), &format!("{}a", *key), &key.to_lowercase()]
        {
            assert!(!keys.accept(wrong), "{wrong}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_accepted() {
        for text in ["", " ", ",", " , "] {
            let keys = HashedApiKeys::parse(text).unwrap();
            assert!(keys.is_empty() && !keys.accept("") && !keys.accept(text));
        }
    }

    #[test]
    fn asvs_11_2_3_a_key_has_256_bits() {
        for (text, expected) in [
            ("short", InvalidApiKeys::NotAKey),
            (&"aB3".repeat(14), InvalidApiKeys::NotAKey),
            (&"aB3-".repeat(200), InvalidApiKeys::NotAKey),
            ("four unrelated words that are long enough to be a key", InvalidApiKeys::NotAKey),
            (&"aB3-".repeat(20), InvalidApiKeys::Guessable),
            (&format!("{},x", *generate_secret()), InvalidApiKeys::NotAKey),
        ] {
            assert_eq!(HashedApiKeys::parse(text).unwrap_err(), expected, "{text}");
        }
        assert!(
            HashedApiKeys::parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").is_ok()
        );
    }

    #[test]
    fn keys_never_print_themselves() {
        assert_eq!(format!("{:?}", HashedApiKeys::parse(&generate_secret()).unwrap()), "HashedApiKeys(1)");
    }
}
