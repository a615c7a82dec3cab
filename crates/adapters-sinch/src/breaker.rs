//! Stops asking Sinch while it is down.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Admission, BreakerChange, BreakerPolicy, CallEnd};
use tokio::time::Instant;

/// A [`domain::Breaker`] that many calls share. The lock is held for a few instructions, never
/// across an await.
pub(crate) struct Breaker {
    state: Mutex<domain::Breaker>,
    policy: BreakerPolicy,
}

/// The provider is not asked at the moment.
#[derive(Debug)]
pub(crate) struct Away;

/// Leave to make one call. Say how it ended; a pass that is dropped (its caller
/// went away) says nothing about the provider.
#[must_use]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    admission: Option<Admission>,
}

impl Breaker {
    /// A breaker that opens for `open_for` after `faults_to_open` faults in a row.
    pub(crate) fn new(faults_to_open: u32, open_for: Duration) -> Self {
        let state = Mutex::new(domain::Breaker::default());
        Self { state, policy: BreakerPolicy { faults_to_open, open_for } }
    }

    /// Leave to call, or not.
    pub(crate) fn pass(&self) -> Result<Pass<'_>, Away> {
        let admission = self.lock().admit(now()).ok_or(Away)?;
        Ok(Pass { breaker: self, admission: Some(admission) })
    }

    /// Whether [`pass`](Self::pass) would let a call through now.
    pub(crate) fn is_passable(&self) -> bool {
        self.lock().admits(now())
    }

    fn end(&self, admission: Admission, end: CallEnd) {
        let change = self.lock().end(admission, end, self.policy, now());
        match change {
            Some(BreakerChange::Opened) => tracing::error!(
                provider = "sinch",
                pause_seconds = self.policy.open_for.as_secs_f64(),
                "the provider is down: it is not asked for a while"
            ),
            Some(BreakerChange::Closed) => tracing::info!(provider = "sinch", "the provider is back"),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, domain::Breaker> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the clock that tests can drive.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

impl Pass<'_> {
    /// The provider answered.
    pub(crate) fn answered(mut self) {
        self.end(CallEnd::Answered);
    }

    /// The provider did not answer, or told of a fault of its own.
    pub(crate) fn failed(mut self) {
        self.end(CallEnd::Failed);
    }

    fn end(&mut self, end: CallEnd) {
        if let Some(admission) = self.admission.take() {
            self.breaker.end(admission, end);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.end(CallEnd::Abandoned);
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
    async fn an_abandoned_probe_leaves_the_next_caller_to_probe() {
        let breaker = broken();
        tokio::time::advance(PAUSE).await;
        drop(breaker.pass().unwrap());
        assert!(breaker.pass().is_ok());
    }
}
