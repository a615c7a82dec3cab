//! Secrets that have to be readable again, sealed before they are stored.

use std::fmt;

use domain::{SigningKeyId, UserId};
use secrecy::SecretSlice;

/// What a sealed value is for, and whose it is. A value opens in the context that it
/// was sealed in and in no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealContext {
    /// The secret of a user's authenticator app (RFC 6238).
    TotpSecret(UserId),
    /// The private part of a key that signs access tokens.
    SigningKey(SigningKeyId),
}

/// A sealed value as it is stored: printable ASCII without white space, that names its
/// scheme and its key. Some 60 characters and four thirds of the value long.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue(pub String);

/// Short enough for a log to stay readable; what is sealed is no secret.
impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedValue(…)")
    }
}

/// What was sealed.
#[derive(Clone, Debug)]
pub struct Unsealed {
    /// Wiped from memory when dropped.
    pub plaintext: SecretSlice<u8>,
    /// Whether it should be replaced by what [`Sealer::seal`] makes now, because its key
    /// is on its way out.
    pub outdated: bool,
}

/// A sealed value was not opened. For logs: clients are told nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// No key that we hold has this id. The ids are no secret.
    #[error(
        "a stored secret was sealed with data key {key_id}, which is neither secrets.data_key nor one of secrets.previous_data_keys"
    )]
    UnknownKey { key_id: String },
    /// Changed since, or sealed for another owner or another purpose.
    #[error("a stored secret was changed, or belongs to another owner or purpose")]
    Forged,
    /// Not what [`Sealer::seal`] makes.
    #[error("a stored secret is not a sealed value")]
    Malformed,
}

/// Seals secrets at rest: authenticated encryption bound to an owner and a purpose, so
/// that neither a stolen database nor a row copied to another user is of use.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Sealer: Send + Sync {
    /// Seals `plaintext` with the current key. Sealing the same twice gives different
    /// values.
    fn seal(&self, plaintext: &[u8], context: &SealContext) -> SealedValue;

    /// Opens what was sealed in the same context, with the current key or a previous one.
    fn open(&self, sealed: &SealedValue, context: &SealContext) -> Result<Unsealed, UnsealError>;
}
