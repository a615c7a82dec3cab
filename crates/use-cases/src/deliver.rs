//! Sending what a store reserved: reserve → ask of the number → call → settle.

use domain::{
    Challenge, ChallengePolicy, ChallengeState, Channel, ChannelPolicy, DestinationNotAllowed,
    DestinationPolicy, NumberReport, NumberVerdict, PhoneNumber, Purpose, SecondFactors,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ChallengeStore, CodeRequest, NewChallenge, NotSent, NumberRisk, ReservedSend, SendDecision, StartError,
    VerificationProvider,
};

use crate::Fault;

/// Why a reserved message was not, or not certainly, sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undelivered {
    #[error("the number gets no codes")]
    DestinationRefused,
    #[error("the provider finds another message too soon")]
    TooSoon { retry_after: SignedDuration },
    #[error("too many messages")]
    OverQuota { retry_after: SignedDuration },
    #[error("the fraud shield holds the message back")]
    Shielded { retry_after: SignedDuration },
    #[error("the number may be in new hands")]
    NumberHeld { retry_after: SignedDuration },
    #[error("the answer was lost: the message may be on its way")]
    Unknown(#[source] Fault),
    #[error(transparent)]
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Undelivered {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Undelivered {
    /// The challenge as it is for who can answer it without this message; the refusal to who
    /// cannot, or when it is not the sending that failed.
    fn done_without(
        self,
        challenge: ChallengeState,
        has_other_channels: bool,
    ) -> Result<ChallengeState, Self> {
        let has_factors =
            challenge.purpose.follows_password() && challenge.second_factors.can_do_without_text();
        let may_try_another_channel = has_other_channels && self.is_fault_of_channel();
        if !has_factors && !may_try_another_channel {
            return Err(self);
        }
        match self {
            Self::Unknown(_) | Self::OverQuota { .. } => Ok(challenge),
            Self::DestinationRefused
            | Self::TooSoon { .. }
            | Self::NumberHeld { .. }
            | Self::Shielded { .. }
            | Self::Fault(Fault::ProviderUnavailable(_) | Fault::Overloaded { .. }) => {
                Ok(challenge.without_the_send())
            }
            Self::Fault(_) => Err(self),
        }
    }

    /// Whether a code by another channel may well get through.
    fn is_fault_of_channel(&self) -> bool {
        matches!(
            self,
            Self::DestinationRefused | Self::Unknown(_) | Self::Fault(Fault::ProviderUnavailable(_))
        )
    }

    pub(crate) fn over_quota(retry_at: Timestamp, now: Timestamp) -> Self {
        tracing::warn!(event = "excess_rate_limit_exceeded", limit = "sends");
        Self::OverQuota { retry_after: retry_at.duration_since(now) }
    }
}

/// Whether a message may be sent for a challenge of an account; refused only when the number
/// gets none and nothing else could answer.
pub(crate) fn may_send(
    phone: &PhoneNumber,
    destinations: &DestinationPolicy,
    second_factors: SecondFactors,
) -> Result<bool, DestinationNotAllowed> {
    match phone.sendable(destinations) {
        Ok(()) => Ok(second_factors.accept_text()),
        Err(_) if second_factors.can_do_without_text() => Ok(false),
        Err(reason) => Err(reason),
    }
}

/// What the first code of a challenge travels by.
#[derive(Clone, Copy)]
pub(crate) struct FirstCode {
    pub(crate) channel: Channel,
    /// Whether it is sent without being asked for.
    pub(crate) is_sent: bool,
}

impl FirstCode {
    pub(crate) fn of(channels: &ChannelPolicy, purpose: Purpose, phone: Option<&PhoneNumber>) -> Self {
        match channels.unasked(purpose, phone) {
            Some(channel) => Self { channel, is_sent: true },
            // The number can only be called.
            None => Self { channel: Channel::Voice, is_sent: false },
        }
    }
}

/// Who is asked whether a number may be in new hands, and what lines codes are sent to.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    pub(crate) risk: &'a dyn NumberRisk,
    pub(crate) destinations: &'a DestinationPolicy,
}

/// What it takes to send codes.
pub(crate) struct Delivery<'a> {
    pub(crate) provider: &'a dyn VerificationProvider,
    pub(crate) challenges: &'a dyn ChallengeStore,
    pub(crate) policy: &'a ChallengePolicy,
    pub(crate) channels: &'a ChannelPolicy,
    /// `None` where no code opens an account.
    pub(crate) numbers: Option<Numbers<'a>>,
}

