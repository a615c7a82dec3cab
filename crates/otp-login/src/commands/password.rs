//! Which cost of bcrypt suits a machine.

use std::{fmt::Write, num::NonZero, thread, time::Duration};

use adapters_crypto::Pace;
use anyhow::{Context, anyhow};

use crate::{cli::Password, commands::stdout::print};

/// What production accepts.
const COSTS: std::ops::RangeInclusive<i32> = 10..=14;

/// How long all numbers of lanes are measured together.
const TIME: Duration = Duration::from_secs(3);

pub(crate) fn run(Password::Calibrate { target }: &Password) -> anyhow::Result<()> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    eprintln!("Measuring on {threads} threads for {} s …", TIME.as_secs());
    let report = Report { target: *target, threads, paces: measure(threads)? };
    print(report.text()?.trim_end())
}

/// The mean of threads that hash at the same time, as those of the service do.
fn measure(threads: usize) -> anyhow::Result<Vec<Pace>> {
    let measuring: Vec<_> = (0..threads).map(|_| thread::spawn(|| Pace::measure(TIME))).collect();
    let mut each = Vec::new();
    for thread in measuring {
        each.push(thread.join().map_err(|_| anyhow!("hashing panicked"))?);
    }
    let first = each.first().context("no thread measured")?;
    let mean = |pace: &Pace| {
        let rounds = each.iter().flatten().filter(|other| other.lanes == pace.lanes).map(|other| other.round);
        let count = u32::try_from(each.len()).unwrap_or(u32::MAX);
        Pace { lanes: pace.lanes, round: rounds.sum::<Duration>() / count }
    };
    Ok(first.iter().map(mean).collect())
}

struct Report {
    target: Duration,
    threads: usize,
    paces: Vec<Pace>,
}

impl Report {
    fn text(&self) -> anyhow::Result<String> {
        let alone = self.paces.iter().find(|pace| pace.lanes == 1).context("one lane was not measured")?;
        let best = Pace::best(&self.paces).context("nothing was measured")?;
        let takes = |cost: i32| alone.round.as_secs_f64() * 2_f64.powi(cost);
        let fits = |cost: &i32| takes(*cost) <= self.target.as_secs_f64();
        let cost = COSTS.rev().find(fits).unwrap_or(*COSTS.start());

        let mut text = String::new();
        writeln!(text, "bcrypt_cost {cost}: a lone sign-in hashes for {:.0} ms.", takes(cost) * 1000.0)?;
        if !fits(&cost) {
            let target = self.target.as_millis();
            writeln!(text, "That is more than {target} ms, but less than cost {cost} is not safe.")?;
        }
        writeln!(text, "\nlanes   hashes a second at cost {cost}, on {} threads", self.threads)?;
        for pace in &self.paces {
            writeln!(text, "{:<7} {:.1}", pace.lanes, self.per_second(pace, cost))?;
        }
        let (sign_ins, lanes) = (self.per_second(&best, cost), best.lanes);
        writeln!(text, "\nSign-ins a second to expect: {sign_ins:.0}, with {lanes} lanes.")?;
        writeln!(text, "To choose it, set OTP_LOGIN__PASSWORD__BCRYPT_COST={cost}")?;
        Ok(text)
    }

    fn per_second(&self, pace: &Pace, cost: i32) -> f64 {
        let threads = u32::try_from(self.threads).map_or(0.0, f64::from);
        threads * pace.rounds_per_second() / 2_f64.powi(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(target_ms: u64) -> String {
        let pace = |lanes, micros| Pace { lanes, round: Duration::from_micros(micros) };
        let paces = vec![pace(1, 60), pace(2, 66), pace(4, 82)];
        Report { target: Duration::from_millis(target_ms), threads: 2, paces }.text().unwrap()
    }

    #[test]
    fn the_dearest_cost_within_the_target_is_chosen() {
        for (target_ms, cost) in [(61, 10), (62, 10), (245, 11), (246, 12), (250, 12), (500, 13), (9999, 14)]
        {
            assert!(report(target_ms).contains(&format!("BCRYPT_COST={cost}\n")), "{target_ms}");
        }
    }

    #[test]
    fn a_target_that_no_safe_cost_meets_is_said() {
        assert!(report(50).contains("That is more than 50 ms, but less than cost 10 is not safe."));
        assert!(!report(62).contains("more than"));
    }

    #[test]
    fn hashes_and_sign_ins_a_second_are_told() {
        let report = report(250);
        for line in
            ["1       8.1", "2       14.8", "4       23.8", "Sign-ins a second to expect: 24, with 4 lanes."]
        {
            assert!(report.lines().any(|told| told == line), "{line} is not in:\n{report}");
        }
    }
}
