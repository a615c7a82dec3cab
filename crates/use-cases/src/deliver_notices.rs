//! Telling owners what happened to their accounts.

use std::{error::Error, sync::Arc};

use domain::{EventId, RetrySchedule};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, DueNotice, NoticeFault, NoticeSender, NoticeStore, StoreError};

/// Sends the notices that wait in the record of events.
///
/// Takes, sends, settles: a crash between sending and settling sends a notice twice, after its
/// lease; nothing sends it never.
pub struct DeliverNotices {
    pub clock: Arc<dyn Clock>,
    pub notices: Arc<dyn NoticeStore>,
    pub sender: Arc<dyn NoticeSender>,
}

impl DeliverNotices {
    /// Notices under way at one time.
    const AT_ONCE: u32 = 8;
    /// How long a notice belongs to whoever took it: far longer than a send may take.
    const LEASE: SignedDuration = SignedDuration::from_mins(1);
    /// What is older says nothing that still helps; also what a number waits at most where
    /// nothing can be sent.
    pub const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(24);

    /// Sends what is due, at most a handful; whether there may be more.
    #[tracing::instrument(name = "deliver_notices", level = "debug", skip_all)]
    pub async fn execute(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let due = self.notices.claim_notices(Self::AT_ONCE, later(now, Self::LEASE), now).await?;
        let sent = join_all(due.iter().map(|due| self.send(due))).await;
        sent.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(due.len() >= usize::try_from(Self::AT_ONCE).unwrap_or(usize::MAX))
    }

    async fn send(&self, due: &DueNotice) -> Result<(), StoreError> {
        let event_id = due.notice.id.0;
        let fault = match self.sender.send(&due.notice).await {
            Ok(()) => {
                tracing::info!(%event_id, attempt = due.attempt, "sent a notice");
                return self.notices.finish_notice(due).await;
            }
            Err(fault) => fault,
        };
        let pause = match &fault {
            NoticeFault::Unavailable(_) => {
                RetrySchedule::NOTICES.pause_after(due.attempt, jitter(due.notice.id))
            }
            NoticeFault::Refused(_) => None,
        };
        if let Some(pause) = pause {
            self.notices.put_off_notice(due, later(self.clock.now(), pause)).await?;
            tracing::warn!(%event_id, attempt = due.attempt, error = &fault as &dyn Error, "a notice did not go; it is tried again");
            return Ok(());
        }
        self.notices.finish_notice(due).await?;
        tracing::error!(event = "notice_given_up", %event_id, attempt = due.attempt, error = &fault as &dyn Error);
        Ok(())
    }
}

pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Some of the chance that is in the id of an event.
pub(crate) const fn jitter(id: EventId) -> u8 {
    let [.., last] = *id.0.as_bytes();
    last
}
