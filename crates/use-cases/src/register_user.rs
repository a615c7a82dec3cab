//! Registration.

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, Client, DestinationNotAllowed, DestinationPolicy, Email, Locale, NewPassword,
    PhoneNumber, Purpose, Quotas, SendReference, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ChallengeStore, Clock, NewChallenge, PasswordHasher, PendingRegistration, SecretGenerator, SendLimits,
    Subject, VerificationProvider,
};

use crate::{
    Fault,
    deliver::{Delivery, FirstCode, Undelivered},
};

/// Starts an account: stores the registration and texts a code to its number.
///
/// Nothing here looks at accounts, so nothing can tell whether the e-mail or
/// the number has one: only the holder of the phone learns it, after the right
/// code.
pub struct RegisterUser {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub destinations: DestinationPolicy,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// What somebody registers with.
#[derive(Debug)]
pub struct RegisterUserRequest {
    pub email: Email,
    pub password: NewPassword,
    pub phone: PhoneNumber,
    /// The language chosen for the account.
    pub locale: Option<Locale>,
    /// The language of the request, for when none was chosen.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

/// Why no registration was started.
#[derive(Debug, thiserror::Error)]
pub enum RegisterUserError {
    /// A valid number that we, or the provider, will not send to.
    #[error("codes are not sent to this number")]
    DestinationNotAllowed(Option<DestinationNotAllowed>),
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RegisterUser {
    /// Registers, or finds the same registration alive.
    #[tracing::instrument(name = "register_user", skip_all)]
    pub async fn execute(&self, request: RegisterUserRequest) -> Result<Challenge, RegisterUserError> {
        request
            .phone
            .sendable(&self.destinations)
            .map_err(|reason| RegisterUserError::DestinationNotAllowed(Some(reason)))?;
        let password_hash =
            self.hasher.hash(request.password.as_password(), &request.email).await.map_err(Fault::from)?;
        let now = self.clock.now();
        let challenge = self.challenge(request, password_hash, now);
        let delivery = Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.destinations.channels,
            numbers: None,
        };
        let opened = delivery.open(&challenge, now).await?;
        // A registration belongs to no account that could be gone.
        opened.ok_or_else(|| Fault::Internal("a registration was not opened".into()).into())
    }

    fn challenge(
        &self,
        request: RegisterUserRequest,
        password_hash: domain::PasswordHash,
        now: Timestamp,
    ) -> NewChallenge {
        let first = FirstCode::of(&self.destinations.channels, Purpose::Registration, Some(&request.phone));
        NewChallenge {
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: first.channel,
            locale: request.locale.clone().or(request.request_locale),
            country: request.phone.region(),
            may_send: first.is_sent,
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
            subject: Subject::Registration(PendingRegistration {
                email: request.email,
                phone: request.phone,
                password_hash,
                locale: request.locale,
            }),
        }
    }
}

impl From<Undelivered> for RegisterUserError {
    fn from(reason: Undelivered) -> Self {
        match reason {
            Undelivered::DestinationRefused => Self::DestinationNotAllowed(None),
            Undelivered::TooSoon { retry_after }
            | Undelivered::OverQuota { retry_after }
            | Undelivered::NumberHeld { retry_after }
            | Undelivered::Shielded { retry_after } => Self::RateLimited { retry_after },
            Undelivered::Unknown(fault) | Undelivered::Fault(fault) => Self::Fault(fault),
        }
    }
}
