//! Notices to the owners of accounts.

use async_trait::async_trait;
use domain::{EventId, Locale, NoticeKind, PhoneNumber};
use jiff::Timestamp;

use crate::StoreError;

/// What somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The event that it tells of: the same at every attempt.
    pub id: EventId,
    pub kind: NoticeKind,
    pub phone: PhoneNumber,
    pub locale: Option<Locale>,
    pub occurred_at: Timestamp,
}

/// A notice that one caller may send until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    pub notice: Notice,
    /// How many attempts there were, this one included.
    pub attempt: u32,
}

/// The notices that wait in the record of events.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// Takes at most `most` notices that are due, the longest due first, and counts an
    /// attempt at each. Nobody else gets them before `leased_until`; then they are due again,
    /// as after a crash. Atomic: of any number of concurrent callers one gets a notice.
    async fn claim_notices(
        &self,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueNotice>, StoreError>;

    /// Ends a notice that has gone or is given up, and erases its number. Without effect when
    /// somebody else has taken it meanwhile.
    async fn finish_notice(&self, due: &DueNotice) -> Result<(), StoreError>;

    /// Makes a notice due again at `at`. Without effect when somebody else has taken it
    /// meanwhile.
    async fn put_off_notice(&self, due: &DueNotice, at: Timestamp) -> Result<(), StoreError>;

    /// Erases the numbers of at most `most` notices of what happened before `until`, sent or
    /// not; returns how many there were.
    async fn forget_notices(&self, until: Timestamp, most: u32) -> Result<u64, StoreError>;
}

/// Why a notice did not clearly go. Texts never hold numbers or anything that a provider wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeFault {
    /// It cannot be sent, now or later.
    #[error("the notice is refused: {0}")]
    Refused(String),
    /// It may be sent later; whether it went is not known.
    #[error("the notice did not clearly go: {0}")]
    Unavailable(String),
}

/// Tells people things. Answers within a bounded time, whatever the provider does.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait NoticeSender: Send + Sync {
    /// Sends a notice once. Who calls again for the same notice may send it twice.
    async fn send(&self, notice: &Notice) -> Result<(), NoticeFault>;
}
