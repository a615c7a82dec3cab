//! The objects of the contract, member by member: one too many fails.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Challenge {
    pub(crate) id: String,
    pub(crate) purpose: String,
    pub(crate) channel: String,
    /// Absent of a password reset, and never null.
    #[serde(default, deserialize_with = "present")]
    pub(crate) destination: Option<String>,
    pub(crate) sent: bool,
    pub(crate) methods: Vec<String>,
    pub(crate) attempts_left: u32,
    #[serde(deserialize_with = "utc")]
    pub(crate) expires_at: Timestamp,
    #[serde(deserialize_with = "utc_or_null")]
    pub(crate) resend_available_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeAnswer {
    pub(super) challenge: Challenge,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInAnswer {
    pub(super) status: String,
    pub(super) challenge: Challenge,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) token_type: String,
    pub(crate) expires_in: u64,
    pub(crate) refresh_token: String,
    pub(crate) refresh_expires_in: u64,
    pub(crate) user: User,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) phone_number: String,
    #[serde(deserialize_with = "utc")]
    pub(crate) phone_verified_at: Timestamp,
    pub(crate) locale: Option<String>,
    pub(crate) factors: Vec<String>,
    pub(crate) recovery_codes_left: u32,
    #[serde(deserialize_with = "utc")]
    pub(crate) created_at: Timestamp,
    #[serde(deserialize_with = "utc")]
    pub(crate) updated_at: Timestamp,
}

/// RFC 3339 in UTC with a `Z`.
fn utc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    assert!(text.ends_with('Z') && text.contains('T'), "{text}");
    text.parse().map_err(serde::de::Error::custom)
}

/// The member has to be there.
fn utc_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Utc(#[serde(deserialize_with = "utc")] Timestamp);
    Ok(Option::<Utc>::deserialize(deserializer)?.map(|time| time.0))
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}
