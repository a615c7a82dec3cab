//! What a store counted, for the rules to judge.

use jiff::SignedDuration;

use super::{Money, ScopeState, ShieldScope};

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    /// How many codes were entered.
    pub entered: u64,
    pub cost: Money,
}

impl Tally {
    /// Whether less than `percent` of what was sent was entered.
    pub(super) const fn converts_less_than(&self, percent: u32) -> bool {
        self.entered.saturating_mul(100) < self.sent.saturating_mul(percent as u64)
    }

    /// Whether it exceeds twice what was entered by `most` or more.
    pub(super) const fn exceeds_answers_by(&self, most: u32) -> bool {
        self.sent >= self.entered.saturating_mul(2).saturating_add(most as u64)
    }
}

/// What was sent in the last hour and in the last day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub hour: Tally,
    pub day: Tally,
}

/// All that the rules look at before one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    /// Of strangers.
    pub prefix: ScopeState,
    /// Of strangers.
    pub country: ScopeState,
    /// Of the same origin, in the last hour, as the next two.
    pub prefix_hour: Tally,
    pub country_hour: Tally,
    pub service_hour: Tally,
    /// Numbers around this one, itself included, that strangers had codes sent to in the last hour
    /// for other challenges.
    pub neighbours: u32,
    /// Earlier messages of this very challenge. Those of others to the number do not count: they
    /// would tell whoever asks of them.
    pub repeats: u32,
    /// How long ago the challenge began that the message is for, of strangers.
    pub waited: SignedDuration,
    /// Prefixes that are blocked, wherever they are.
    pub blocked_prefixes: u32,
    /// Of every origin.
    pub country_usage: Usage,
    /// Of every origin.
    pub usage: Usage,
}

/// What must still be true when the message is counted, for others are judged at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    pub scope: ShieldScope,
    /// Whether only messages of the same origin count.
    pub same_origin: bool,
    pub window: SignedDuration,
    /// Fewer messages than this were sent.
    pub sent_below: Option<u64>,
    /// Less than this was spent.
    pub cost_below: Option<u64>,
}
