//! What other services may know of an access token (RFC 7662).

use std::sync::Arc;

use domain::AccessClaims;
use ports::{AccessTokens, Clock, SessionStore};

use crate::Fault;

/// Tells services that were shown an access token whether it opens anything, and whose
/// it is.
pub struct IntrospectToken {
    pub clock: Arc<dyn Clock>,
    pub tokens: Arc<dyn AccessTokens>,
    pub sessions: Arc<dyn SessionStore>,
    /// Who issues our tokens.
    pub issuer: String,
    /// For whom they are.
    pub audience: String,
}

/// A token that opens something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveToken<'a> {
    pub claims: AccessClaims,
    pub issuer: &'a str,
    pub audience: &'a str,
}

impl IntrospectToken {
    /// What a token says, if we signed it, its time is not over and its session lives:
    /// one round trip, and none for a token that is none of ours.
    #[tracing::instrument(name = "introspect_token", level = "debug", skip_all)]
    pub async fn execute(&self, token: &str) -> Result<Option<ActiveToken<'_>>, Fault> {
        let now = self.clock.now();
        let Ok(claims) = self.tokens.verify(token, now) else { return Ok(None) };
        let session = self.sessions.find_live(claims.session_id, claims.user_id, now).await?;
        let active = session.map(|_| ActiveToken { claims, issuer: &self.issuer, audience: &self.audience });
        Ok(active)
    }
}
