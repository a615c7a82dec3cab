//! Keys of 32 bytes, and what is derived from them.

use std::fmt;

use aws_lc_rs::hkdf;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use crate::secrets::random;

const KEY_BYTES: usize = 32;

/// Standard base64; people lose the `=` at the end when they copy.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 bytes in base64")]
pub struct InvalidKey;

/// What seals secrets at rest and gives the keys that need no configuration of
/// their own (RFC 5869).
pub struct DataKey(SecretBox<[u8; KEY_BYTES]>);

impl DataKey {
    /// Reads 32 bytes in standard base64.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        parse(text).map(Self)
    }

    /// Takes 32 random bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key for one purpose: HKDF-SHA-256 with the purpose as info. Keys of
    /// different purposes tell nothing of each other.
    #[expect(clippy::expect_used, reason = "32 bytes are one block; HKDF-SHA-256 gives up to 255")]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"otp-login")
            .extract(self.0.expose_secret())
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .expect("one block of output");
        key
    }
}

impl Clone for DataKey {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.0.expose_secret())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// What is mixed into every password and kept outside the database
/// (NIST SP 800-63B-4 §3.1.1.2), so that a stolen database alone cannot be
/// guessed against.
pub struct Pepper(SecretBox<[u8; KEY_BYTES]>);

impl Pepper {
    /// Reads 32 bytes in standard base64.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        parse(text).map(Self)
    }

    /// Takes 32 random bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        self.0.expose_secret()
    }
}

impl Clone for Pepper {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.expose())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// 32 random bytes in standard base64: a new data key, pepper or HS256 secret.
pub fn generate_secret() -> Zeroizing<String> {
    Zeroizing::new(general_purpose::STANDARD.encode(random::<KEY_BYTES>().as_slice()))
}

fn parse(text: &str) -> Result<SecretBox<[u8; KEY_BYTES]>, InvalidKey> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim()).map_err(|_| InvalidKey)?);
    let key: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| InvalidKey)?;
    Ok(SecretBox::new(Box::new(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_11_6_1_a_key_is_exactly_32_bytes() {
        assert!(DataKey::parse(&generate_secret()).is_ok());
        assert!(Pepper::parse(&format!(" {}\n", generate_secret().trim_end_matches('='))).is_ok());
        for bytes in [0, 16, 31, 33, 64] {
            let text = general_purpose::STANDARD.encode(vec![7; bytes]);
            assert_eq!(DataKey::parse(&text).unwrap_err(), InvalidKey, "{bytes} bytes");
            assert_eq!(Pepper::parse(&text).unwrap_err(), InvalidKey, "{bytes} bytes");
        }
        assert_eq!(DataKey::parse("thirty-two bytes of plain text..").unwrap_err(), InvalidKey);
    }

    #[test]
    fn asvs_11_4_4_each_purpose_has_its_own_key() {
        let key = DataKey::from_bytes([1; 32]);
        assert_eq!(key.derive("a"), key.clone().derive("a"));
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(key.derive("a"), DataKey::from_bytes([2; 32]).derive("a"));
    }

    #[test]
    fn keys_never_print_themselves() {
        let shown = format!("{:?} {:?}", DataKey::from_bytes([1; 32]), Pepper::from_bytes([1; 32]));
        assert_eq!(shown, "DataKey(…) Pepper(…)");
    }
}
