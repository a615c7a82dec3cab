//! What the fraud shield counts.

use async_trait::async_trait;
use domain::{
    CountryCode, Money, NumberPrefix, Observations, PhoneNumber, ProofOfWork, Ruling, SendOrigin,
    SendReference, Shield, ShieldBlock, ShieldScope, Tally, WorkDemand,
};
use jiff::Timestamp;

use crate::StoreError;

/// A message that waits for the shield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShieldedSend {
    /// Under which it is reserved, if it is.
    pub reference: Option<SendReference>,
    pub phone: PhoneNumber,
    /// Where the number belongs.
    pub country: Option<CountryCode>,
    pub origin: SendOrigin,
    /// What it is taken to cost.
    pub cost: Money,
}

impl ShieldedSend {
    /// A message to a number, which costs nothing.
    pub fn new(phone: PhoneNumber, origin: SendOrigin, reference: Option<SendReference>) -> Self {
        Self { reference, country: phone.region(), phone, origin, cost: Money::default() }
    }

    /// The block of numbers that it goes to.
    pub fn prefix(&self) -> NumberPrefix {
        NumberPrefix::of(&self.phone)
    }

    /// Everything that it is counted with.
    pub fn scopes(&self) -> Vec<ShieldScope> {
        let country = self.country.map(ShieldScope::Country);
        std::iter::once(ShieldScope::Prefix(self.prefix()))
            .chain(country)
            .chain([ShieldScope::Service])
            .collect()
    }
}

/// A block in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    pub scope: ShieldScope,
    pub block: ShieldBlock,
    /// How many followed each other.
    pub strikes: u32,
}

/// What was started lately by people who have proven nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// In the last hour, with or without an account, sent or not.
    pub in_hour: u64,
    /// Messages of strangers to the country in the last hour.
    pub country_hour: Tally,
    /// Messages of strangers in the last hour.
    pub service_hour: Tally,
    /// Prefixes that are blocked, wherever they are.
    pub blocked_prefixes: u32,
}

/// Where the fraud shield counts messages and the codes that were entered. Codes are counted by
/// the methods of [`ChallengeStore`](crate::ChallengeStore) that use them up, in their own step.
///
/// Windows of time slide by [`Shield::BUCKET`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ShieldStore: Send + Sync {
    /// Has [`Shield::judge`] decide about a message and counts it if it is admitted. Of any
    /// number of concurrent calls none is admitted that would not be, were they made one
    /// after the other.
    async fn admit(&self, send: &ShieldedSend, shield: &Shield, now: Timestamp)
    -> Result<Ruling, StoreError>;

    /// Takes an admitted message back: certainly nothing was sent.
    async fn take_back(&self, send: &ShieldedSend, admitted_at: Timestamp) -> Result<(), StoreError>;

    /// What [`Self::admit`] would judge by. Changes nothing.
    async fn observe(&self, send: &ShieldedSend, now: Timestamp) -> Result<Observations, StoreError>;

    /// The blocks in force, those that end last first.
    async fn list_blocks(&self, now: Timestamp) -> Result<Vec<BlockEntry>, StoreError>;

    /// Forgets what is held against a prefix or a country; `false` when there is nothing.
    async fn unblock(&self, scope: &ShieldScope) -> Result<bool, StoreError>;

    /// Counts that somebody started a registration, a reset or a sign-in by phone, and tells what
    /// was started and sent before. Asked of everybody alike, so it must not look at accounts.
    async fn count_start(&self, country: Option<CountryCode>, now: Timestamp) -> Result<Starts, StoreError>;

    /// Uses a puzzle up; `false` when it was used before. Of any number of concurrent calls
    /// one gets `true`.
    async fn spend_puzzle(&self, puzzle: &str, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Forgets at most so many rows that no rule looks at any more; how many went.
    async fn forget_sends(&self, now: Timestamp, most: u32) -> Result<u64, StoreError>;
}

/// A proof of work does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof of work is not accepted")]
pub struct UnprovenWork;

/// Makes puzzles and checks answers, without keeping anything.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait WorkPuzzles: Send + Sync {
    /// A fresh puzzle of so many bits.
    fn pose(&self, bits: u32, now: Timestamp) -> WorkDemand;

    /// Until when the puzzle could be answered, if it is one of ours, its time is not over and the
    /// answer is right. Whether it was used before is not known here.
    fn check(&self, proof: &ProofOfWork, now: Timestamp) -> Result<Timestamp, UnprovenWork>;
}
