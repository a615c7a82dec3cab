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
    #[error("a key has at least 256 random bits: 43 characters of base64, or 64 hexadecimal digits")]
    TooShort,
    #[error("a key has at most {} characters", HashedApiKeys::MOST_CHARS)]
    TooLong,
    #[error("a key has letters, digits and - . _ ~ + / only, and = at its end")]
    Alphabet,
    #[error("a key consists of a few characters over and over; take 32 random bytes in base64")]
    Guessable,
    #[error("give one key, or two separated by a comma while one takes the other's place")]
    TooMany,
}

impl HashedApiKeys {
    /// The most keys that are valid at once.
    pub const MOST: usize = 2;
    /// What 256 bits take in base64, without padding.
    const BASE64_CHARS: usize = 43;
    const HEX_CHARS: usize = 64;
    const MOST_CHARS: usize = 512;
    /// 256 random bits have more; what a person typed to fill the length has fewer.
    const LEAST_DIFFERENT: usize = 8;

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
    if !unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b)) {
        return Err(InvalidApiKeys::Alphabet);
    }
    let is_hex = unpadded.bytes().all(|b| b.is_ascii_hexdigit());
    let least = if is_hex { HashedApiKeys::HEX_CHARS } else { HashedApiKeys::BASE64_CHARS };
    if unpadded.len() < least {
        return Err(InvalidApiKeys::TooShort);
    }
    if key.len() > HashedApiKeys::MOST_CHARS {
        return Err(InvalidApiKeys::TooLong);
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
    fn asvs_11_2_3_tn_08_a_key_has_256_bits() {
        use InvalidApiKeys::{Alphabet, Guessable, TooLong, TooShort};
        let hex = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            ("short", TooShort),
            (&"aB3".repeat(14), TooShort),
            (&"abcdefgh-".repeat(4), TooShort),
            (&hex[1..], TooShort),
            (&"aB3-".repeat(200), TooLong),
            ("four unrelated words that are long enough to be a key", Alphabet),
            (&"aB3-".repeat(20), Guessable),
            (&"g".repeat(64), Guessable),
            (&format!("{},x", *generate_secret()), TooShort),
        ] {
            assert_eq!(HashedApiKeys::parse(text).unwrap_err(), expected, "{text}");
        }
        assert!(HashedApiKeys::parse(&hex).is_ok());
        assert!(HashedApiKeys::parse(&"abcdefghijklmnop-".repeat(3)).is_ok());
    }

    #[test]
    fn keys_never_print_themselves() {
        assert_eq!(format!("{:?}", HashedApiKeys::parse(&generate_secret()).unwrap()), "HashedApiKeys(1)");
    }
}
