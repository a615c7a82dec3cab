//! Passkeys: key pairs whose private half stays with an authenticator (`WebAuthn`).

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::AuthenticationMethod;

/// The id of a passkey: a `UUIDv7`. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PasskeyId(pub Uuid);

/// The name by which an authenticator finds its private key: chosen by it, unguessable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The most bytes of one (`WebAuthn` Level 3 §4).
    pub const MOST_BYTES: usize = 1023;

    /// 1 to 1023 bytes; anything else names no credential.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (1..=Self::MOST_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The bytes as the authenticator chose them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// It tells sites apart users that they share, so logs do not show it.
impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({} bytes)", self.0.len())
    }
}

/// What its owner calls a passkey: 1 to 64 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

/// The text is no name for a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters and no control characters")]
pub struct InvalidPasskeyName;

impl PasskeyName {
    const MOST_CHARS: usize = 64;

    /// Reads a name; space around it does not belong to it.
    pub fn parse(text: &str) -> Result<Self, InvalidPasskeyName> {
        let text = text.trim();
        let length = text.chars().take(Self::MOST_CHARS + 1).count();
        let accepted = (1..=Self::MOST_CHARS).contains(&length) && !text.contains(char::is_control);
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidPasskeyName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub name: Option<PasskeyName>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Whether it was in a backup, such as that of a password manager, when it was last used.
    pub backed_up: bool,
}

impl Passkey {
    /// The most that one account may have.
    pub const MOST_PER_USER: u32 = 20;
}

/// The id of a ceremony: unguessable, handed to whoever started it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CeremonyId(String);

/// The text cannot be the id of a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("send the ceremony_id as it was given")]
pub struct InvalidCeremonyId;

impl CeremonyId {
    /// How long a ceremony may take (`WebAuthn` Level 3 §15.1 recommends 5 to 10 minutes).
    pub const TTL: SignedDuration = SignedDuration::from_mins(5);

    /// Reads an id that a client presents: 1 to 64 characters of base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidCeremonyId> {
        let plausible = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plausible { Ok(Self(text.to_owned())) } else { Err(InvalidCeremonyId) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When a ceremony that begins `now` ends.
    pub fn expires_at(now: Timestamp) -> Timestamp {
        now.checked_add(Self::TTL).unwrap_or(Timestamp::MAX)
    }
}

/// Whoever holds the id can end the ceremony, so logs show only its beginning.
impl fmt::Debug for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.0.get(..6).unwrap_or_default())
    }
}

/// What an answer of an authenticator proved, beyond that the key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyProof {
    /// The authenticator knew its user, by a PIN, a finger or a face.
    pub user_verified: bool,
    /// The key may leave the authenticator in a backup.
    pub backup_eligible: bool,
}

impl PasskeyProof {
    /// What a session says of it (RFC 8176). More than one factor was used when a password
    /// came before, or when the authenticator knew its user.
    pub fn methods(self, after_password: bool) -> Vec<AuthenticationMethod> {
        use AuthenticationMethod as Method;
        let key = if self.backup_eligible { Method::SoftwareKey } else { Method::HardwareKey };
        let password = after_password.then_some(Method::Password);
        let several = (after_password || self.user_verified).then_some(Method::MultiFactor);
        password.into_iter().chain([key, Method::UserPresence]).chain(several).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_10_3_4_methods_say_what_was_proven_and_no_more() {
        let of = |after_password, user_verified, backup_eligible| {
            let methods = PasskeyProof { user_verified, backup_eligible }.methods(after_password);
            methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(false, true, true), "swk user mfa");
        assert_eq!(of(false, true, false), "hwk user mfa");
        assert_eq!(of(true, false, false), "pwd hwk user mfa");
        assert_eq!(of(true, true, true), "pwd swk user mfa");
        assert_eq!(of(false, false, false), "hwk user", "possession alone is one factor");
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(PasskeyName::parse("  Ann’s phone ").map(|name| name.0).as_deref(), Ok("Ann’s phone"));
        assert!(PasskeyName::parse(&"é".repeat(64)).is_ok());
        for wrong in ["", "  ", "a\nb", "a\0", &"a".repeat(65)] {
            assert_eq!(PasskeyName::parse(wrong), Err(InvalidPasskeyName), "{wrong:?}");
        }
    }

    #[test]
    fn a_credential_id_has_bounds_and_does_not_print() {
        assert!(CredentialId::from_bytes(Vec::new()).is_none());
        assert!(CredentialId::from_bytes(vec![7; 1024]).is_none());
        let id = CredentialId::from_bytes(vec![7; 1023]).unwrap();
        assert_eq!(format!("{id:?}"), "CredentialId(1023 bytes)");
    }

    #[test]
    fn ids_of_ceremonies_of_another_alphabet_are_refused_and_cut_in_debug_output() {
        assert_eq!(format!("{:?}", CeremonyId::parse("abcdefghijkl").unwrap()), "abcdef…");
        for wrong in ["", "a b", "a\0", "ä", &"a".repeat(65)] {
            assert_eq!(CeremonyId::parse(wrong), Err(InvalidCeremonyId));
        }
    }
}
