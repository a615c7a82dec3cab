//! What providers tell of messages by themselves.

use super::Arrival;

/// How a verification ended at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultStatus {
    /// The right code was reported.
    Successful,
    /// Tried, and not verified.
    Fail,
    /// Refused by the provider, or by our answer.
    Denied,
    /// A newer verification of the number took its place.
    Aborted,
    /// The network failed, or the number is out of reach.
    Error,
}

impl ResultStatus {
    /// Its name for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::Fail => "fail",
            Self::Denied => "denied",
            Self::Aborted => "aborted",
            Self::Error => "error",
        }
    }
}

/// What a provider tells of a message. None of it opens anything: only a code that we had checked
/// does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackEvent {
    /// It asks whether the message may be sent.
    Request,
    /// It tells how the verification ended, and why if it says so in words that are known.
    Result { status: ResultStatus, reason: Option<&'static str> },
    /// It tells whether a text was delivered.
    Receipt { is_delivered: bool },
}

impl CallbackEvent {
    /// Its name in the database and for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Result { .. } => "result",
            Self::Receipt { .. } => "receipt",
        }
    }

    /// What it says, in one word.
    pub const fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Request => None,
            Self::Result { status, .. } => Some(status.as_str()),
            Self::Receipt { is_delivered: true } => Some("delivered"),
            Self::Receipt { is_delivered: false } => Some("failed"),
        }
    }

    /// Why, if it says so.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Result { reason, .. } => reason,
            Self::Request | Self::Receipt { .. } => None,
        }
    }

    /// How far it shows that the message came. Who reported the right code has it; who could not be
    /// reached does not. A wrong or late code tells nothing of the message.
    pub const fn arrival(self) -> Arrival {
        match self {
            Self::Result { status: ResultStatus::Successful, .. } | Self::Receipt { is_delivered: true } => {
                Arrival::Arrived
            }
            Self::Result { status: ResultStatus::Error, .. } | Self::Receipt { is_delivered: false } => {
                Arrival::Failed
            }
            Self::Request
            | Self::Result {
                status: ResultStatus::Fail | ResultStatus::Denied | ResultStatus::Aborted,
                ..
            } => Arrival::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn result(status: ResultStatus) -> CallbackEvent {
        CallbackEvent::Result { status, reason: None }
    }

    #[test]
    fn each_event_shows_how_far_the_message_came() {
        for (event, arrival) in [
            (CallbackEvent::Request, Arrival::Unknown),
            (result(ResultStatus::Successful), Arrival::Arrived),
            (result(ResultStatus::Fail), Arrival::Unknown),
            (result(ResultStatus::Denied), Arrival::Unknown),
            (result(ResultStatus::Aborted), Arrival::Unknown),
            (result(ResultStatus::Error), Arrival::Failed),
            (CallbackEvent::Receipt { is_delivered: true }, Arrival::Arrived),
            (CallbackEvent::Receipt { is_delivered: false }, Arrival::Failed),
        ] {
            assert_eq!(event.arrival(), arrival, "{event:?}");
        }
    }
}
