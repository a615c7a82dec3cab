//! The keys of operators, of which only hashes are kept.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::secrets::sha256;

/// One admin key, or two while one takes the other's place.
///
/// A fast hash is enough, because 256 random bits cannot be guessed.
#[derive(Clone)]
pub struct AdminKeys(Vec<[u8; 32]>);

/// The text holds no admin keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdminKeys {
    #[error("a key has at least 256 random bits: 43 characters of base64, or 64 of hexadecimal digits")]
    TooShort,
    #[error("a key has letters, digits and - . _ ~ + / only, and = at its end")]
    Alphabet,
    #[error("give one key, or two separated by a comma while one takes the other's place")]
    TooMany,
}

impl AdminKeys {
    /// What 256 bits take in base64, without padding.
    const BASE64_CHARS: usize = 43;
    const HEX_CHARS: usize = 64;
    /// 256 random bits have more; what a person typed to fill the length has fewer.
    const LEAST_DIFFERENT: usize = 8;

    /// Reads one key, or two separated by a comma.
    pub fn parse(text: &str) -> Result<Self, InvalidAdminKeys> {
        let keys: Vec<&str> = text.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
        if keys.len() > 2 {
            return Err(InvalidAdminKeys::TooMany);
        }
        let hashes = keys.into_iter().map(hashed).collect::<Result<Vec<_>, _>>()?;
        if hashes.is_empty() { Err(InvalidAdminKeys::TooShort) } else { Ok(Self(hashes)) }
    }
}

fn hashed(key: &str) -> Result<[u8; 32], InvalidAdminKeys> {
    let unpadded = key.trim_end_matches('=');
    // What a bearer credential may hold (RFC 6750 §2.1).
    if !unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b)) {
        return Err(InvalidAdminKeys::Alphabet);
    }
    let is_hex = unpadded.bytes().all(|b| b.is_ascii_hexdigit());
    let least = if is_hex { AdminKeys::HEX_CHARS } else { AdminKeys::BASE64_CHARS };
    let different: BTreeSet<u8> = unpadded.bytes().collect();
    if unpadded.len() < least || different.len() < AdminKeys::LEAST_DIFFERENT {
        return Err(InvalidAdminKeys::TooShort);
    }
    Ok(sha256(key.as_bytes()))
}

impl ports::AdminKeys for AdminKeys {
    fn knows(&self, presented: &str) -> bool {
        let presented = sha256(presented.as_bytes());
        let matches = |key: &[u8; 32]| verify_slices_are_equal(key, &presented).is_ok();
        // Each is compared, whether or not an earlier one matched.
        self.0.iter().map(matches).fold(false, |any, one| any | one)
    }
}

impl fmt::Debug for AdminKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use ports::AdminKeys as _;

    use super::*;
    use crate::generate_secret;

    #[test]
    fn asvs_13_2_3_two_keys_are_valid_at_once() {
        let (old, new) = (generate_secret(), generate_secret());
        let both = AdminKeys::parse(&format!(" {}, {}", *old, *new)).unwrap();
        assert!(both.knows(&old) && both.knows(&new));
        let one = AdminKeys::parse(&new).unwrap();
        assert!(!one.knows(&old) && one.knows(&new));
        for other in ["", new.trim_end_matches('='), &new[1..], &format!("{}A", *new)] {
            assert!(!both.knows(other), "{other}");
        }
        let three = format!("{},{},{}", *old, *new, *generate_secret());
        assert_eq!(AdminKeys::parse(&three).unwrap_err(), InvalidAdminKeys::TooMany);
    }

    #[test]
    fn tn_08_a_key_has_at_least_256_bits() {
        let hex = "0123456789abcdef".repeat(4);
        assert!(AdminKeys::parse(&hex).is_ok());
        assert!(AdminKeys::parse(&"abcdefghijklmnop-".repeat(3)).is_ok());
        for short in ["", ",", "secret", &hex[1..], &"g".repeat(64), &"abcdefgh-".repeat(4)] {
            assert_eq!(AdminKeys::parse(short).unwrap_err(), InvalidAdminKeys::TooShort, "{short}");
        }
        let spaced = format!("{} {}", "abcdefghijklm", "nopqrstuvwxyz".repeat(4));
        assert_eq!(AdminKeys::parse(&spaced).unwrap_err(), InvalidAdminKeys::Alphabet);
    }

    #[test]
    fn keys_never_print_themselves() {
        assert_eq!(format!("{:?}", AdminKeys::parse(&generate_secret()).unwrap()), "AdminKeys(…)");
    }
}
