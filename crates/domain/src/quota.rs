//! How many messages and guesses a window of time allows.

use jiff::SignedDuration;

/// At most so many in any hour, and twice as many in any day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub per_hour: u32,
}

impl Quota {
    pub const HOUR: SignedDuration = SignedDuration::from_hours(1);
    pub const DAY: SignedDuration = SignedDuration::from_hours(24);

    /// At most `per_hour` in any hour.
    pub const fn per_hour(per_hour: u32) -> Self {
        Self { per_hour }
    }

    /// At most so many in any 24 hours.
    pub const fn per_day(self) -> u32 {
        self.per_hour.saturating_mul(2)
    }
}

/// The quotas that bound sends and guesses; `None` does not bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Sends caused by one account, and wrong codes of one account, counted apart.
    pub account: Option<Quota>,
    /// Sends to one number, over accounts and purposes.
    pub phone: Option<Quota>,
    /// Calls among the sends to one number: they cost by the minute.
    pub voice: Option<Quota>,
    /// Sends to one country.
    pub country: Option<Quota>,
    /// Sends caused by one client address (IPv6 by /64).
    pub address: Option<Quota>,
    /// Wrong codes in a row of one account, for one purpose and of one kind.
    pub in_a_row: Option<u32>,
}
