//! Challenges that anybody may start, having proven nothing.
//!
//! Whether there is an account shows in nothing that the caller can see: a challenge without one
//! is a decoy, stored, counted and closed like any other, and messages are sent in the
//! background, so that neither time nor a fault tells whether there was one to send.

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, ChallengeState, Channel, Client, DestinationPolicy, Locale, Quotas,
    SendReference, UserId, VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccountStore, Background, ChallengeStore, Clock, NewChallenge, NumberRisk, ReservedSend, SecretGenerator,
    SendDecision, SendLimits, Subject, UnseenSend, VerificationProvider,
};

use crate::{
    Fault,
    deliver::{Delivery, FirstCode, Numbers, Undelivered},
};

/// Opens blind challenges, and sends the codes of those that have an account.
pub struct BlindChallenges {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub accounts: Arc<dyn AccountStore>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    /// Asked in the background, before a code is sent.
    pub number_risk: Arc<dyn NumberRisk>,
    pub background: Arc<dyn Background>,
    pub destinations: DestinationPolicy,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// Who starts a challenge.
#[derive(Debug)]
pub(crate) struct Start {
    /// The language of the request, for accounts that chose none.
    pub(crate) request_locale: Option<Locale>,
    pub(crate) client: Client,
}

/// Why no challenge was opened. Equal for all names.
#[derive(Debug, thiserror::Error)]
pub enum BlindChallengeError {
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl BlindChallenges {
    /// Opens the challenge of a subject, or finds it open.
    pub(crate) async fn open(
        self: &Arc<Self>,
        subject: impl Fn(Option<UserId>) -> Subject,
        user_id: Option<UserId>,
        start: Start,
        now: Timestamp,
    ) -> Result<Challenge, BlindChallengeError> {
        let mut challenge = self.challenge(subject(user_id), &start, now);
        let mut opened = self.challenges.open(&challenge, now).await.map_err(Fault::from)?;
        if opened.is_none() {
            // The account went away in this very moment: there is none.
            challenge.subject = subject(None);
            opened = self.challenges.open(&challenge, now).await.map_err(Fault::from)?;
        }
        let opened = opened.ok_or_else(|| Fault::Internal("a decoy was not opened".into()))?;
        let announced = match opened.send {
            SendDecision::Announced => true,
            SendDecision::Reserved(_) | SendDecision::Held => false,
            SendDecision::OverQuota { retry_at } => {
                tracing::warn!(event = "excess_rate_limit_exceeded", limit = "sends");
                let retry_after = retry_at.duration_since(now);
                return Err(BlindChallengeError::RateLimited { retry_after });
            }
        };
        if announced {
            self.send(&opened.challenge, challenge.channel, start.request_locale);
        }
        Ok(self.delivery().show(opened.challenge, announced))
    }

    /// Sends the code that the holder was told of, if there is an account, in the background.
    pub(crate) fn send(
        self: &Arc<Self>,
        challenge: &ChallengeState,
        channel: Channel,
        request_locale: Option<Locale>,
    ) {
        let (this, challenge) = (self.clone(), challenge.clone());
        // For a decoy too, so that the caller waits alike.
        self.background.begin(Box::pin(async move {
            if let Err(reason) = this.deliver(challenge, channel, request_locale).await {
                tracing::warn!(
                    error = &reason as &dyn std::error::Error,
                    "a code that was asked for was not sent"
                );
            }
        }));
    }

    async fn deliver(
        &self,
        challenge: ChallengeState,
        channel: Channel,
        request_locale: Option<Locale>,
    ) -> Result<(), Undelivered> {
        let Some(user_id) = challenge.user_id else { return Ok(()) };
        let found = self.accounts.find_account(user_id).await?;
        // It may have been locked since the challenge was opened.
        let Some(account) = found.filter(|account| account.lock.is_none()) else { return Ok(()) };
        let phone = account.user.phone;
        phone.sendable(&self.destinations).map_err(|_| Undelivered::DestinationRefused)?;
        let now = self.clock.now();
        let send = UnseenSend {
            challenge_id: challenge.id.clone(),
            reference: SendReference(self.secrets.id(now)),
            country: phone.region(),
            // What is offered is the same for everybody, whatever number there is.
            may_send: self.destinations.channels.reaches(&phone, challenge.purpose, channel),
            phone,
            channel,
            locale: account.user.locale.or(request_locale),
            policy: self.policy,
            quotas: self.quotas,
        };
        if !self.challenges.reserve_unseen(&send, now).await? {
            tracing::info!("the number had a message a moment ago, is not reached so, or a quota is used up");
            return Ok(());
        }
        let reserved = ReservedSend {
            reference: send.reference,
            challenge_id: send.challenge_id,
            phone: send.phone,
            channel,
            locale: send.locale,
        };
        self.delivery().deliver(reserved, now, &challenge).await
    }

    fn delivery(&self) -> Delivery<'_> {
        Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.destinations.channels,
            numbers: Some(self.numbers()),
        }
    }

    pub(crate) fn numbers(&self) -> Numbers<'_> {
        Numbers { risk: &*self.number_risk, destinations: &self.destinations }
    }

    fn challenge(&self, subject: Subject, start: &Start, now: Timestamp) -> NewChallenge {
        let first = FirstCode::of(&self.destinations.channels, subject.purpose(), None);
        NewChallenge {
            subject,
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: first.channel,
            locale: start.request_locale.clone(),
            country: None,
            may_send: first.is_sent,
            limits: SendLimits { policy: self.policy, quotas: self.quotas, address: start.client.network() },
        }
    }
}
