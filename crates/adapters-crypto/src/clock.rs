//! The system's clock.

use jiff::Timestamp;
use ports::Clock;

/// The time of day as the system has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> Timestamp {
        cut_to_microseconds(Timestamp::now())
    }
}

fn cut_to_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_what_every_store_keeps_and_no_more() {
        let precise: Timestamp = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        assert_eq!(cut_to_microseconds(precise), "2026-01-02T03:04:05.123456Z".parse().unwrap());
        assert_eq!(SystemClock.now().subsec_nanosecond() % 1000, 0);
    }
}
