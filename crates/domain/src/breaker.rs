//! When somebody who does not answer is not asked any more.
//!
//! Written here because `failsafe` and `recloser` let every caller through at once when the pause
//! is over, and take the time from `std` themselves, which tests cannot drive.

use std::time::{Duration, Instant};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Faults in a row that open it.
    pub faults_to_open: u32,
    /// How long nobody is asked then.
    pub open_for: Duration,
}

/// A circuit breaker: opens after a number of faults in a row. Once the pause is over one call
/// goes through as a probe, and its end decides. Times are of a monotonic clock, which the
/// caller reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Everybody is let through.
    Closed { faults: u32 },
    /// Nobody is, until then.
    Open { until: Instant },
    /// One call is under way that decides; nobody else is let through.
    Probing,
}

/// Leave to make one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Ordinary,
    /// The end of this call decides.
    Probe,
}

/// How an admitted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// With an answer, a refusal included.
    Answered,
    /// Without an answer, or with a fault.
    Failed,
    /// Its caller went away, which says nothing.
    Abandoned,
}

/// What the end of a call changed for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    Opened,
    Closed,
}

impl Breaker {
    /// Whether [`admit`](Self::admit) would let a call through `now`.
    pub fn admits(self, now: Instant) -> bool {
        match self {
            Self::Closed { .. } => true,
            Self::Open { until } => until <= now,
            Self::Probing => false,
        }
    }

    /// Leave to make a call, or `None`. Whoever has leave says how the call [ended](Self::end).
    pub fn admit(&mut self, now: Instant) -> Option<Admission> {
        match *self {
            Self::Closed { .. } => Some(Admission::Ordinary),
            Self::Open { until } if until <= now => {
                *self = Self::Probing;
                Some(Admission::Probe)
            }
            Self::Open { .. } | Self::Probing => None,
        }
    }

    /// Learns how a call ended. Late ends of calls from before it opened neither close nor
    /// prolong.
    pub fn end(
        &mut self,
        admission: Admission,
        end: CallEnd,
        policy: BreakerPolicy,
        now: Instant,
    ) -> Option<BreakerChange> {
        match (admission, end, *self) {
            (Admission::Probe, CallEnd::Answered, _) => {
                *self = Self::default();
                Some(BreakerChange::Closed)
            }
            (Admission::Probe, CallEnd::Failed, _) => Some(self.open(policy, now)),
            (Admission::Probe, CallEnd::Abandoned, _) => {
                *self = Self::Open { until: now };
                None
            }
            (Admission::Ordinary, CallEnd::Answered, Self::Closed { .. }) => {
                *self = Self::default();
                None
            }
            (Admission::Ordinary, CallEnd::Failed, Self::Closed { faults }) => {
                let faults = faults.saturating_add(1);
                *self = Self::Closed { faults };
                (faults >= policy.faults_to_open).then(|| self.open(policy, now))
            }
            (Admission::Ordinary, _, _) => None,
        }
    }

    fn open(&mut self, policy: BreakerPolicy, now: Instant) -> BreakerChange {
        *self = Self::Open { until: now + policy.open_for };
        BreakerChange::Opened
    }
}

/// Closed, without a fault so far.
impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { faults: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Admission::{Ordinary, Probe},
        Breaker::{Closed, Open, Probing},
        CallEnd::{Abandoned, Answered, Failed},
        *,
    };

    const PAUSE: Duration = Duration::from_secs(10);
    const POLICY: BreakerPolicy = BreakerPolicy { faults_to_open: 3, open_for: PAUSE };
    const UNCHANGED: Option<BreakerChange> = None;

    #[test]
    fn who_is_let_through() {
        let now = Instant::now();
        let past = now.checked_sub(Duration::from_millis(1)).unwrap();
        let later = now + Duration::from_millis(1);
        let cases = [
            (Closed { faults: 0 }, Some(Ordinary), Closed { faults: 0 }),
            (Closed { faults: 2 }, Some(Ordinary), Closed { faults: 2 }),
            (Open { until: later }, None, Open { until: later }),
            (Open { until: now }, Some(Probe), Probing),
            (Open { until: past }, Some(Probe), Probing),
            (Probing, None, Probing),
        ];
        for (before, leave, after) in cases {
            let mut breaker = before;
            assert_eq!(breaker.admits(now), leave.is_some(), "{before:?}");
            assert_eq!((breaker.admit(now), breaker), (leave, after), "{before:?}");
        }
    }

    #[test]
    fn how_a_call_ended_decides_about_those_after_it() {
        let now = Instant::now();
        let open = Open { until: now + PAUSE };
        let other_open = Open { until: now + Duration::from_secs(3) };
        let opened = Some(BreakerChange::Opened);
        let closed = Some(BreakerChange::Closed);
        let cases = [
            (Closed { faults: 0 }, Ordinary, Failed, Closed { faults: 1 }, UNCHANGED),
            (Closed { faults: 1 }, Ordinary, Failed, Closed { faults: 2 }, UNCHANGED),
            (Closed { faults: 2 }, Ordinary, Failed, open, opened),
            (Closed { faults: 2 }, Ordinary, Answered, Closed { faults: 0 }, UNCHANGED),
            (Closed { faults: 2 }, Ordinary, Abandoned, Closed { faults: 2 }, UNCHANGED),
            // From before it opened.
            (other_open, Ordinary, Failed, other_open, UNCHANGED),
            (other_open, Ordinary, Answered, other_open, UNCHANGED),
            (Probing, Ordinary, Failed, Probing, UNCHANGED),
            (Probing, Ordinary, Answered, Probing, UNCHANGED),
            (Probing, Probe, Answered, Closed { faults: 0 }, closed),
            (Probing, Probe, Failed, open, opened),
            // The next caller probes.
            (Probing, Probe, Abandoned, Open { until: now }, UNCHANGED),
        ];
        for (before, admission, end, after, change) in cases {
            let mut breaker = before;
            let told = breaker.end(admission, end, POLICY, now);
            assert_eq!((breaker, told), (after, change), "{before:?} {admission:?} {end:?}");
        }
    }

    #[test]
    fn nobody_is_asked_during_the_pause_and_one_after_it() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            let leave = breaker.admit(start).unwrap();
            breaker.end(leave, Failed, POLICY, start);
        }
        assert_eq!(breaker.admit(start + PAUSE.saturating_sub(Duration::from_millis(1))), None);
        assert_eq!(breaker.admit(start + PAUSE), Some(Probe));
        assert_eq!(breaker.admit(start + PAUSE), None);
    }
}
