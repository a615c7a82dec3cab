//! Another password for an account.

use std::sync::Arc;

use domain::{Client, EventName, NewPassword, Password};
use jiff::SignedDuration;
use ports::{AccountStore, Clock, PasswordChange, PasswordHasher, SecretGenerator};

use crate::{
    Fault, Principal, StepUpRequired,
    event::event,
    own_password::{OwnPassword, Proven, Unproven},
};

/// Replaces the password of a signed-in user.
pub struct ChangePassword {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub accounts: Arc<dyn AccountStore>,
}

/// The password that is, and the one that shall be.
#[derive(Debug)]
pub struct ChangePasswordRequest {
    pub current: Password,
    pub new: NewPassword,
    pub client: Client,
}

/// Why the password stays.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    #[error("the current password is wrong")]
    InvalidCredentials,
    #[error("too many wrong passwords")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ChangePassword {
    /// Compares the current password, hashes the new one and ends all other sessions.
    ///
    /// Of two changes at once one succeeds; to the other the current password is wrong.
    #[tracing::instrument(name = "change_password", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        request: ChangePasswordRequest,
    ) -> Result<(), ChangePasswordError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let own = OwnPassword { accounts: &*self.accounts, hasher: &*self.hasher, secrets: &*self.secrets };
        let wrong = EventName::PasswordChangeFail;
        let Proven { account, .. } =
            own.prove(principal, &request.current, wrong, &request.client, now).await?;
        let new =
            self.hasher.hash(request.new.as_password(), &account.user.email).await.map_err(Fault::from)?;
        // The hashes took their time: the change counts, and is told of, from here.
        let now = self.clock.now();
        let change = PasswordChange {
            user_id: account.user.id,
            old: account.password_hash,
            new,
            kept: principal.session_id,
            event: event(&*self.secrets, EventName::PasswordChange, request.client, now)
                .notifying(&account.user.phone),
        };
        let changed = self.accounts.change_password(&change, now).await.map_err(Fault::from)?;
        if !changed {
            return Err(ChangePasswordError::InvalidCredentials);
        }
        tracing::info!(event = "authn_password_change", user.id = %account.user.id.0);
        Ok(())
    }
}

impl From<Unproven> for ChangePasswordError {
    fn from(reason: Unproven) -> Self {
        match reason {
            Unproven::Wrong => Self::InvalidCredentials,
            Unproven::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Unproven::Fault(fault) => Self::Fault(fault),
        }
    }
}
