//! Where the simulator's time comes from, so that tests own it.

use jiff::Timestamp;

/// Tells the simulator what time it is.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of a program of its own")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
