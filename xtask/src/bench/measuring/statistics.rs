//! Medians and percentiles.

use anyhow::{Context, Result};

/// A figure measured in several rounds.
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> Result<f64> {
        median(&self.0)
    }

    pub(crate) fn p99(&self) -> Result<f64> {
        percentile(&self.0, 0.99)
    }

    pub(crate) fn lowest(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn highest(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Result<f64> {
    let sorted = sorted(values);
    let (upper, lower) = (sorted.len() / 2, sorted.len().saturating_sub(1) / 2);
    let middle = sorted.get(lower).zip(sorted.get(upper)).context("nothing was measured")?;
    Ok(f64::midpoint(*middle.0, *middle.1))
}

/// The smallest value that `share` of all values do not exceed.
pub(crate) fn percentile(values: &[f64], share: f64) -> Result<f64> {
    let sorted = sorted(values);
    let all = f64::from(u32::try_from(sorted.len()).context("too many values")?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let rank = (all * share).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().context("nothing was measured")
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: Result<f64>, expected: f64) -> bool {
        (value.unwrap() - expected).abs() < 1e-9
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!(is(median(&[9.0, 1.0, 2.0]), 2.0));
        assert!(is(median(&[4.0, 9.0, 1.0, 2.0]), 3.0));
        assert!(median(&[]).is_err());
    }

    #[test]
    fn of_a_hundred_values_one_is_above_the_99th_percentile() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!(is(percentile(&values, 0.99), 99.0));
        assert!(is(percentile(&values[..1], 0.99), 100.0));
        assert!(percentile(&[], 0.99).is_err());
    }
}
