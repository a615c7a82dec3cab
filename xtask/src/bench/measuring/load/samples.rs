//! Answers, when they came and how long they took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::client::Outcome;
use crate::bench::measuring::statistics::{as_f64, median, percentile};

#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) latency: Duration,
    pub(super) outcome: Outcome,
}

#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Those with this outcome.
    pub(crate) fn of(&self, outcome: Outcome) -> Self {
        Self(self.0.iter().copied().filter(|sample| sample.outcome == outcome).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn count_until(&self, end: Instant) -> usize {
        self.0.iter().filter(|sample| sample.at <= end).count()
    }

    /// Answers a second, between the first answer and the last before `end`: while
    /// everybody was still asking.
    pub(crate) fn rate_until(&self, end: Instant) -> Result<f64> {
        let times = || self.0.iter().map(|sample| sample.at).filter(|at| *at <= end);
        let (first, last) = times().min().zip(times().max()).context("no answer in time")?;
        let between = last.duration_since(first).as_secs_f64();
        ensure!(between > 0.0, "one answer in time is no rate");
        Ok((as_f64(times().count()) - 1.0) / between)
    }

    /// Answers a second in a window. For answers that come several at once, of which
    /// the first would count too much between first and last.
    pub(crate) fn rate_between(&self, begin: Instant, end: Instant) -> f64 {
        let inside = self.0.iter().filter(|sample| sample.at > begin && sample.at <= end);
        as_f64(inside.count()) / end.duration_since(begin).as_secs_f64()
    }

    pub(crate) fn p99_ms(&self) -> Result<f64> {
        percentile(&self.latencies_ms(), 0.99)
    }

    pub(crate) fn p50_ms(&self) -> Result<f64> {
        median(&self.latencies_ms())
    }

    fn latencies_ms(&self) -> Vec<f64> {
        self.0.iter().map(|sample| sample.latency.as_secs_f64() * 1000.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_come_together_do_not_raise_the_rate_in_a_window() {
        let begin = Instant::now();
        let mut samples = Samples::default();
        for second in 1..=4 {
            let at = begin + Duration::from_secs(second);
            let sample = Sample { at, latency: Duration::ZERO, outcome: Outcome::Success };
            (0..8).for_each(|_| samples.push(sample));
        }
        let end = begin + Duration::from_secs(4);
        assert!((samples.rate_between(begin, end) - 8.0).abs() < 1e-9);
        assert!(samples.rate_until(end).unwrap() > 10.0);
        assert_eq!(samples.of(Outcome::Overloaded).len(), 0);
    }
}
