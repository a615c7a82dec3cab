//! Whoever sends codes and checks them.

use async_trait::async_trait;
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, Purpose, SendReference};
use jiff::{SignedDuration, Timestamp};

/// A code to be made and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRequest {
    /// Our name for this send, unique for each.
    pub reference: SendReference,
    pub phone: PhoneNumber,
    /// What the code is for.
    pub purpose: Purpose,
    pub channel: Channel,
    /// The language to write or speak in.
    pub locale: Option<Locale>,
    /// How long the code shall live.
    pub life: SignedDuration,
}

/// A verification that the provider has under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedVerification {
    pub id: ProviderId,
    pub phone: PhoneNumber,
    pub channel: Channel,
}

/// What the provider says of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeCheck {
    Accepted,
    /// The code is wrong; another may be tried.
    Wrong,
    /// The code has expired, was used, or was replaced by a later one.
    Gone,
}

/// The provider, or the way to it, is at fault. The text is for logs and holds
/// neither secrets nor numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProviderFault(pub String);

/// Why certainly nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The provider does not send to this number.
    #[error("the provider refused the destination: {0}")]
    DestinationRefused(String),
    /// The provider finds another message to this number too soon.
    #[error("the provider sent to this number a moment ago")]
    TooSoon,
    /// The provider is away or refuses us.
    #[error("nothing was sent: {0}")]
    Fault(ProviderFault),
}

/// A send that did not clearly succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    NotSent(NotSent),
    /// The fraud shield held the message back, so nothing was sent.
    #[error("the fraud shield held the message back")]
    Shielded {
        retry_at: Timestamp,
        /// Not this message is suspicious, but what may be spent is spent.
        is_over_budget: bool,
    },
    /// The answer was lost: a message may be on its way.
    /// [`VerificationProvider::find`] will tell later.
    #[error("whether a message was sent is unknown: {0}")]
    Unknown(ProviderFault),
}

/// Answers guesses at decoys, of which nobody was sent a code.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DecoyCodes: Send + Sync {
    /// Takes as long as a check of a code lately took, and fails as one lately failed, so that
    /// neither time nor fault tells a decoy. Otherwise the code is wrong, whatever it is.
    async fn check(&self) -> Result<(), ProviderFault>;
}

/// Makes codes, sends them and checks them. Every method answers within a
/// bounded time, whatever the provider does.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait VerificationProvider: Send + Sync {
    /// Makes a code and sends it. Costs money. Within itself it may try again
    /// only where that cannot send twice.
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError>;

    /// The verification started under `reference`; `None` when the provider
    /// knows of none, so that nothing was sent.
    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault>;

    /// Asks whether `code` is right. A wrong code is an answer, not an error;
    /// `Accepted` is said at most once for a verification, and only when the
    /// provider said so of this very verification, number and channel.
    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault>;
}
