//! Events on their way to the product.

use async_trait::async_trait;
use domain::{EndpointName, EventId, EventName, SessionId, UserId};
use jiff::Timestamp;

use crate::StoreError;

/// What the product is told of an event: ids and a time, nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The same at every attempt and for every endpoint, so that a receiver notices repetitions.
    pub id: EventId,
    pub name: EventName,
    pub user_id: UserId,
    pub session_id: Option<SessionId>,
    pub occurred_at: Timestamp,
}

/// An endpoint and what it wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub endpoint: EndpointName,
    pub events: Vec<EventName>,
}

/// A delivery that one caller may make until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    pub endpoint: EndpointName,
    pub event: WebhookEvent,
    /// How many attempts there were, this one included.
    pub attempt: u32,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadDelivery {
    /// As stored: the endpoint may be configured no more.
    pub endpoint: String,
    pub event: WebhookEvent,
    pub attempts: u32,
    /// Why the last attempt failed.
    pub failure: String,
    pub dead_at: Timestamp,
}

/// Which dead deliveries are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// Of this endpoint only.
    pub endpoint: Option<EndpointName>,
    /// Of this event only.
    pub event: Option<EventId>,
}

/// The deliveries of events.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Makes out deliveries for at most `most` events that happened after `since` and for
    /// which this was not done yet; returns how many events those were. Atomic: however many
    /// call at once, and wherever one dies, an event gets exactly one delivery for each
    /// endpoint that wants it. Events whose names this program does not know are left to
    /// one that does.
    async fn fan_out(
        &self,
        subscriptions: &[Subscription],
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Takes at most `most` deliveries of an endpoint that are due, the longest due first, and
    /// counts an attempt at each. Nobody else gets them before `leased_until`; then they are
    /// due again, as after a crash. Atomic: of any number of concurrent callers one gets a
    /// delivery.
    async fn claim_deliveries(
        &self,
        endpoint: &EndpointName,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// Ends a delivery that has arrived. Without effect when somebody else has taken it
    /// meanwhile.
    async fn finish_delivery(&self, due: &DueDelivery) -> Result<(), StoreError>;

    /// Makes a delivery due again at `at`. Without effect when somebody else has taken it
    /// meanwhile.
    async fn put_off_delivery(
        &self,
        due: &DueDelivery,
        failure: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives a delivery up. Without effect when somebody else has taken it meanwhile.
    async fn bury_delivery(&self, due: &DueDelivery, failure: &str, now: Timestamp)
    -> Result<(), StoreError>;

    /// The deliveries that were given up, the latest first. They stay as long as their events.
    async fn list_dead(&self, filter: &DeadFilter, most: u32) -> Result<Vec<DeadDelivery>, StoreError>;

    /// Makes dead deliveries due now, with all their attempts before them; returns how many.
    async fn revive_dead(&self, filter: &DeadFilter, now: Timestamp) -> Result<u64, StoreError>;
}

/// Why a delivery did not arrive. Texts are ours, never the endpoint's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFault {
    /// The endpoint wants nothing more (410).
    #[error("status 410, gone")]
    Gone,
    /// It answered, but not with success.
    #[error("status {0}")]
    Refused(u16),
    /// It said nothing in time.
    #[error("no answer in time")]
    TimedOut,
    /// It was not reached, or the connection broke.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// The settings have no such endpoint.
    #[error("no such endpoint is configured")]
    Unknown,
}

/// Delivers events, signed. Answers within a bounded time, whatever the endpoint does.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Delivers an event once.
    async fn deliver(&self, endpoint: &EndpointName, event: &WebhookEvent) -> Result<(), WebhookFault>;
}
