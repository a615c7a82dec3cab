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
///
/// A provider promises that a code is accepted for the verification that it was sent for and
/// for no other. That the code of one purpose serves no other purpose, that guesses are
/// bounded and that a code signs in once is the promise of
/// [`ChallengeStore`](crate::ChallengeStore), which knows one verification for each number
/// and purpose and deletes it when its code is redeemed. The suite
/// `ports::contract::provider` runs against every adapter.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait VerificationProvider: Send + Sync {
    /// Makes a code and sends it. Costs money. Within itself it may try again
    /// only where that cannot send twice.
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError>;

    /// The verification started under `reference`; `None` when the provider
    /// knows of none, so that there is no code to be checked.
    ///
    /// A provider that keeps no references looks by number instead, if it has one verification
    /// for each, or answers a fault: never `None` for what may have been sent. One that makes
    /// its codes from the reference may find what never left: nobody knows that code.
    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault>;

    /// Asks whether `code` is right. A wrong code is an answer, not an error; `Accepted` is
    /// said only of this very verification.
    ///
    /// A provider that remembers what was used says `Accepted` at most once; one without a
    /// memory says it until the code expires. Either way only the caller whose redemption
    /// deletes the verification is let in.
    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault>;
}
