//! Deleting accounts for their owners.

use std::sync::Arc;

use domain::{Client, EventName, UserId};
use ports::{AccountStore, Clock, SecretGenerator};

use crate::{Fault, event::event};

/// Deletes an account on behalf of an operator.
pub struct RemoveAccount {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub accounts: Arc<dyn AccountStore>,
}

/// Why no account was deleted.
#[derive(Debug, thiserror::Error)]
pub enum RemoveAccountError {
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RemoveAccount {
    /// Deletes it with everything that hangs on it, for good. Its owner is told.
    #[tracing::instrument(name = "remove_account", skip_all)]
    pub async fn execute(&self, user_id: UserId) -> Result<(), RemoveAccountError> {
        let now = self.clock.now();
        let account = self.accounts.find_account(user_id).await.map_err(Fault::from)?;
        let account = account.ok_or(RemoveAccountError::NotFound)?;
        let event = event(&*self.secrets, EventName::UserDeleted, Client::default(), now);
        let event = event.notifying(&account.user.phone);
        if !self.accounts.delete_account(user_id, &event, now).await.map_err(Fault::from)? {
            return Err(RemoveAccountError::NotFound);
        }
        tracing::warn!(event = "user_deleted", user.id = %user_id.0, "by an operator");
        Ok(())
    }
}
