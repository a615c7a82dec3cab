//! Keys that sign access tokens.

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
}
