//! Locking accounts that must not be used.

use std::sync::Arc;

use domain::{Client, EventName, LockReason, UserId};
use ports::{AccountDirectory, Clock, LockChange, SecretGenerator};

use crate::{Fault, event::event};

/// Locks an account.
pub struct LockAccount {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub directory: Arc<dyn AccountDirectory>,
}

/// Why an account was neither locked nor unlocked.
#[derive(Debug, thiserror::Error)]
pub enum LockAccountError {
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LockAccount {
    /// Ends all sessions at once and lets nobody in until the account is unlocked. `false` when it
    /// was locked before: then the first reason stays.
    #[tracing::instrument(name = "lock_account", skip_all)]
    pub async fn execute(&self, user_id: UserId, reason: &LockReason) -> Result<bool, LockAccountError> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::LoginLock, Client::default(), now);
        let change = self.directory.lock_account(user_id, reason, &event, now).await.map_err(Fault::from)?;
        told(change, EventName::LoginLock, user_id)
    }
}

/// Takes the lock of an account away.
pub struct UnlockAccount {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub directory: Arc<dyn AccountDirectory>,
}

impl UnlockAccount {
    /// Lets its owner sign in again. `false` when it was not locked.
    #[tracing::instrument(name = "unlock_account", skip_all)]
    pub async fn execute(&self, user_id: UserId) -> Result<bool, LockAccountError> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::LoginUnlock, Client::default(), now);
        let change = self.directory.unlock_account(user_id, &event, now).await.map_err(Fault::from)?;
        told(change, EventName::LoginUnlock, user_id)
    }
}

fn told(change: LockChange, event: EventName, user_id: UserId) -> Result<bool, LockAccountError> {
    match change {
        LockChange::Done => {
            tracing::warn!(event = event.as_str(), user.id = %user_id.0, "by an operator");
            Ok(true)
        }
        LockChange::AlreadySo => Ok(false),
        LockChange::NotFound => Err(LockAccountError::NotFound),
    }
}
