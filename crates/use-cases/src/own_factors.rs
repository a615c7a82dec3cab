//! What a user does with factors that are enrolled.

use std::sync::Arc;

use domain::{Client, EventName, RecoveryCode};
use ports::{Clock, FactorStore, RecoveryCodeSet, SecretGenerator};

use crate::{Fault, Principal, StepUpRequired, event::event, recovery_codes::new_set};

/// Removes the authenticator app of an account.
pub struct RemoveTotp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub factors: Arc<dyn FactorStore>,
}

/// Why no app was removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveTotpError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("there is no app")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RemoveTotp {
    /// Removes it with all recovery codes, and ends all other sessions. An enrolment that was
    /// begun and not confirmed is given up.
    #[tracing::instrument(name = "remove_totp", skip_all)]
    pub async fn execute(&self, principal: &Principal, client: Client) -> Result<(), RemoveTotpError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let event =
            event(&*self.secrets, EventName::FactorRemoved, client, now).notifying(&principal.user.phone);
        let (user_id, kept) = (principal.user.id, principal.session_id);
        if !self.factors.remove_totp(user_id, kept, &event, now).await.map_err(Fault::from)? {
            return Err(RemoveTotpError::NotFound);
        }
        tracing::info!(event = EventName::FactorRemoved.as_str(), user.id = %user_id.0);
        Ok(())
    }
}

/// Gives a user a new set of recovery codes.
pub struct RenewRecoveryCodes {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub factors: Arc<dyn FactorStore>,
}

/// Why there are no new codes.
#[derive(Debug, thiserror::Error)]
pub enum RenewRecoveryCodesError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RenewRecoveryCodes {
    /// New codes, which are never shown again; those before open nothing more.
    #[tracing::instrument(name = "renew_recovery_codes", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        client: Client,
    ) -> Result<Vec<RecoveryCode>, RenewRecoveryCodesError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user_id = principal.user.id;
        let (codes, recovery_codes) = new_set(&*self.secrets);
        let event = event(&*self.secrets, EventName::RecoveryCodesCreated, client, now)
            .notifying(&principal.user.phone);
        let set = RecoveryCodeSet { user_id, recovery_codes, event };
        if !self.factors.replace_recovery_codes(&set, now).await.map_err(Fault::from)? {
            return Err(RenewRecoveryCodesError::Gone);
        }
        tracing::info!(event = EventName::RecoveryCodesCreated.as_str(), user.id = %user_id.0);
        Ok(codes)
    }
}
