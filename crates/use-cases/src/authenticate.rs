//! Who is behind an access token.

use std::sync::Arc;

use domain::{AuthenticationMethod, SessionId, SessionPolicy, User};
use jiff::Timestamp;
use ports::{AccessTokens, Clock, SessionStore};

use crate::Fault;

/// Turns an access token into the user whose live session it belongs to.
pub struct Authenticate {
    pub clock: Arc<dyn Clock>,
    pub tokens: Arc<dyn AccessTokens>,
    pub sessions: Arc<dyn SessionStore>,
}

/// The user behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user: User,
    pub session_id: SessionId,
    /// When every factor was last proven.
    pub authenticated_at: Timestamp,
    pub methods: Vec<AuthenticationMethod>,
}

/// What is asked for guards the account: all factors have to be proven again first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sign in again, or step up, first")]
pub struct StepUpRequired;

impl Principal {
    /// Refuses whoever proved all factors longer ago than [`SessionPolicy::FRESH_FOR`].
    pub(crate) fn require_fresh(&self, now: Timestamp) -> Result<(), StepUpRequired> {
        let fresh = SessionPolicy::is_fresh(&self.methods, self.authenticated_at, now);
        if fresh { Ok(()) } else { Err(StepUpRequired) }
    }
}

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    #[error("the access token is not valid")]
    InvalidToken,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Authenticate {
    /// Checks the signature first and then, in one round trip, that the
    /// session still lives: an ended session is over at once.
    #[tracing::instrument(name = "authenticate", level = "debug", skip_all)]
    pub async fn execute(&self, token: &str) -> Result<Principal, AuthenticateError> {
        let now = self.clock.now();
        let claims = self.tokens.verify(token, now).map_err(|_| AuthenticateError::InvalidToken)?;
        let session =
            self.sessions.find_live(claims.session_id, claims.user_id, now).await.map_err(Fault::from)?;
        let session = session.ok_or(AuthenticateError::InvalidToken)?;
        Ok(Principal {
            user: session.user,
            session_id: session.id,
            authenticated_at: session.authenticated_at,
            methods: session.methods,
        })
    }
}
