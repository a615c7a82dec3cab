//! Authenticator apps: whether a code is one that the app shows.

use domain::{Code, TotpSecret, TotpStep, UserId};
use jiff::Timestamp;
use ports::{FactorStore, SealContext, SealedValue, Sealer, TotpCodes};
use secrecy::ExposeSecret;

use crate::Fault;

/// What it takes to judge a code of an app.
pub(crate) struct App<'a> {
    pub(crate) factors: &'a dyn FactorStore,
    pub(crate) sealer: &'a dyn Sealer,
    pub(crate) codes: &'a dyn TotpCodes,
}

impl App<'_> {
    /// The step of a code that the user's app shows and that was not used before. Whoever
    /// takes it must ask the store, which decides between those who find the same.
    pub(crate) async fn find_step(
        &self,
        user_id: UserId,
        code: &Code,
        now: Timestamp,
    ) -> Result<Option<TotpStep>, Fault> {
        let Some(app) = self.factors.find_totp(user_id).await? else { return Ok(None) };
        let Some(confirmed) = app.confirmed else { return Ok(None) };
        let (secret, is_outdated) = self.open(user_id, &app.secret)?;
        let step = self.step_of(&secret, code, Some(confirmed.last_step), now);
        if step.is_some() && is_outdated {
            self.reseal(user_id, &app.secret, &secret).await;
        }
        Ok(step)
    }

    /// The accepted step in which the app shows this code.
    pub(crate) fn step_of(
        &self,
        secret: &TotpSecret,
        code: &Code,
        last_used: Option<TotpStep>,
        now: Timestamp,
    ) -> Option<TotpStep> {
        TotpStep::accepted(now, last_used).find(|step| self.codes.is_code_of(secret, *step, code))
    }

    /// The secret, and whether it should be sealed anew.
    pub(crate) fn open(&self, user_id: UserId, sealed: &SealedValue) -> Result<(TotpSecret, bool), Fault> {
        let opened = self.sealer.open(sealed, &SealContext::TotpSecret(user_id))?;
        let secret = TotpSecret::from_stored(opened.plaintext.expose_secret());
        let secret = secret.ok_or_else(|| Fault::Internal("a sealed secret has another length".into()))?;
        Ok((secret, opened.outdated))
    }

    /// The code is right either way: what fails here is tried again with the next one.
    async fn reseal(&self, user_id: UserId, old: &SealedValue, secret: &TotpSecret) {
        let new = self.sealer.seal(secret.expose(), &SealContext::TotpSecret(user_id));
        if let Err(error) = self.factors.reseal_totp(user_id, old, &new).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a secret was not sealed anew");
        }
    }
}
