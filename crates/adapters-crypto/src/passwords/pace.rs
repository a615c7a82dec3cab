//! How fast this machine hashes, and with how many lanes.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bcrypt_lanes::{Cost, Job, MOST_LANES, hash_all};

/// What is tried: all that were ever the best, and one.
const TRIED: [usize; 5] = [1, 2, 4, 6, 8];

/// More lanes must be worth so much, for with more a sign-in takes longer.
const WORTH: f64 = 1.03;

/// What a round takes on one lane until it is measured.
const ASSUMED: Duration = Duration::from_micros(60);

/// How many passwords a thread should hash at once, and what a round then takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// 1 to [`MOST_LANES`].
    pub lanes: usize,
    /// What one round of bcrypt takes with all lanes at work, each doing one.
    pub round: Duration,
}

impl Pace {
    /// One of a machine that was not measured.
    pub(super) fn assumed(lanes: usize) -> Self {
        let lanes = lanes.clamp(1, MOST_LANES);
        // Lanes fill each other's gaps up to about three; the rest take their turns.
        let factor = u32::try_from(lanes.div_ceil(3)).unwrap_or(1);
        Self { lanes, round: ASSUMED * factor }
    }

    /// Rounds a second of one thread, over all lanes.
    pub fn rounds_per_second(&self) -> f64 {
        u32::try_from(self.lanes).map_or(0.0, f64::from) / self.round.as_secs_f64()
    }

    /// Measures one thread with 1, 2, 4, 6 and 8 lanes, for about `time` altogether;
    /// at the least about five milliseconds.
    ///
    /// Where cores share their parts, what one thread gives depends on what the others
    /// do: measure on as many threads as will hash.
    pub fn measure(time: Duration) -> Vec<Self> {
        let begun = Instant::now();
        let mut paces = TRIED.map(|lanes| Self { lanes, round: Duration::MAX });
        // Turn by turn, so that a disturbance hits all alike; the least is the undisturbed.
        loop {
            for pace in &mut paces {
                pace.round = pace.round.min(measure_once(pace.lanes));
            }
            if begun.elapsed() >= time {
                return paces.to_vec();
            }
        }
    }

    /// For each number of lanes the shortest round: the others were disturbed.
    pub(super) fn least_disturbed(mut paces: Vec<Self>) -> Vec<Self> {
        paces.sort_unstable_by_key(|pace| (pace.lanes, pace.round));
        paces.dedup_by_key(|pace| pace.lanes);
        paces
    }

    /// The fastest of several, or one that is as good as that with fewer lanes.
    pub fn best(paces: &[Self]) -> Option<Self> {
        let mut ordered = paces.to_vec();
        ordered.sort_unstable_by_key(|pace| pace.lanes);
        ordered.into_iter().reduce(|best, next| {
            if next.rounds_per_second() > best.rounds_per_second() * WORTH { next } else { best }
        })
    }
}

fn measure_once(lanes: usize) -> Duration {
    let Some(cost) = Cost::new(4) else { return Duration::MAX };
    let jobs = vec![Job::new(&[b'k'; 64], [7; 16], cost); lanes];
    let begun = Instant::now();
    black_box(hash_all(black_box(&jobs), lanes));
    // Setting up and encrypting the text are about one round more.
    begun.elapsed() / (u32::try_from(cost.rounds()).unwrap_or(u32::MAX) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(lanes: usize, micros: u64) -> Pace {
        Pace { lanes, round: Duration::from_micros(micros) }
    }

    #[test]
    fn the_best_gives_the_most_rounds() {
        let measured = [pace(8, 160), pace(1, 60), pace(2, 66), pace(4, 82), pace(6, 110)];
        assert_eq!(Pace::best(&measured), Some(pace(6, 110)));
        assert_eq!(Pace::best(&[]), None);
    }

    #[test]
    fn more_lanes_that_give_hardly_more_are_not_worth_the_wait() {
        assert_eq!(Pace::best(&[pace(4, 80), pace(8, 157)]), Some(pace(4, 80)));
        assert_eq!(Pace::best(&[pace(4, 80), pace(8, 150)]), Some(pace(8, 150)));
    }

    #[test]
    fn a_disturbed_measurement_gives_way_to_another_threads() {
        let (disturbed, quiet) = ([pace(1, 60), pace(4, 300)], [pace(1, 70), pace(4, 82)]);
        let all = Pace::least_disturbed([disturbed, quiet].concat());
        assert_eq!(all, [pace(1, 60), pace(4, 82)]);
    }

    #[test]
    fn every_number_of_lanes_is_measured() {
        let measured = Pace::measure(Duration::ZERO);
        assert_eq!(measured.iter().map(|pace| pace.lanes).collect::<Vec<_>>(), TRIED);
        assert!(measured.iter().all(|pace| (1.0..1e9).contains(&pace.rounds_per_second())), "{measured:?}");
    }

    #[test]
    fn an_assumed_pace_is_of_lanes_that_there_are() {
        assert_eq!(Pace::assumed(0).lanes, 1);
        assert_eq!(Pace::assumed(100).lanes, MOST_LANES);
        assert_eq!(Pace::assumed(1).round, ASSUMED);
    }
}
