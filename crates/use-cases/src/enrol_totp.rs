//! Enrolling an authenticator app.

use std::sync::Arc;

use domain::{Client, Code, EventName, RecoveryCode, TotpSecret};
use ports::{
    Clock, FactorStore, SealContext, Sealer, SecretGenerator, TotpBegin, TotpCodes, TotpConfirmation,
};

use crate::{Fault, Principal, StepUpRequired, app::App, event::event, recovery_codes::new_set};

/// Begins to enrol an app: makes its secret.
pub struct BeginTotp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub sealer: Arc<dyn Sealer>,
    pub factors: Arc<dyn FactorStore>,
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum BeginTotpError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("an app is enrolled already")]
    Enrolled,
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl BeginTotp {
    /// The secret for the app, which proves nothing until it is confirmed. One that was begun
    /// before and not confirmed is over.
    #[tracing::instrument(name = "begin_totp", skip_all)]
    pub async fn execute(&self, principal: &Principal) -> Result<TotpSecret, BeginTotpError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user_id = principal.user.id;
        let secret = self.secrets.totp_secret();
        let sealed = self.sealer.seal(secret.expose(), &SealContext::TotpSecret(user_id));
        match self.factors.begin_totp(user_id, &sealed, now).await.map_err(Fault::from)? {
            TotpBegin::Begun => Ok(secret),
            TotpBegin::Enrolled => Err(BeginTotpError::Enrolled),
            TotpBegin::Gone => Err(BeginTotpError::Gone),
        }
    }
}

/// Enrols the app that shows the right code.
pub struct ConfirmTotp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub sealer: Arc<dyn Sealer>,
    pub totp_codes: Arc<dyn TotpCodes>,
    pub factors: Arc<dyn FactorStore>,
}

/// Why no app was enrolled.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmTotpError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("the code is wrong")]
    InvalidCode,
    #[error("an app is enrolled already")]
    Enrolled,
    /// Nothing waits to be confirmed.
    #[error("no enrolment was begun")]
    NotBegun,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ConfirmTotp {
    /// Enrols the app, uses the code, and gives recovery codes, which are never shown again.
    ///
    /// Codes may be tried at will: whoever tries was given the secret.
    #[tracing::instrument(name = "confirm_totp", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        code: &Code,
        client: Client,
    ) -> Result<Vec<RecoveryCode>, ConfirmTotpError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user_id = principal.user.id;
        let begun = self.factors.find_totp(user_id).await.map_err(Fault::from)?;
        let begun = begun.ok_or(ConfirmTotpError::NotBegun)?;
        if begun.confirmed.is_some() {
            return Err(ConfirmTotpError::Enrolled);
        }
        let app = App { factors: &*self.factors, sealer: &*self.sealer, codes: &*self.totp_codes };
        let (secret, _) = app.open(user_id, &begun.secret)?;
        let step = app.step_of(&secret, code, None, now).ok_or(ConfirmTotpError::InvalidCode)?;
        let (codes, recovery_codes) = new_set(&*self.secrets);
        let confirmation = TotpConfirmation {
            user_id,
            secret: begun.secret,
            step,
            recovery_codes,
            event: event(&*self.secrets, EventName::FactorEnrolled, client, now)
                .notifying(&principal.user.phone),
        };
        if !self.factors.confirm_totp(&confirmation, now).await.map_err(Fault::from)? {
            return Err(self.overtaken(principal).await?);
        }
        tracing::info!(event = EventName::FactorEnrolled.as_str(), user.id = %user_id.0);
        Ok(codes)
    }

    /// Somebody else was faster: with this app, whose recovery codes they got, or with another
    /// beginning, for which the code is wrong.
    async fn overtaken(&self, principal: &Principal) -> Result<ConfirmTotpError, Fault> {
        let app = self.factors.find_totp(principal.user.id).await?;
        let is_enrolled = app.is_some_and(|app| app.confirmed.is_some());
        Ok(if is_enrolled { ConfirmTotpError::Enrolled } else { ConfirmTotpError::InvalidCode })
    }
}
