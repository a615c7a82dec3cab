//! Another number for an account.

use std::sync::Arc;

use domain::{
    AnswerKind, Challenge, ChallengeId, ChallengePolicy, Client, Code, DestinationPolicy, EventName, Locale,
    PhoneNumber, Purpose, Quotas, SendReference, User, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ChallengeStore, Clock, DecoyCodes, Guess, NewChallenge, PhoneChange, Redeemed, SecretGenerator,
    SendLimits, Subject, VerificationProvider,
};

use crate::{
    Fault, Principal, StepUpRequired, VerifyOtpError,
    codes::Codes,
    deliver::{Delivery, FirstCode, Undelivered},
    event::event,
};

/// Texts a code to the number that a signed-in user would like to have.
pub struct StartPhoneChange {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub destinations: DestinationPolicy,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// The new number, and who asks.
#[derive(Debug)]
pub struct StartPhoneChangeRequest {
    pub phone: PhoneNumber,
    /// The language of the request, for accounts that chose none.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

/// Why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum StartPhoneChangeError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("it is the number of the account already")]
    SameNumber,
    #[error("codes are not sent to this number")]
    DestinationNotAllowed,
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartPhoneChange {
    /// Starts a change of number, or finds the same one alive. Nothing here looks at accounts:
    /// only the holder of the number will learn whether it has one.
    #[tracing::instrument(name = "start_phone_change", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        request: StartPhoneChangeRequest,
    ) -> Result<Challenge, StartPhoneChangeError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        if request.phone == principal.user.phone {
            return Err(StartPhoneChangeError::SameNumber);
        }
        request
            .phone
            .sendable(&self.destinations)
            .map_err(|_| StartPhoneChangeError::DestinationNotAllowed)?;
        let challenge = self.challenge(principal, request, now);
        let delivery = Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.destinations.channels,
            numbers: None,
        };
        let opened = delivery.open(&challenge, now).await?;
        opened.ok_or(StartPhoneChangeError::Gone)
    }

    fn challenge(
        &self,
        principal: &Principal,
        request: StartPhoneChangeRequest,
        now: Timestamp,
    ) -> NewChallenge {
        let first = FirstCode::of(&self.destinations.channels, Purpose::PhoneChange, Some(&request.phone));
        NewChallenge {
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: first.channel,
            locale: principal.user.locale.clone().or(request.request_locale),
            country: request.phone.region(),
            may_send: first.is_sent,
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
            subject: Subject::PhoneChange {
                user_id: principal.user.id,
                phone: request.phone,
                session_id: principal.session_id,
            },
        }
    }
}

impl From<Undelivered> for StartPhoneChangeError {
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

/// Checks the code that the new number got, and sends codes there from now on.
pub struct VerifyPhone {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub decoys: Arc<dyn DecoyCodes>,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

impl VerifyPhone {
    /// Spends an attempt, asks the provider, and changes the number, which ends the user's
    /// other sessions. Only the session that asked for the change may.
    #[tracing::instrument(name = "verify_phone", skip_all, fields(challenge.id = ?challenge_id))]
    pub async fn execute(
        &self,
        principal: &Principal,
        challenge_id: ChallengeId,
        code: &Code,
        client: Client,
    ) -> Result<User, VerifyOtpError> {
        let guess = Guess {
            id: challenge_id,
            purposes: &[Purpose::PhoneChange],
            kind: AnswerKind::SentCode,
            quotas: self.quotas,
            asker: Some((principal.user.id, principal.session_id)),
        };
        let codes = Codes {
            challenges: &*self.challenges,
            provider: &*self.provider,
            decoys: &*self.decoys,
            policy: &self.policy,
        };
        let attempt = codes.prove(&guess, code, self.clock.now()).await?;
        let now = self.clock.now();
        let event_of = |name| event(&*self.secrets, name, client.clone(), now);
        // The old number: whoever took the account over has the new one.
        let event = event_of(EventName::PhoneChange).notifying(&principal.user.phone);
        let disclosure = event_of(EventName::UserExistsDisclosed);
        let change = PhoneChange { kept: principal.session_id, event, disclosure };
        match self.challenges.change_phone(&attempt, &change, now).await.map_err(Fault::from)? {
            Redeemed::Done(user) => {
                tracing::info!(event = "authn_phone_change", user.id = %user.id.0);
                Ok(user)
            }
            // No other factor is asked for here.
            Redeemed::Closed | Redeemed::Refused => Err(VerifyOtpError::Closed),
            Redeemed::AccountExists => {
                tracing::warn!(event = "user_exists_disclosed", "after the right code of a new number");
                Err(VerifyOtpError::AccountExists)
            }
        }
    }
}
