//! Stops asking a provider that is down.
//!
//! Written here because `failsafe` and `recloser` let every caller through at
//! once when the pause is over, and take the time from `std`, which tests
//! cannot drive.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Opens after a number of faults in a row; once the pause is over one call
/// goes through as a probe, and its end decides. The lock is held for a few
/// instructions, never across an await.
pub(crate) struct Breaker {
    state: Mutex<State>,
    faults_to_open: u32,
    open_for: Duration,
}

enum State {
    Closed { faults: u32 },
    Open { until: Instant },
    Probing,
}

/// The provider is not asked at the moment.
#[derive(Debug)]
pub(crate) struct Away;

/// Leave to make one call. Say how it ended; a pass that is dropped (its caller
/// went away) says nothing about the provider.
#[must_use]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// A breaker that opens for `open_for` after `faults_to_open` faults in a row.
    pub(crate) fn new(faults_to_open: u32, open_for: Duration) -> Self {
        Self { state: Mutex::new(State::Closed { faults: 0 }), faults_to_open, open_for }
    }

    /// Leave to call, or not.
    pub(crate) fn pass(&self) -> Result<Pass<'_>, Away> {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Ok(Pass { breaker: self, probe: false }),
            State::Open { until } if until <= Instant::now() => {
                *state = State::Probing;
                Ok(Pass { breaker: self, probe: true })
            }
            State::Open { .. } | State::Probing => Err(Away),
        }
    }

    /// Whether [`pass`](Self::pass) would let a call through now.
    pub(crate) fn is_passable(&self) -> bool {
        match *self.lock() {
            State::Closed { .. } => true,
            State::Open { until } => until <= Instant::now(),
            State::Probing => false,
        }
    }

    fn open(&self, state: &mut State) {
        *state = State::Open { until: Instant::now() + self.open_for };
        tracing::error!(
            provider = "sinch",
            pause_seconds = self.open_for.as_secs_f64(),
            "the provider is down: it is not asked for a while"
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The provider answered.
    pub(crate) fn answered(mut self) {
        let mut state = self.breaker.lock();
        if self.probe {
            tracing::info!(provider = "sinch", "the provider is back");
        }
        if self.probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { faults: 0 };
        }
        self.probe = false;
    }

    /// The provider did not answer, or told of a fault of its own.
    pub(crate) fn failed(mut self) {
        let mut state = self.breaker.lock();
        match &mut *state {
            State::Closed { faults } => {
                *faults += 1;
                if *faults >= self.breaker.faults_to_open {
                    self.breaker.open(&mut state);
                }
            }
            State::Probing if self.probe => self.breaker.open(&mut state),
            // A call from before the breaker opened; it tells nothing new.
            State::Open { .. } | State::Probing => {}
        }
        self.probe = false;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            *self.breaker.lock() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn broken() -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        (0..3).for_each(|_| breaker.pass().unwrap().failed());
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn faults_in_a_row_open_the_breaker_and_an_answer_between_them_does_not() {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..5 {
            breaker.pass().unwrap().failed();
            breaker.pass().unwrap().failed();
            breaker.pass().unwrap().answered();
        }
        assert!(breaker.is_passable());
        (0..3).for_each(|_| breaker.pass().unwrap().failed());
        assert!(!breaker.is_passable() && breaker.pass().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_pause_one_probe_goes_through_and_closes_the_breaker() {
        let breaker = broken();
        tokio::time::advance(PAUSE.checked_sub(Duration::from_millis(1)).unwrap()).await;
        assert!(breaker.pass().is_err());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(breaker.is_passable());
        let probe = breaker.pass().unwrap();
        assert!(breaker.pass().is_err() && !breaker.is_passable());
        probe.answered();
        assert!(breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_opens_the_breaker_for_another_pause() {
        let breaker = broken();
        tokio::time::advance(PAUSE).await;
        breaker.pass().unwrap().failed();
        assert!(breaker.pass().is_err());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_probe_leaves_the_next_caller_to_probe() {
        let breaker = broken();
        tokio::time::advance(PAUSE).await;
        drop(breaker.pass().unwrap());
        assert!(breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn late_ends_of_earlier_calls_neither_close_nor_prolong() {
        let breaker = Breaker::new(1, PAUSE);
        let (good, bad) = (breaker.pass().unwrap(), breaker.pass().unwrap());
        breaker.pass().unwrap().failed();
        good.answered();
        assert!(breaker.pass().is_err());
        tokio::time::advance(PAUSE).await;
        let probe = breaker.pass().unwrap();
        bad.failed();
        probe.answered();
        assert!(breaker.is_passable());
    }
}
