//! Proving all factors again within a session.

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, Channel, Client, DestinationPolicy, EventName, Locale, Password, Quotas,
    SendReference, SignInName, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccountStore, Candidate, ChallengeStore, Clock, NewChallenge, PasswordFailure, PasswordHasher,
    SecretGenerator, SendLimits, SignIn, Subject, VerificationProvider,
};

use crate::{
    Fault, Principal,
    deliver::{Undelivered, open},
    event::event,
};

/// Checks the password of a signed-in user and texts a code to the account's number.
/// The right code gives the session's place to a new one.
pub struct StartStepUp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub accounts: Arc<dyn AccountStore>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub destinations: DestinationPolicy,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// The password, and who presents it.
#[derive(Debug)]
pub struct StartStepUpRequest {
    pub password: Password,
    /// The language of the request, for accounts that chose none.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

/// Why no challenge was started.
#[derive(Debug, thiserror::Error)]
pub enum StartStepUpError {
    #[error("the password is wrong")]
    InvalidCredentials,
    /// Too many wrong passwords or messages.
    #[error("too many attempts")]
    RateLimited { retry_after: SignedDuration },
    #[error("codes are not sent to this number")]
    DestinationNotAllowed,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartStepUp {
    /// Starts a step-up, or finds the same one alive.
    #[tracing::instrument(name = "start_step_up", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        request: StartStepUpRequest,
    ) -> Result<Challenge, StartStepUpError> {
        let now = self.clock.now();
        let name = SignInName::Email(principal.user.email.clone());
        let sign_in = self.accounts.find_sign_in(&name, now).await.map_err(Fault::from)?;
        if let Some(retry_at) = sign_in.failures.retry_at(now) {
            tracing::warn!(event = "authn_login_lock", "too many wrong passwords for one name");
            return Err(StartStepUpError::RateLimited { retry_after: retry_at.duration_since(now) });
        }
        self.check_password(principal, &sign_in, &request, now).await?;
        // The hash took its time: what follows counts from here.
        let now = self.clock.now();
        let challenge = self.challenge(principal, sign_in, request, now)?;
        Ok(open(&*self.provider, &*self.challenges, &challenge, now).await?)
    }

    async fn check_password(
        &self,
        principal: &Principal,
        sign_in: &SignIn,
        request: &StartStepUpRequest,
        now: Timestamp,
    ) -> Result<(), StartStepUpError> {
        let account = sign_in.account.as_ref().filter(|account| account.user.id == principal.user.id);
        let candidates: Vec<Candidate> = account
            .map(|account| Candidate {
                owner: account.user.email.clone(),
                hash: account.password_hash.clone(),
            })
            .into_iter()
            .collect();
        let found = self.hasher.find_match(&request.password, &candidates, 1).await.map_err(Fault::from)?;
        if found.is_some() {
            return Ok(());
        }
        let event = event(&*self.secrets, EventName::LoginFail, request.client.clone(), now);
        let failure =
            PasswordFailure { key: sign_in.throttle_key.clone(), owner: Some((principal.user.id, event)) };
        self.accounts.record_password_failure(&failure, now).await.map_err(Fault::from)?;
        tracing::info!(event = "authn_login_fail", user.id = %principal.user.id.0, "wrong password at a step-up");
        Err(StartStepUpError::InvalidCredentials)
    }

    fn challenge(
        &self,
        principal: &Principal,
        sign_in: SignIn,
        request: StartStepUpRequest,
        now: Timestamp,
    ) -> Result<NewChallenge, StartStepUpError> {
        let phone = principal.user.phone.clone();
        phone.sendable(&self.destinations).map_err(|_| StartStepUpError::DestinationNotAllowed)?;
        Ok(NewChallenge {
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: Channel::Sms,
            locale: principal.user.locale.clone().or(request.request_locale),
            country: phone.region(),
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
            subject: Subject::StepUp {
                user_id: principal.user.id,
                phone,
                throttle_key: sign_in.throttle_key,
                session_id: principal.session_id,
            },
        })
    }
}

impl From<Undelivered> for StartStepUpError {
    fn from(reason: Undelivered) -> Self {
        match reason {
            Undelivered::DestinationRefused => Self::DestinationNotAllowed,
            Undelivered::TooSoon { retry_after } | Undelivered::OverQuota { retry_after } => {
                Self::RateLimited { retry_after }
            }
            Undelivered::Fault(fault) => Self::Fault(fault),
        }
    }
}
