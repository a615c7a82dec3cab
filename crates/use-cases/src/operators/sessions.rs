//! Signing somebody out everywhere.

use std::sync::Arc;

use domain::{Client, EventName, UserId};
use ports::{AccountDirectory, Clock, SecretGenerator};

use crate::{Fault, event::event};

/// Ends all sessions of an account on behalf of an operator.
pub struct EndAllSessions {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub directory: Arc<dyn AccountDirectory>,
}

/// Why no session ended.
#[derive(Debug, thiserror::Error)]
pub enum EndAllSessionsError {
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl EndAllSessions {
    /// Ends them at once, with their tokens; how many there were.
    #[tracing::instrument(name = "end_all_sessions", skip_all)]
    pub async fn execute(&self, user_id: UserId) -> Result<u64, EndAllSessionsError> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::TokenRevoked, Client::default(), now);
        let ended = self.directory.end_all_sessions(user_id, &event, now).await.map_err(Fault::from)?;
        let ended = ended.ok_or(EndAllSessionsError::NotFound)?;
        tracing::info!(event = "authn_token_revoked", user.id = %user_id.0, sessions = ended, "by an operator");
        Ok(ended)
    }
}
