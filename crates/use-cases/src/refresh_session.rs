//! Keeping a session alive.

use std::sync::Arc;

use domain::{Client, EventName, RefreshToken, SessionPolicy};
use ports::{AccessTokens, Clock, Rotation, SecretGenerator, SessionStore};

use crate::{Fault, SignedIn, event::event, open_session::sign};

/// Trades a refresh token for new tokens; the old one is spent.
pub struct RefreshSession {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub sessions: Arc<dyn SessionStore>,
    pub policy: SessionPolicy,
}

/// Why no new tokens were issued.
#[derive(Debug, thiserror::Error)]
pub enum RefreshSessionError {
    #[error("the refresh token is not valid")]
    InvalidToken,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RefreshSession {
    /// Rotates the token. A copied one ends its session.
    #[tracing::instrument(name = "refresh_session", skip_all)]
    pub async fn execute(
        &self,
        presented: RefreshToken,
        client: Client,
    ) -> Result<SignedIn, RefreshSessionError> {
        let now = self.clock.now();
        let successor = self.secrets.refresh_token();
        let reuse = event(&*self.secrets, EventName::TokenReuse, client, now);
        let rotation = self
            .sessions
            .rotate(
                self.secrets.hash_refresh_token(&presented),
                self.secrets.hash_refresh_token(&successor),
                &self.policy,
                &reuse,
                now,
            )
            .await
            .map_err(Fault::from)?;
        match rotation {
            Rotation::Rotated(session) => {
                tracing::info!(event = "session_renewed", user.id = %session.user.id.0, session.id = %session.id.0);
                Ok(sign(session, successor, &*self.tokens, &self.policy, now).map_err(Fault::from)?)
            }
            Rotation::Refused => Err(RefreshSessionError::InvalidToken),
            Rotation::Reused { session_id, user_id } => {
                tracing::warn!(event = "authn_token_reuse", user.id = %user_id.0, session.id = %session_id.0, "a spent refresh token came back; the session has ended");
                Err(RefreshSessionError::InvalidToken)
            }
        }
    }
}
