//! What became of messages, for whom they went to.

use domain::SendTrace;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A message with a code that was sent to the number of the user, or was to be.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    sent_at: Timestamp,
    /// What the code was for.
    purpose: &'static str,
    channel: &'static str,
    /// Who was asked to send it.
    provider: String,
    /// What is known to have become of it: `entered`, `delivered`, `failed`, `sent`, `unknown`,
    /// `destination_refused`, `too_soon`, `fault` or `unsettled`.
    outcome: &'static str,
    /// When the code was entered.
    #[schema(required = true)]
    entered_at: Option<Timestamp>,
}

impl From<SendTrace> for MessageBody {
    fn from(trace: SendTrace) -> Self {
        Self {
            sent_at: trace.begun_at,
            purpose: trace.purpose.as_str(),
            channel: trace.channel.as_str(),
            outcome: trace.outcome(),
            entered_at: trace.entered_at,
            provider: trace.provider,
        }
    }
}
