//! The record of what happened to accounts.

use async_trait::async_trait;
use domain::{Client, EventId, EventName, SecurityEvent, UserId};
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
}

/// What happened to accounts. Nothing is ever changed in it; what is old is forgotten.
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

    /// Forgets at most `most` events that happened before `until`; returns how many
    /// went.
    async fn forget_events(&self, until: Timestamp, most: u32) -> Result<u64, StoreError>;
}
