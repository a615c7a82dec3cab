//! Signing out.

use std::sync::Arc;

use domain::{Client, EventName};
use ports::{AccessTokens, Clock, SecretGenerator, SessionStore};

use crate::{Fault, event::event};

/// Ends the session of an access token, with all its tokens.
pub struct LogOut {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub sessions: Arc<dyn SessionStore>,
}

/// Why no session ended.
#[derive(Debug, thiserror::Error)]
pub enum LogOutError {
    #[error("the access token is not valid")]
    InvalidToken,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LogOut {
    /// Ends the session at once; one round trip.
    #[tracing::instrument(name = "log_out", skip_all)]
    pub async fn execute(&self, token: &str, client: Client) -> Result<(), LogOutError> {
        let now = self.clock.now();
        let claims = self.tokens.verify(token, now).map_err(|_| LogOutError::InvalidToken)?;
        let event = event(&*self.secrets, EventName::TokenRevoked, client, now);
        let ended =
            self.sessions.end(claims.session_id, claims.user_id, &event, now).await.map_err(Fault::from)?;
        if !ended {
            return Err(LogOutError::InvalidToken);
        }
        tracing::info!(event = "authn_token_revoked", user.id = %claims.user_id.0, session.id = %claims.session_id.0);
        Ok(())
    }
}
