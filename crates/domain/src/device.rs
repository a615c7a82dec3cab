//! Remembered devices and the tokens that they present instead of a code.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{Client, RefreshToken};

/// The id of a remembered device: a `UUIDv7`. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub Uuid);

/// A device token: opaque, 256 random bits as unpadded base64url.
#[derive(Clone)]
pub struct DeviceToken(SecretString);

impl DeviceToken {
    /// Length in characters: 32 bytes in unpadded base64url.
    pub const CHARS: usize = RefreshToken::CHARS;

    /// A token in the one form that we issue; anything else is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == Self::CHARS
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ours.then(|| Self(text.to_owned().into()))
    }

    /// The token itself, for the answer that issues it and the line that hashes it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(…)")
    }
}

/// SHA-256 of a device token: what is stored. A fast hash is enough, because
/// 256 random bits cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceTokenHash(pub [u8; 32]);

impl fmt::Debug for DeviceTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceTokenHash(…)")
    }
}

/// A remembered device as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    pub id: DeviceId,
    /// When all factors were proven on it.
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    /// Who used it last.
    pub client: Client,
}

/// How devices are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePolicy {
    /// How long after a proof of all factors the code may be left out. Use does not
    /// prolong it, so the phone is proven anew at least that often.
    pub ttl: SignedDuration,
    /// Devices of one user; the least recently used is forgotten when there are more.
    pub max_per_user: u32,
    /// How long a spent token may come back without ending the device: an answer may be lost.
    pub reuse_leeway: SignedDuration,
}

impl DevicePolicy {
    /// Wrong passwords that may come with the tokens of one device between two right ones;
    /// the last of them ends it. Its sign-ins do not wait for those that strangers slowed
    /// down, so they need a bound of their own.
    pub const MAX_FAILURES: u32 = 5;

    /// When a device remembered `now` ends.
    pub fn expires_at(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.ttl).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_form_is_a_device_token() {
        assert!(DeviceToken::parse(&"a".repeat(43)).is_some());
        for wrong in ["", "abc", &"a".repeat(42), &"a".repeat(44), &format!("{}=", "a".repeat(42))] {
            assert!(DeviceToken::parse(wrong).is_none());
        }
    }

    #[test]
    fn tn_04_neither_token_nor_hash_prints() {
        let token = DeviceToken::parse(&"a".repeat(43)).unwrap();
        let text = format!("{token:?} {:?}", DeviceTokenHash([0xAA; 32]));
        assert_eq!(text, "DeviceToken(…) DeviceTokenHash(…)");
    }

    #[test]
    fn d_20_a_device_ends_so_long_after_the_proof() {
        let ttl = SignedDuration::from_hours(24 * 30);
        let policy = DevicePolicy { ttl, max_per_user: 20, reuse_leeway: SignedDuration::from_secs(10) };
        assert_eq!(policy.expires_at(Timestamp::UNIX_EPOCH).as_second(), 30 * 86_400);
        assert_eq!(policy.expires_at(Timestamp::MAX), Timestamp::MAX);
    }
}
