//! A user's own sessions: seeing and ending them.

use std::sync::Arc;

use domain::{Client, EventName, SessionEntry, SessionId};
use ports::{Clock, SecretGenerator, SessionStore};

use crate::{Fault, Principal, event::event};

/// Lists the live sessions of a user.
pub struct ListSessions {
    pub clock: Arc<dyn Clock>,
    pub sessions: Arc<dyn SessionStore>,
}

impl ListSessions {
    /// The most recently used first; one round trip.
    #[tracing::instrument(name = "list_sessions", skip_all)]
    pub async fn execute(&self, principal: &Principal) -> Result<Vec<SessionEntry>, Fault> {
        Ok(self.sessions.list_sessions(principal.user.id, self.clock.now()).await?)
    }
}

/// Ends one session of a user.
pub struct EndSession {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub sessions: Arc<dyn SessionStore>,
}

/// Why no session ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// Unknown, over, or somebody else's: one answer.
    #[error("there is no such session")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl EndSession {
    /// Ends it at once, with its tokens; it may be the caller's own.
    #[tracing::instrument(name = "end_session", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        id: SessionId,
        client: Client,
    ) -> Result<(), EndSessionError> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::TokenRevoked, client, now);
        let ended = self.sessions.end(id, principal.user.id, &event, now).await.map_err(Fault::from)?;
        if !ended {
            return Err(EndSessionError::NotFound);
        }
        tracing::info!(event = "authn_token_revoked", user.id = %principal.user.id.0, session.id = %id.0);
        Ok(())
    }
}

/// Ends all sessions of a user but the one that asks.
pub struct EndOtherSessions {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub sessions: Arc<dyn SessionStore>,
}

impl EndOtherSessions {
    /// Ends them at once, with their tokens.
    #[tracing::instrument(name = "end_other_sessions", skip_all)]
    pub async fn execute(&self, principal: &Principal, client: Client) -> Result<(), Fault> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::TokenRevoked, client, now);
        let user_id = principal.user.id;
        let ended = self.sessions.end_others(principal.session_id, user_id, &event, now).await?;
        tracing::info!(event = "authn_token_revoked", user.id = %user_id.0, sessions = ended);
        Ok(())
    }
}
