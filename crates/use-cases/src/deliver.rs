//! Sending a reserved message: the middle of reserve → call → settle.

use domain::ChallengePolicy;
use jiff::{SignedDuration, Timestamp};
use ports::{ChallengeStore, CodeRequest, NotSent, ReservedSend, StartError, VerificationProvider};

use crate::Fault;

/// Why a reserved message was not, or not certainly, sent.
#[derive(Debug)]
pub(crate) enum Undelivered {
    DestinationRefused,
    TooSoon { retry_after: SignedDuration },
    Fault(Fault),
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
    expires_at: Timestamp,
) -> Result<(), Undelivered> {
    let reference = send.reference;
    let request = CodeRequest {
        reference,
        phone: send.phone,
        channel: send.channel,
        locale: send.locale,
        life: expires_at.duration_since(now),
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
        Err(StartError::Unknown(fault)) => {
            tracing::warn!(send.reference = %reference.0, %fault, "whether a message was sent is unknown");
            Err(Undelivered::Fault(fault.into()))
        }
    }
}
