//! What became of messages: one trace for each, and figures of all.

use std::fmt;

use async_trait::async_trait;
use domain::{
    Arrival, CallbackEvent, Channel, Conversion, CountryCode, FigureDimension, FigureGroup, FigureWindow,
    Money, NumberPrefix, PhoneNumber, ProviderId, Purpose, Quote, QuotedPrice, SendFigures, SendLabels,
    SendReference, SendTrace, Settlement,
};
use jiff::{SignedDuration, Timestamp};

use crate::StoreError;

/// A message that the provider is about to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSendTrace {
    pub reference: SendReference,
    /// Who is asked.
    pub provider: &'static str,
    pub phone: PhoneNumber,
    pub purpose: Purpose,
    pub channel: Channel,
    pub country: Option<CountryCode>,
    /// What it costs, if it leaves.
    pub cost: Money,
}

impl NewSendTrace {
    /// The block of numbers that it goes to.
    pub fn prefix(&self) -> NumberPrefix {
        NumberPrefix::of(&self.phone)
    }
}

/// A callback that was proven to be the provider's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// What makes two deliveries of one signed request the same.
    pub fingerprint: [u8; 32],
    /// Ours, if the provider repeats it.
    pub reference: Option<SendReference>,
    pub provider_id: ProviderId,
    pub phone: PhoneNumber,
    pub event: CallbackEvent,
    /// What the message costs, if it says so.
    pub quote: Option<Quote>,
    /// When it was signed.
    pub said_at: Timestamp,
}

/// What a callback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is about nothing that we had sent: nothing is kept of it.
    NotOurs,
    /// It is about a message of ours.
    Ours {
        /// Whether it came for the first time; otherwise it had no effect.
        is_news: bool,
        /// Whether the message may be sent, or was: the provider was asked for it and did not
        /// refuse.
        is_wanted: bool,
        /// How far the message is known to have come, if by this callback that is further than
        /// before.
        advanced: Option<Advance>,
        /// What messages of its kind cost, if it is news and says so.
        quoted: Option<QuotedPrice>,
    },
}

/// A message that is known to have come further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    pub channel: Channel,
    pub country: Option<CountryCode>,
    pub to: Arrival,
}

/// A message whose right code was entered for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub channel: Channel,
    pub country: Option<CountryCode>,
    /// From the message to the code.
    pub took: SignedDuration,
}

/// Which figures are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureQuery {
    pub window: FigureWindow,
    /// By what they are told apart; all others are put together.
    pub by: Vec<FigureDimension>,
    /// How many groups, those with the most messages first.
    pub most: u32,
}

/// Figures of a group in one step of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureCell {
    pub group: FigureGroup,
    /// From 0 on, the oldest first.
    pub point: u32,
    pub figures: SendFigures,
}

/// Where it is kept what became of messages.
///
/// Every change of a trace and the figures that it changes are one step; each thing is counted
/// once, in the hour in which its message was begun.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SendTraceStore: Send + Sync {
    /// Begins the trace of a message and counts it as sent. Without effect when there is one of
    /// that reference and provider.
    async fn begin_trace(&self, trace: &NewSendTrace, now: Timestamp) -> Result<(), StoreError>;

    /// Records how a provider took the message. Counts for the first time only, save that what
    /// was [`Settlement::Unknown`] may prove to be [`Settlement::Sent`]. What certainly did not leave
    /// is no longer counted as sent.
    async fn settle_trace(
        &self,
        reference: SendReference,
        provider: &'static str,
        settlement: Settlement,
        provider_id: Option<ProviderId>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records that the right code of a message was entered, so it arrived. `None` when that is
    /// recorded already, or there is no such message. Of any number of concurrent calls one gets
    /// the entry.
    async fn record_entry(
        &self,
        provider: &str,
        provider_id: &ProviderId,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError>;

    /// Records what a provider tells of a message of ours, in any order and any number of times: a
    /// callback that came before, by its fingerprint, has no effect, and [`Arrival`] only grows. A
    /// callback is ours when its reference, or its provider's id where it names no reference, is
    /// that of a message to its number that this provider was asked for, and its provider's id is no
    /// other than that of the settled message.
    ///
    /// What it says that the message costs becomes the cost of the trace and, unless the message
    /// certainly did not leave, of its figures; and the last that the provider said of messages by
    /// that channel to that country, unless it said something later before.
    ///
    /// At most 64 callbacks are kept for each message; later ones have no effect.
    async fn hear_callback(
        &self,
        provider: &str,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Heard, StoreError>;

    /// What became of the last messages to a number, the newest first. Messages of an account are
    /// without number from its deletion on, so they are not found any more.
    async fn list_traces(&self, phone: &PhoneNumber, most: u32) -> Result<Vec<SendTrace>, StoreError>;

    /// Figures of the groups with the most messages, in no order.
    async fn list_figures(&self, query: &FigureQuery) -> Result<Vec<FigureCell>, StoreError>;

    /// The last that each provider said of what messages cost, by channel and country, in no order.
    async fn list_quoted_prices(&self) -> Result<Vec<QuotedPrice>, StoreError>;

    /// What became of the messages that left, or may have left, and were begun within a span: by
    /// provider and country, in no order. Only of people who had proven a password: what strangers
    /// ask for says more of them than of the provider.
    async fn list_conversions(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Conversion>, StoreError>;

    /// Forgets at most so many traces, so many figures and so many quoted prices from before a
    /// time; how many went.
    async fn forget_traces(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
}

/// A step of a message that whoever watches this process counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeteredStep {
    /// It left, or may have left.
    Sent { cost: Money },
    /// It certainly did not leave.
    NotSent(Settlement),
    /// It is known to have come so far.
    Came(Arrival),
    /// Its right code was entered.
    Entered { took: SignedDuration },
}

/// Counts for whoever watches this process. Labels are few and name nobody.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait SendMeter: Send + Sync {
    /// Counts a step of a message.
    fn count_step(&self, labels: &SendLabels, step: MeteredStep);

    /// Counts a callback by what came of it, of a few words.
    fn count_callback(&self, result: &'static str);
}

/// A request that says that it is a provider's callback, as it came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PresentedCallback {
    /// The header `authorization`.
    pub authorization: Option<String>,
    /// The header `x-timestamp`.
    pub timestamp: Option<String>,
    /// The header `content-type`; empty if there is none.
    pub content_type: String,
    /// To the byte.
    pub body: Vec<u8>,
}

/// Bodies hold numbers.
impl fmt::Debug for PresentedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedCallback(…)")
    }
}

/// What a callback is that was proven to be the provider's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenCallback {
    Known(Callback),
    /// It asks whether something may be sent that cannot be ours.
    QuestionOfOthers,
    /// Of a kind that this version has no use for.
    Other,
}

/// Why a callback does not count. Nothing of it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefused {
    /// It is not signed, by another key, or not as it came.
    #[error("the callback is not signed by the provider")]
    Forged,
    /// It is signed, for another time.
    #[error("the callback was signed too long ago, or in the future")]
    OutOfTime,
}

/// Tells whether a callback is the provider's, and reads it only then.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait CallbackVerifier: Send + Sync {
    /// Compares signatures in constant time.
    fn verify(
        &self,
        presented: &PresentedCallback,
        now: Timestamp,
    ) -> Result<ProvenCallback, CallbackRefused>;
}
