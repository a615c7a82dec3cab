//! Another password for an account.

use std::sync::Arc;

use domain::{Client, EventName, NewPassword, Password, SignInName};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Account, AccountStore, Candidate, Clock, PasswordChange, PasswordFailure, PasswordHasher,
    SecretGenerator, SignIn,
};

use crate::{Fault, Principal, StepUpRequired, event::event};

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
        let name = SignInName::Email(principal.user.email.clone());
        let sign_in = self.accounts.find_sign_in(&name, now).await.map_err(Fault::from)?;
        if let Some(retry_at) = sign_in.failures.retry_at(now) {
            tracing::warn!(event = "authn_login_lock", "too many wrong passwords for one name");
            return Err(ChangePasswordError::RateLimited { retry_after: retry_at.duration_since(now) });
        }
        let account = self.proven(principal, &sign_in, &request, now).await?;
        let new =
            self.hasher.hash(request.new.as_password(), &account.user.email).await.map_err(Fault::from)?;
        // The hashes took their time: the change counts, and is told of, from here.
        let now = self.clock.now();
        let change = PasswordChange {
            user_id: account.user.id,
            old: account.password_hash.clone(),
            new,
            kept: principal.session_id,
            event: event(&*self.secrets, EventName::PasswordChange, request.client, now),
        };
        let changed = self.accounts.change_password(&change, now).await.map_err(Fault::from)?;
        if !changed {
            return Err(ChangePasswordError::InvalidCredentials);
        }
        tracing::info!(event = "authn_password_change", user.id = %account.user.id.0);
        Ok(())
    }

    /// The account, if the current password is its own.
    async fn proven<'a>(
        &self,
        principal: &Principal,
        sign_in: &'a SignIn,
        request: &ChangePasswordRequest,
        now: Timestamp,
    ) -> Result<&'a Account, ChangePasswordError> {
        let account = sign_in.account.as_ref().filter(|account| account.user.id == principal.user.id);
        let account = account.ok_or(ChangePasswordError::InvalidCredentials)?;
        let candidate = Candidate { owner: account.user.email.clone(), hash: account.password_hash.clone() };
        let found = self.hasher.find_match(&request.current, &[candidate], 1).await.map_err(Fault::from)?;
        if found.is_some() {
            return Ok(account);
        }
        let event = event(&*self.secrets, EventName::PasswordChangeFail, request.client.clone(), now);
        let failure =
            PasswordFailure { key: sign_in.throttle_key.clone(), owner: Some((account.user.id, event)) };
        self.accounts.record_password_failure(&failure, now).await.map_err(Fault::from)?;
        tracing::info!(event = "authn_password_change_fail", user.id = %account.user.id.0);
        Err(ChangePasswordError::InvalidCredentials)
    }
}
