//! The record of what happened to accounts.

use async_trait::async_trait;
use domain::{Client, EventId, EventName, PhoneNumber, SecurityEvent, UserId};
use jiff::Timestamp;

use crate::StoreError;

/// An event that is recorded together with the act that it tells of, or not at
/// all: an act without effect leaves none. Account, session and time are those of
/// the act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub id: EventId,
    pub name: EventName,
    /// Who caused it.
    pub client: Client,
    /// The number that is to be told of it, in the language that the account has when it
    /// happens. A store keeps both with the event until the notice has gone or is given up,
    /// even when the account is deleted meanwhile, and shows them to nobody.
    pub notify: Option<PhoneNumber>,
}

impl NewEvent {
    /// The event, of which `phone` is told if it is one that owners are told of.
    #[must_use]
    pub fn notifying(self, phone: &PhoneNumber) -> Self {
        Self { notify: self.name.notifies().then(|| phone.clone()), ..self }
    }
}

/// What happened to accounts. Nothing is ever changed in it; what is old is forgotten. The other
/// stores record their own acts in it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventStore: Send + Sync {
    /// The user's events, newest first, at most `most`; only those older than
    /// `before`, if given: one round trip.
    async fn list_events(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<SecurityEvent>, StoreError>;

    /// Records what is no act of a store; `false`, and nothing is recorded, when the account is gone.
    async fn record_event(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Forgets at most `most` events that happened before `until`; returns how many
    /// went.
    async fn forget_events(&self, until: Timestamp, most: u32) -> Result<u64, StoreError>;
}