impl Delivery<'_> {
    /// Opens a challenge, or finds it open, and sends its message if this call is
    /// the one that may. Who has another factor gets the challenge even when nothing was sent.
    /// `None` when the account is gone or its password is another meanwhile.
    pub(crate) async fn open(
        &self,
        challenge: &NewChallenge,
        now: Timestamp,
    ) -> Result<Option<Challenge>, Undelivered> {
        let opened = self.challenges.open(challenge, now).await?;
        let Some(opened) = opened else { return Ok(None) };
        let challenge = opened.challenge;
        let delivered = match opened.send {
            SendDecision::Reserved(send) => self.deliver(send, now, &challenge).await.map(|()| true),
            SendDecision::Announced | SendDecision::Held => Ok(false),
            SendDecision::OverQuota { retry_at } => Err(Undelivered::over_quota(retry_at, now)),
        };
        let offered = self.channels.offered(challenge.purpose, challenge.phone.as_ref());
        let has_other_channels = offered.len() > 1;
        match delivered {
            Ok(sent) => Ok(Some(self.show(challenge, sent))),
            Err(held @ Undelivered::NumberHeld { .. }) => {
                Ok(Some(self.show(held.done_without(challenge, has_other_channels)?, false).without_text()))
            }
            Err(reason) => Ok(Some(self.show(reason.done_without(challenge, has_other_channels)?, false))),
        }
    }

    /// The challenge with the channels that its number can be reached by.
    pub(crate) fn show(&self, challenge: ChallengeState, sent: bool) -> Challenge {
        let offered = self.channels.offered(challenge.purpose, challenge.phone.as_ref());
        challenge.show(sent, self.policy).offering(&offered)
    }

    /// Sends a reserved message and settles it, unless the number may be in new hands.
    ///
    /// The reservation was stored before, so a crash in here sends nothing twice:
    /// after it the cooldown runs, and the message, if one left, is found by its
    /// reference when its code is checked.
    pub(crate) async fn deliver(
        &self,
        send: ReservedSend,
        now: Timestamp,
        challenge: &ChallengeState,
    ) -> Result<(), Undelivered> {
        let reference = send.reference;
        if let Err(reason) = self.judge_number(challenge.purpose, &send.phone, now).await {
            self.challenges.settle_not_sent(reference).await?;
            return Err(reason);
        }
        let request = CodeRequest {
            reference,
            phone: send.phone,
            purpose: challenge.purpose,
            channel: send.channel,
            locale: send.locale,
            life: challenge.expires_at.duration_since(now),
        };
        match self.provider.start(&request).await {
            Ok(provider_id) => {
                // The message is out. If this record is lost, the reference finds it.
                if let Err(error) = self.challenges.settle_sent(reference, &provider_id).await {
                    tracing::warn!(send.reference = %reference.0, error = &error as &dyn std::error::Error, "a sent message was not recorded");
                }
                Ok(())
            }
            Err(StartError::NotSent(reason)) => {
                tracing::warn!(send.reference = %reference.0, %reason, "nothing was sent");
                self.challenges.settle_not_sent(reference).await?;
                Err(match reason {
                    NotSent::DestinationRefused(_) => Undelivered::DestinationRefused,
                    NotSent::TooSoon => Undelivered::TooSoon { retry_after: self.policy.resend_cooldown },
                    NotSent::Fault(fault) => Undelivered::Fault(fault.into()),
                })
            }
            Err(StartError::Shielded { retry_at, is_over_budget }) => {
                self.challenges.settle_not_sent(reference).await?;
                let retry_after = retry_at.duration_since(now);
                Err(if is_over_budget {
                    Undelivered::Fault(Fault::Overloaded { retry_after })
                } else {
                    Undelivered::Shielded { retry_after }
                })
            }
            Err(StartError::Unknown(fault)) => {
                tracing::warn!(send.reference = %reference.0, %fault, "whether a message was sent is unknown");
                Err(Undelivered::Unknown(fault.into()))
            }
        }
    }

    /// Whether a code to this number still proves who answers it. Nobody is kept out because the
    /// source of that knowledge is away: then the code is sent, and the log says so.
    async fn judge_number(
        &self,
        purpose: Purpose,
        phone: &PhoneNumber,
        now: Timestamp,
    ) -> Result<(), Undelivered> {
        let Some(Numbers { risk, destinations }) = self.numbers.filter(|_| purpose.opens_an_account()) else {
            return Ok(());
        };
        let report = risk.report(phone).await.unwrap_or_else(|fault| {
            tracing::warn!(event = "number_risk_unavailable", %fault, "the code is sent all the same");
            NumberReport::default()
        });
        match report.verdict(destinations, now) {
            NumberVerdict::Sendable => Ok(()),
            NumberVerdict::Held { until } => {
                tracing::warn!(event = "number_risk_held", purpose = purpose.as_str(), %until, "no code is sent");
                Err(Undelivered::NumberHeld { retry_after: until.duration_since(now) })
            }
            NumberVerdict::LineNotAllowed => {
                tracing::warn!(event = "number_risk_line", purpose = purpose.as_str(), "no code is sent");
                Err(Undelivered::DestinationRefused)
            }
        }
    }
}
