//! Faults that are nobody's wrong input.

use jiff::SignedDuration;
use ports::{
    CeremonyFault, HashError, LimiterUnavailable, ProviderFault, SigningFailed, StoreError, UnsealError,
};

/// Something we depend on failed. Nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database is away; what was asked may be asked again.
    #[error("the database is unavailable")]
    DatabaseUnavailable(#[source] StoreError),
    /// The provider is away or refuses us.
    #[error("the provider is unavailable")]
    ProviderUnavailable(#[source] ProviderFault),
    /// Nobody can tell what is used of a limit that refuses then.
    #[error("the limits cannot be counted")]
    LimitsUnavailable(#[source] LimiterUnavailable),
    /// Too many passwords wait to be hashed, or what may be spent on messages is spent.
    #[error("more is asked for than can be served")]
    Overloaded { retry_after: SignedDuration },
    /// The client left before its password was hashed. Nothing was changed.
    #[error("nobody waits for the answer")]
    Abandoned,
    /// A defect of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::DatabaseUnavailable(error),
            StoreError::Broken(_) => Self::Internal(error.into()),
        }
    }
}

impl From<HashError> for Fault {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            HashError::Abandoned => Self::Abandoned,
            HashError::Failed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<ProviderFault> for Fault {
    fn from(fault: ProviderFault) -> Self {
        Self::ProviderUnavailable(fault)
    }
}

impl From<UnsealError> for Fault {
    fn from(error: UnsealError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<CeremonyFault> for Fault {
    fn from(error: CeremonyFault) -> Self {
        Self::Internal(error.into())
    }
}

impl From<SigningFailed> for Fault {
    fn from(error: SigningFailed) -> Self {
        Self::Internal(error.into())
    }
}
