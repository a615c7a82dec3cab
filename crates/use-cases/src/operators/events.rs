//! What happened, as operators read it.

use std::sync::Arc;

use domain::{EventId, SecurityEvent, UserId};
use ports::{AccountDirectory, AccountEvent, EventStore};

use crate::{Fault, ListEvents};

/// Lists what happened to one account, also after its deletion.
pub struct ListAccountEvents {
    pub events: Arc<dyn EventStore>,
}

impl ListAccountEvents {
    /// The newest first; only those older than `before`, if given.
    #[tracing::instrument(name = "list_account_events", skip_all)]
    pub async fn execute(
        &self,
        user_id: UserId,
        before: Option<EventId>,
    ) -> Result<Vec<SecurityEvent>, Fault> {
        Ok(self.events.list_events(user_id, before, ListEvents::MOST).await?)
    }
}

/// Lists what happened to all accounts.
pub struct ListAllEvents {
    pub directory: Arc<dyn AccountDirectory>,
}

impl ListAllEvents {
    /// The newest first; only those older than `before`, if given.
    #[tracing::instrument(name = "list_all_events", skip_all)]
    pub async fn execute(&self, before: Option<EventId>) -> Result<Vec<AccountEvent>, Fault> {
        Ok(self.directory.list_all_events(before, ListEvents::MOST).await?)
    }
}
