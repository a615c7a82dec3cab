//! Proving all factors again within a session.

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, Client, DestinationPolicy, EventName, Locale, Password, Purpose, Quotas,
    SendReference, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccountStore, ChallengeStore, Clock, NewChallenge, NumberRisk, PasswordHasher, SecretGenerator,
    SendLimits, Subject, VerificationProvider,
};

use crate::{
    Fault, Principal,
    deliver::{Delivery, FirstCode, Numbers, Undelivered, may_send},
    own_password::{OwnPassword, Proven, Unproven},
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
    pub number_risk: Arc<dyn NumberRisk>,
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
        let own = OwnPassword { accounts: &*self.accounts, hasher: &*self.hasher, secrets: &*self.secrets };
        let proven =
            own.prove(principal, &request.password, EventName::LoginFail, &request.client, now).await?;
        // The hash took its time: what follows counts from here.
        let now = self.clock.now();
        let challenge = self.challenge(principal, proven, request, now)?;
        let delivery = Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.destinations.channels,
            numbers: Some(Numbers { risk: &*self.number_risk, destinations: &self.destinations }),
        };
        let opened = delivery.open(&challenge, now).await?;
        opened.ok_or(StartStepUpError::InvalidCredentials)
    }

    fn challenge(
        &self,
        principal: &Principal,
        proven: Proven,
        request: StartStepUpRequest,
        now: Timestamp,
    ) -> Result<NewChallenge, StartStepUpError> {
        let phone = principal.user.phone.clone();
        let may_send = may_send(&phone, &self.destinations, principal.user.second_factors)
            .map_err(|_| StartStepUpError::DestinationNotAllowed)?;
        let first = FirstCode::of(&self.destinations.channels, Purpose::StepUp, Some(&phone));
        Ok(NewChallenge {
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: first.channel,
            locale: principal.user.locale.clone().or(request.request_locale),
            country: phone.region(),
            may_send: may_send && first.is_sent,
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
            subject: Subject::StepUp {
                user_id: principal.user.id,
                phone,
                throttle_key: proven.throttle_key,
                password_hash: proven.account.password_hash,
                session_id: principal.session_id,
            },
        })
    }
}

impl From<Unproven> for StartStepUpError {
    fn from(reason: Unproven) -> Self {
        match reason {
            Unproven::Wrong => Self::InvalidCredentials,
            Unproven::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Unproven::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Undelivered> for StartStepUpError {
    fn from(reason: Undelivered) -> Self {
        match reason {
            Undelivered::DestinationRefused => Self::DestinationNotAllowed,
            Undelivered::TooSoon { retry_after }
            | Undelivered::OverQuota { retry_after }
            | Undelivered::NumberHeld { retry_after }
            | Undelivered::Shielded { retry_after } => Self::RateLimited { retry_after },
            Undelivered::Unknown(fault) | Undelivered::Fault(fault) => Self::Fault(fault),
        }
    }
}
