//! Sessions and the refresh tokens that keep them alive.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{AuthenticationMethod, Client};

/// The id of a session: a `UUIDv7`, the `sid` of its access tokens. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

/// A refresh token: opaque, 256 random bits as unpadded base64url.
#[derive(Clone)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// Length in characters: 32 bytes in unpadded base64url.
    pub const CHARS: usize = 43;

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

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// SHA-256 of a refresh token: what is stored. A fast hash is enough, because
/// 256 random bits cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshTokenHash(pub [u8; 32]);

impl fmt::Debug for RefreshTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshTokenHash(…)")
    }
}

/// A live session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEntry {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// Who signed in.
    pub client: Client,
}

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Life of an access token.
    pub access_ttl: SignedDuration,
    /// A session not refreshed for so long ends.
    pub idle_ttl: SignedDuration,
    /// A session ends so long after its sign-in, whatever happens.
    pub absolute_ttl: SignedDuration,
    /// How long a spent refresh token may come back without ending the session.
    pub reuse_leeway: SignedDuration,
    /// Live sessions of one user; the oldest ends when there are more.
    pub max_per_user: u32,
}

/// When a session began and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    pub created_at: Timestamp,
    /// The end unless refreshed; never after `absolute_expires_at`.
    pub expires_at: Timestamp,
    pub absolute_expires_at: Timestamp,
}

impl SessionPolicy {
    /// How long a sign-in with all factors may change what guards the account.
    pub const FRESH_FOR: SignedDuration = SignedDuration::from_mins(10);

    /// The times of a session that begins `now`.
    pub fn begin(&self, now: Timestamp) -> SessionTimes {
        let absolute_expires_at = later(now, self.absolute_ttl);
        SessionTimes {
            created_at: now,
            expires_at: self.slide(now, absolute_expires_at),
            absolute_expires_at,
        }
    }

    /// The new end of a session refreshed `now`.
    pub fn slide(&self, now: Timestamp, absolute_expires_at: Timestamp) -> Timestamp {
        later(now, self.idle_ttl).min(absolute_expires_at)
    }

    /// Whether a session authenticated so and then may change what guards the account:
    /// by all factors, and not long ago. A remembered device proves too little.
    pub fn is_fresh(methods: &[AuthenticationMethod], authenticated_at: Timestamp, now: Timestamp) -> bool {
        methods.contains(&AuthenticationMethod::MultiFactor)
            && now.duration_since(authenticated_at) < Self::FRESH_FOR
    }

    /// When an access token issued `now` in a session that ends at `session_expires_at` ends.
    pub fn access_expires_at(&self, now: Timestamp, session_expires_at: Timestamp) -> Timestamp {
        later(now, self.access_ttl).min(session_expires_at)
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> SessionPolicy {
        SessionPolicy {
            access_ttl: SignedDuration::from_mins(15),
            idle_ttl: SignedDuration::from_hours(24 * 30),
            absolute_ttl: SignedDuration::from_hours(24 * 90),
            reuse_leeway: SignedDuration::from_secs(10),
            max_per_user: 50,
        }
    }

    #[test]
    fn asvs_7_1_1_refreshing_never_outlives_the_absolute_end() {
        let start = Timestamp::UNIX_EPOCH;
        let times = policy().begin(start);
        assert_eq!(times.expires_at.duration_since(start), SignedDuration::from_hours(24 * 30));
        let late = start + SignedDuration::from_hours(24 * 80);
        assert_eq!(policy().slide(late, times.absolute_expires_at), times.absolute_expires_at);
        let last_minute = times.absolute_expires_at - SignedDuration::from_mins(1);
        assert_eq!(
            policy().access_expires_at(last_minute, times.absolute_expires_at),
            times.absolute_expires_at
        );
    }

    #[test]
    fn asvs_7_5_1_only_a_recent_sign_in_with_all_factors_is_fresh() {
        let (password, sms) = (AuthenticationMethod::Password, AuthenticationMethod::Sms);
        let all = [password, sms, AuthenticationMethod::MultiFactor];
        let begun = Timestamp::UNIX_EPOCH;
        let last = begun + SessionPolicy::FRESH_FOR - SignedDuration::from_micros(1);
        assert!(SessionPolicy::is_fresh(&all, begun, begun));
        assert!(SessionPolicy::is_fresh(&all, begun, last));
        assert!(!SessionPolicy::is_fresh(&all, begun, begun + SessionPolicy::FRESH_FOR));
        assert!(!SessionPolicy::is_fresh(&[password], begun, begun));
        assert!(!SessionPolicy::is_fresh(&[], begun, begun));
    }

    #[test]
    fn only_our_form_is_a_refresh_token() {
        assert!(RefreshToken::parse(&"a".repeat(43)).is_some());
        for wrong in [
            "",
            "abc",
            &"a".repeat(42),
            &"a".repeat(44),
            &format!("{}=", "a".repeat(42)),
            &format!("{}\0", "a".repeat(42)),
        ] {
            assert!(RefreshToken::parse(wrong).is_none());
        }
    }
}
