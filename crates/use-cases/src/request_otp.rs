//! A further message for a challenge.

use std::sync::Arc;

use domain::{
    Challenge, ChallengeId, ChallengePolicy, Channel, ChannelPolicy, Client, Method, Quotas, SendReference,
};
use jiff::SignedDuration;
use ports::{ChallengeStore, Clock, Resend, SecretGenerator, SendDecision, SendLimits, VerificationProvider};

use crate::{
    BlindChallenges, Fault,
    deliver::{Delivery, Undelivered},
};

/// Sends a further message for a live challenge, on the same or another channel.
pub struct RequestOtp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub blind: Arc<BlindChallenges>,
    pub channels: ChannelPolicy,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// Which challenge, and how the code shall travel.
#[derive(Debug)]
pub struct RequestOtpRequest {
    pub challenge_id: ChallengeId,
    pub channel: Channel,
    pub client: Client,
}

/// Why no further message was sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestOtpError {
    #[error("the channel is not available")]
    ChannelNotAvailable,
    /// Unknown, expired, used or exhausted: one answer.
    #[error("the challenge is closed")]
    Closed,
    #[error("a message was sent a moment ago")]
    TooSoon { retry_after: SignedDuration },
    /// This challenge has had all its messages.
    #[error("no further message for this challenge")]
    SendLimitReached,
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error("codes are not sent to this number")]
    DestinationNotAllowed,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RequestOtp {
    /// Sends, unless cooldown, limits or the challenge itself forbid it.
    #[tracing::instrument(name = "request_otp", skip_all, fields(challenge.id = ?request.challenge_id))]
    pub async fn execute(&self, request: RequestOtpRequest) -> Result<Challenge, RequestOtpError> {
        if !self.channels.has(request.channel) {
            return Err(RequestOtpError::ChannelNotAvailable);
        }
        let now = self.clock.now();
        let resend = Resend {
            id: request.challenge_id,
            reference: SendReference(self.secrets.id(now)),
            channel: request.channel,
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
        };
        let opened = self.challenges.reserve_resend(&resend, now).await.map_err(Fault::from)?;
        let opened = opened.ok_or(RequestOtpError::Closed)?;
        let methods = opened.challenge.second_factors.methods(opened.challenge.purpose);
        if !methods.contains(&Method::Sms) {
            return Err(RequestOtpError::ChannelNotAvailable);
        }
        let offered = self.channels.offered(opened.challenge.purpose, opened.challenge.phone.as_ref());
        if !offered.contains(&request.channel) {
            // Only the stored challenge tells whom the channel would have to reach.
            if matches!(opened.send, SendDecision::Reserved(_) | SendDecision::Announced) {
                self.challenges.settle_not_sent(resend.reference).await.map_err(Fault::from)?;
            }
            return Err(RequestOtpError::ChannelNotAvailable);
        }
        let delivery = Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.channels,
            numbers: Some(self.blind.numbers()),
        };
        match opened.send {
            SendDecision::Reserved(send) => {
                let challenge = opened.challenge;
                delivery.deliver(send, now, &challenge).await?;
                Ok(delivery.show(challenge, true))
            }
            SendDecision::Announced => {
                // The language of the account, or else of whoever started it.
                let locale = opened.challenge.locale.clone();
                self.blind.send(&opened.challenge, request.channel, locale);
                Ok(delivery.show(opened.challenge, true))
            }
            SendDecision::Held if opened.challenge.sends >= self.policy.max_sends => {
                Err(RequestOtpError::SendLimitReached)
            }
            SendDecision::Held => {
                let last = opened.challenge.number_last_sent_at.unwrap_or(now);
                let retry_after = self.policy.resend_cooldown.saturating_sub(now.duration_since(last));
                Err(RequestOtpError::TooSoon { retry_after })
            }
            SendDecision::OverQuota { retry_at } => Err(Undelivered::over_quota(retry_at, now).into()),
        }
    }
}

impl From<Undelivered> for RequestOtpError {
    fn from(reason: Undelivered) -> Self {
        match reason {
            Undelivered::DestinationRefused => Self::DestinationNotAllowed,
            Undelivered::TooSoon { retry_after } => Self::TooSoon { retry_after },
            Undelivered::OverQuota { retry_after } | Undelivered::Shielded { retry_after } => {
                Self::RateLimited { retry_after }
            }
            Undelivered::NumberHeld { .. } => Self::ChannelNotAvailable,
            Undelivered::Unknown(fault) | Undelivered::Fault(fault) => Self::Fault(fault),
        }
    }
}
