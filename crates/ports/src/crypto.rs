//! Time, randomness, hashing and access tokens.

use async_trait::async_trait;
use domain::{
    AccessClaims, AccessToken, CeremonyId, ChallengeId, Code, DeviceToken, DeviceTokenHash, Email, Password,
    PasswordHash, RecoveryCode, RecoveryCodeHash, RefreshToken, RefreshTokenHash, TotpSecret, TotpStep,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The time of day.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, cut to microseconds: what every store keeps without loss.
    fn now(&self) -> Timestamp;
}

/// Secrets and ids from the operating system's generator.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait SecretGenerator: Send + Sync {
    /// A `UUIDv7` of `now`: an id, never a secret.
    fn id(&self, now: Timestamp) -> Uuid;

    /// At least 128 random bits.
    fn challenge_id(&self) -> ChallengeId;

    /// At least 128 random bits.
    fn ceremony_id(&self) -> CeremonyId;

    /// 256 random bits.
    fn refresh_token(&self) -> RefreshToken;

    /// The form in which a refresh token is stored and found.
    fn hash_refresh_token(&self, token: &RefreshToken) -> RefreshTokenHash;

    /// 256 random bits.
    fn device_token(&self) -> DeviceToken;

    /// The form in which a device token is stored and found.
    fn hash_device_token(&self, token: &DeviceToken) -> DeviceTokenHash;

    /// 160 random bits.
    fn totp_secret(&self) -> TotpSecret;

    /// 140 random bits.
    fn recovery_code(&self) -> RecoveryCode;

    /// The form in which a recovery code is stored and found.
    fn hash_recovery_code(&self, code: &RecoveryCode) -> RecoveryCodeHash;
}

/// What authenticator apps compute: HMAC-SHA-1, six digits (RFC 6238, RFC 4226 §5).
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TotpCodes: Send + Sync {
    /// Whether an app with this secret shows `code` in this step; compared in constant time.
    fn is_code_of(&self, secret: &TotpSecret, step: TotpStep, code: &Code) -> bool;
}

/// A stored hash that a presented password may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub owner: Email,
    pub hash: PasswordHash,
}

/// The candidate that a password matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordMatch {
    /// Its place among the candidates.
    pub index: usize,
    /// Whether it should be replaced by what [`PasswordHasher::hash`] makes now.
    pub outdated: bool,
}

/// A password was not hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full; nothing was computed.
    #[error("too many passwords wait to be hashed")]
    Overloaded { retry_after: SignedDuration },
    /// Whoever asked went away first; what had not begun was not computed.
    #[error("nobody waits for the hash")]
    Abandoned,
    #[error("hashing failed: {0}")]
    Failed(String),
}

/// Turns passwords into hashes on workers of its own, behind a bounded queue.
///
/// A call changes nothing, so it may be dropped at any time: dropped before its
/// turn it leaves the queue and costs nothing.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash of a chosen password. Deterministic for an owner, a password
    /// and a configuration, so that a repeated registration is recognised by
    /// its hash; different owners have different salts.
    async fn hash(&self, password: &Password, owner: &Email) -> Result<PasswordHash, HashError>;

    /// The first candidate that `password` matches.
    ///
    /// Candidates with one salt cost one hash together. At least
    /// `least_hashes` are computed at the configured cost, with dummy work
    /// where candidates are missing or cheaper, so that time does not tell
    /// whether there was an account. A malformed candidate matches nothing.
    async fn find_match(
        &self,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Result<Option<PasswordMatch>, HashError>;
}

/// The token is none of ours, or its time is over. Which, is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidAccessToken;

/// A token could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningFailed(pub String);

/// Signs and checks access tokens (RFC 9068).
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait AccessTokens: Send + Sync {
    /// A signed token with these claims.
    fn issue(&self, claims: &AccessClaims) -> Result<AccessToken, SigningFailed>;

    /// The claims of a token that we signed and that is valid `now`. Whether
    /// its session still lives is for the session store to say.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, InvalidAccessToken>;

    /// The public keys as a JWK set (RFC 7517 §5) in JSON; empty for HS256.
    fn public_keys(&self) -> String;
}
