//! What became of a message with a code.

mod callback;
mod figures;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    callback::{CallbackEvent, ResultStatus},
    figures::{
        EntryTimes, FigureDimension, FigureGroup, FigureLine, FigureWindow, InvalidFigureDimension,
        SendFigures, sparkline,
    },
};
use crate::{Channel, Money, ProviderId, Purpose, SendReference};

/// How the provider took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    Sent,
    /// The answer was lost: it may be on its way.
    Unknown,
    /// Certainly not sent: the provider does not send to the number.
    DestinationRefused,
    /// Certainly not sent: the provider finds it too soon.
    TooSoon,
    /// Certainly not sent: the provider was away or refused us.
    Fault,
}

impl Settlement {
    const ALL: [Self; 5] = [Self::Sent, Self::Unknown, Self::DestinationRefused, Self::TooSoon, Self::Fault];

    /// Its name in the database and for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::DestinationRefused => "destination_refused",
            Self::TooSoon => "too_soon",
            Self::Fault => "fault",
        }
    }

    /// The settlement with the name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|settlement| settlement.as_str() == text)
    }

    /// Whether a message may have left.
    pub const fn may_have_left(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }
}

/// How far a message is known to have come. What is known only grows: later reports of less
/// change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrival {
    #[default]
    Unknown,
    /// The provider could not deliver it.
    Failed,
    /// It was delivered: the provider says so, or somebody entered its code.
    Arrived,
}

impl Arrival {
    const ALL: [Self; 3] = [Self::Unknown, Self::Failed, Self::Arrived];

    /// Its place in their order, which is what is stored.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::Failed => 1,
            Self::Arrived => 2,
        }
    }

    /// The arrival with this place.
    pub fn of_rank(rank: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|arrival| arrival.rank() == rank)
    }

    /// Its name for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Arrived => "delivered",
        }
    }
}

/// Something that the provider told of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardCallback {
    /// As [`CallbackEvent::name`].
    pub event: String,
    /// As [`CallbackEvent::outcome`].
    pub outcome: Option<String>,
    pub reason: Option<String>,
    /// When the provider signed it.
    pub said_at: Timestamp,
    /// When it came.
    pub heard_at: Timestamp,
}

/// One message, from the decision to send it to the code that was entered. Does not hold the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendTrace {
    pub reference: SendReference,
    pub provider: String,
    pub provider_id: Option<ProviderId>,
    pub purpose: Purpose,
    pub channel: Channel,
    /// Two letters, if the country of the number is known.
    pub country: Option<String>,
    pub prefix: String,
    /// What it costs: what its provider quoted for it, else its price when it was sent.
    pub cost: Money,
    pub begun_at: Timestamp,
    /// `None` while the provider is asked, or when the process died meanwhile.
    pub settlement: Option<Settlement>,
    pub settled_at: Option<Timestamp>,
    pub arrival: Arrival,
    pub arrived_at: Option<Timestamp>,
    /// When the right code was entered.
    pub entered_at: Option<Timestamp>,
    /// In the order in which the provider said them.
    pub callbacks: Vec<HeardCallback>,
}

impl SendTrace {
    /// What came of it, in one word.
    pub fn outcome(&self) -> &'static str {
        match (self.entered_at, self.arrival, self.settlement) {
            (Some(_), _, _) => "entered",
            (None, Arrival::Arrived | Arrival::Failed, _) => self.arrival.as_str(),
            (None, Arrival::Unknown, Some(settlement)) => settlement.as_str(),
            (None, Arrival::Unknown, None) => "unsettled",
        }
    }

    /// How long it took from sending to the right code.
    pub fn time_to_code(&self) -> Option<SignedDuration> {
        Some(self.entered_at?.duration_since(self.begun_at))
    }
}

/// What a message is counted with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SendLabels {
    pub provider: &'static str,
    pub channel: Channel,
    /// Two letters; empty when the country is not known.
    pub country: String,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn trace() -> SendTrace {
        SendTrace {
            reference: SendReference(Uuid::nil()),
            provider: "sinch".to_owned(),
            provider_id: None,
            purpose: Purpose::Login,
            channel: Channel::Sms,
            country: Some("SE".to_owned()),
            prefix: "+4670123".to_owned(),
            cost: Money(0),
            begun_at: Timestamp::UNIX_EPOCH,
            settlement: None,
            settled_at: None,
            arrival: Arrival::Unknown,
            arrived_at: None,
            entered_at: None,
            callbacks: Vec::new(),
        }
    }

    #[test]
    fn what_is_stored_is_found_again() {
        for settlement in Settlement::ALL {
            assert_eq!(Settlement::find(settlement.as_str()), Some(settlement));
        }
        for arrival in Arrival::ALL {
            assert_eq!(Arrival::of_rank(arrival.rank()), Some(arrival));
        }
        assert_eq!(Settlement::find("lost"), None);
        assert_eq!(Arrival::of_rank(3), None);
    }

    #[test]
    fn wh_03_a_delivered_message_comes_after_a_failed_one_and_both_after_silence() {
        assert!(Arrival::Unknown < Arrival::Failed && Arrival::Failed < Arrival::Arrived);
        assert!(Arrival::ALL.is_sorted_by_key(|arrival| arrival.rank()));
    }

    #[test]
    fn the_outcome_is_the_furthest_that_is_known() {
        let sent = SendTrace { settlement: Some(Settlement::Sent), ..trace() };
        let failed = SendTrace { arrival: Arrival::Failed, ..sent.clone() };
        let arrived = SendTrace { arrival: Arrival::Arrived, ..sent.clone() };
        let entered = SendTrace { entered_at: Some(Timestamp::UNIX_EPOCH), ..arrived.clone() };
        let refused = SendTrace { settlement: Some(Settlement::DestinationRefused), ..trace() };
        for (trace, outcome) in [
            (trace(), "unsettled"),
            (sent, "sent"),
            (failed, "failed"),
            (arrived, "delivered"),
            (entered, "entered"),
            (refused, "destination_refused"),
        ] {
            assert_eq!(trace.outcome(), outcome);
        }
    }

    #[test]
    fn only_what_may_have_left_is_counted_as_sent() {
        let left: Vec<Settlement> = Settlement::ALL.into_iter().filter(|it| it.may_have_left()).collect();
        assert_eq!(left, [Settlement::Sent, Settlement::Unknown]);
    }
}
