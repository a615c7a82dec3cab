//! Sending what a store reserved: reserve → call → settle.

use domain::{
    Challenge, ChallengePolicy, ChallengeState, DestinationNotAllowed, DestinationPolicy, PhoneNumber,
    SecondFactors,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    ChallengeStore, CodeRequest, NewChallenge, NotSent, ReservedSend, SendDecision, StartError,
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
    /// The challenge as it is for who can answer it without a message; the refusal to who
    /// cannot, or when it is not the sending that failed.
    fn done_without(self, challenge: ChallengeState) -> Result<ChallengeState, Self> {
        if !challenge.purpose.follows_password() || !challenge.second_factors.can_do_without_text() {
            return Err(self);
        }
        match self {
            Self::Unknown(_) | Self::OverQuota { .. } => Ok(challenge),
            Self::DestinationRefused
            | Self::TooSoon { .. }
            | Self::Shielded { .. }
            | Self::Fault(Fault::ProviderUnavailable(_) | Fault::Overloaded { .. }) => {
                Ok(challenge.without_the_send())
            }
            Self::Fault(_) => Err(self),
        }
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

/// Opens a challenge, or finds it open, and sends its message if this call is
/// the one that may. Who has another factor gets the challenge even when nothing was sent.
/// `None` when the account is gone or its password is another meanwhile.
pub(crate) async fn open(
    provider: &dyn VerificationProvider,
    challenges: &dyn ChallengeStore,
    challenge: &NewChallenge,
    now: Timestamp,
) -> Result<Option<Challenge>, Undelivered> {
    let policy = &challenge.limits.policy;
    let opened = challenges.open(challenge, now).await.map_err(|error| Undelivered::Fault(error.into()))?;
    let Some(opened) = opened else { return Ok(None) };
    let challenge = opened.challenge;
    let delivered = match opened.send {
        SendDecision::Reserved(send) => {
            deliver(provider, challenges, policy, send, now, &challenge).await.map(|()| true)
        }
        SendDecision::Announced | SendDecision::Held => Ok(false),
        SendDecision::OverQuota { retry_at } => Err(Undelivered::over_quota(retry_at, now)),
    };
    match delivered {
        Ok(sent) => Ok(Some(challenge.show(sent, policy))),
        Err(reason) => Ok(Some(reason.done_without(challenge)?.show(false, policy))),
    }
}

/// Sends a reserved message and settles it.
///
/// The reservation was stored before, so a crash in here sends nothing twice:
/// after it the cooldown runs, and the message, if one left, is found by its
/// reference when its code is checked.
pub(crate) async fn deliver(
    provider: &dyn VerificationProvider,
    challenges: &dyn ChallengeStore,
    policy: &ChallengePolicy,
    send: ReservedSend,
    now: Timestamp,
    challenge: &ChallengeState,
) -> Result<(), Undelivered> {
    let reference = send.reference;
    let request = CodeRequest {
        reference,
        phone: send.phone,
        purpose: challenge.purpose,
        channel: send.channel,
        locale: send.locale,
        life: challenge.expires_at.duration_since(now),
    };
    match provider.start(&request).await {
        Ok(provider_id) => {
            // The message is out. If this record is lost, the reference finds it.
            if let Err(error) = challenges.settle_sent(reference, &provider_id).await {
                tracing::warn!(send.reference = %reference.0, error = &error as &dyn std::error::Error, "a sent message was not recorded");
            }
            Ok(())
        }
        Err(StartError::NotSent(reason)) => {
            tracing::warn!(send.reference = %reference.0, %reason, "nothing was sent");
            challenges.settle_not_sent(reference).await.map_err(|error| Undelivered::Fault(error.into()))?;
            Err(match reason {
                NotSent::DestinationRefused(_) => Undelivered::DestinationRefused,
                NotSent::TooSoon => Undelivered::TooSoon { retry_after: policy.resend_cooldown },
                NotSent::Fault(fault) => Undelivered::Fault(fault.into()),
            })
        }
        Err(StartError::Shielded { retry_at, is_over_budget }) => {
            challenges.settle_not_sent(reference).await.map_err(|error| Undelivered::Fault(error.into()))?;
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
