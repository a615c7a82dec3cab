//! A user's own passkeys: seeing and removing them.

use std::sync::Arc;

use domain::{Client, EventName, Passkey, PasskeyId};
use ports::{Clock, PasskeyRemoval, PasskeyStore, SecretGenerator};

use crate::{Fault, Principal, StepUpRequired, event::event};

/// Lists the passkeys of a user.
pub struct ListPasskeys {
    pub passkeys: Arc<dyn PasskeyStore>,
}

impl ListPasskeys {
    /// The oldest first; one round trip.
    #[tracing::instrument(name = "list_passkeys", skip_all)]
    pub async fn execute(&self, principal: &Principal) -> Result<Vec<Passkey>, Fault> {
        Ok(self.passkeys.list_passkeys(principal.user.id).await?)
    }
}

/// Removes a passkey of a user.
pub struct RemovePasskey {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub passkeys: Arc<dyn PasskeyStore>,
}

/// Why no passkey was removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovePasskeyError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// Unknown, gone, or somebody else's: one answer.
    #[error("there is no such passkey")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RemovePasskey {
    /// Removes it at once. All other sessions end: somebody may have opened one with it.
    #[tracing::instrument(name = "remove_passkey", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        id: PasskeyId,
        client: Client,
    ) -> Result<(), RemovePasskeyError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user_id = principal.user.id;
        let event = event(&*self.secrets, EventName::PasskeyRemoved, client, now);
        let event = event.notifying(&principal.user.phone);
        let removal = PasskeyRemoval { id, user_id, kept: principal.session_id, event };
        if !self.passkeys.remove_passkey(&removal, now).await.map_err(Fault::from)? {
            return Err(RemovePasskeyError::NotFound);
        }
        tracing::info!(event = "authn_passkey_removed", user.id = %user_id.0, passkey.id = %id.0);
        Ok(())
    }
}
