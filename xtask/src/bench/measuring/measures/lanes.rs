//! The `bcrypt` crate against several passwords at once, without the service.
//!
//! Whoever else uses the physical core only ever takes time away, and more of it from
//! several lanes, which leave nothing idle, than from one, which waits most of the time.
//! So what the code can do is the ratio of the quickest turns of each; what it does in
//! the company that the machine has just now is the median of the ratios of each round.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::hashing::{Cores, Hashing};
use crate::bench::measuring::statistics::Rounds;

/// A sixteenth of a common one, so that many samples are taken.
const COST: u32 = 8;
/// Some hashes of each, and soon it is the turn of the others.
const TURN: Duration = Duration::from_millis(100);

/// The numbers of lanes, with their figures on one core and on all.
const LANES: [(u8, &str, &str); 5] = [
    (1, "lanes_1_ratio", "lanes_1_all_cores_ratio"),
    (2, "lanes_2_ratio", "lanes_2_all_cores_ratio"),
    (4, "lanes_4_ratio", "lanes_4_all_cores_ratio"),
    (6, "lanes_6_ratio", "lanes_6_all_cores_ratio"),
    (8, "lanes_8_ratio", "lanes_8_all_cores_ratio"),
];

pub(crate) fn measure(length: Duration, figures: &mut Figures) -> Result<()> {
    let one_core = Contest::hold(Cores::One, length / 2)?;
    let all_cores = Contest::hold(Cores::All, length / 2)?;
    figures.add("lanes_best_ratio", one_core.undisturbed()?);
    for ((_, name, _), ratios) in LANES.iter().zip(&one_core.ratios) {
        figures.add_median(name, ratios)?;
    }
    for ((_, _, name), ratios) in LANES.iter().zip(&all_cores.ratios) {
        figures.add_median(name, ratios)?;
    }
    figures.add_median("lanes_bcrypt_per_s", &one_core.bcrypt_crate)?;
    figures.add_median("lanes_bcrypt_all_cores_per_s", &all_cores.bcrypt_crate)
}

/// Everybody's hashes a second, turn by turn.
struct Contest {
    bcrypt_crate: Rounds,
    /// For each number of lanes.
    lanes: [Rounds; LANES.len()],
    /// For each number of lanes, against the crate in the same round.
    ratios: [Rounds; LANES.len()],
}

impl Contest {
    fn hold(cores: Cores, length: Duration) -> Result<Self> {
        let enough = Instant::now() + length;
        let mut contest = Self {
            bcrypt_crate: Rounds::new(),
            lanes: LANES.map(|_| Rounds::new()),
            ratios: LANES.map(|_| Rounds::new()),
        };
        contest.next_round(cores)?;
        while Instant::now() < enough {
            contest.next_round(cores)?;
        }
        Ok(contest)
    }

    fn next_round(&mut self, cores: Cores) -> Result<()> {
        let bcrypt_crate = Hashing::by_bcrypt_crate(COST)?.per_second(cores, TURN)?;
        self.bcrypt_crate.push(bcrypt_crate);
        for ((lanes, ..), (rates, ratios)) in LANES.iter().zip(self.lanes.iter_mut().zip(&mut self.ratios)) {
            let rate = Hashing::by_lanes(*lanes, COST)?.per_second(cores, TURN)?;
            rates.push(rate);
            ratios.push(rate / bcrypt_crate);
        }
        Ok(())
    }

    /// The quickest turn of the best number of lanes against the crate's quickest.
    fn undisturbed(&self) -> Result<f64> {
        let best = self.lanes.iter().map(Rounds::highest).reduce(f64::max).context("no lanes")?;
        Ok(best / self.bcrypt_crate.highest())
    }
}
