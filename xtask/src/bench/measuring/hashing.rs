//! bcrypt without the service: the `bcrypt` crate, and our lanes.

use std::hint::black_box;
use std::num::NonZero;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bcrypt_lanes::{Cost, Job, hash_all};

/// The priority of the service's hashing threads: beside other programs both lose
/// the same, and alone it changes nothing.
const NICE: i32 = 19;
/// As long as what the service hashes: a keyed digest in Base64.
const KEY: [u8; 64] = [b'k'; 64];

/// A way to hash.
#[derive(Clone, Copy)]
pub(crate) struct Hashing {
    hasher: Hasher,
    cost: Cost,
}

#[derive(Clone, Copy)]
enum Hasher {
    BcryptCrate,
    Lanes(u8),
}

/// How many cores hash at once, a thread on each.
#[derive(Clone, Copy)]
pub(crate) enum Cores {
    One,
    All,
}

impl Hashing {
    pub(crate) fn by_bcrypt_crate(cost: u32) -> Result<Self> {
        Self::by(Hasher::BcryptCrate, cost)
    }

    pub(crate) fn by_lanes(lanes: u8, cost: u32) -> Result<Self> {
        Self::by(Hasher::Lanes(lanes), cost)
    }

    fn by(hasher: Hasher, cost: u32) -> Result<Self> {
        let cost = Cost::new(cost).with_context(|| format!("bcrypt has no cost {cost}"))?;
        Ok(Self { hasher, cost })
    }

    /// Hashes a second, over all threads.
    pub(crate) fn per_second(self, cores: Cores, length: Duration) -> Result<f64> {
        let threads: Vec<_> = (0..cores.count()?).map(|_| in_background(move || self.rate(length))).collect();
        threads.into_iter().map(join).sum()
    }

    /// One hash on one core, in milliseconds.
    pub(crate) fn once_ms(self) -> Result<f64> {
        join(in_background(move || {
            let begun = Instant::now();
            self.hash();
            begun.elapsed().as_secs_f64() * 1000.0
        }))
    }

    /// Hashes a second of this thread, which takes at least one. What is under way at
    /// the end does not count: the last thread to be done would have had all cores.
    fn rate(self, length: Duration) -> f64 {
        let begun = Instant::now();
        let mut hashed = self.hash();
        let mut took = begun.elapsed();
        while begun.elapsed() < length {
            let more = self.hash();
            let elapsed = begun.elapsed();
            if elapsed <= length {
                hashed += more;
                took = elapsed;
            }
        }
        f64::from(hashed) / took.as_secs_f64()
    }

    /// Hashes as many passwords as are hashed together, and says how many.
    fn hash(self) -> u32 {
        match self.hasher {
            Hasher::BcryptCrate => {
                black_box(bcrypt::bcrypt(self.cost.get(), black_box([1; 16]), &KEY));
                1
            }
            Hasher::Lanes(lanes) => {
                // Of one salt all lanes would look up the same places of their tables.
                let jobs: Vec<_> = (1..=lanes).map(|lane| Job::new(&KEY, [lane; 16], self.cost)).collect();
                black_box(hash_all(black_box(&jobs), lanes.into()));
                lanes.into()
            }
        }
    }
}

impl Cores {
    fn count(self) -> Result<usize> {
        match self {
            Self::One => Ok(1),
            Self::All => Ok(thread::available_parallelism().map(NonZero::get)?),
        }
    }
}

fn in_background(hash: impl FnOnce() -> f64 + Send + 'static) -> JoinHandle<Result<f64>> {
    thread::spawn(|| {
        rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE)?;
        Ok(hash())
    })
}

fn join(thread: JoinHandle<Result<f64>>) -> Result<f64> {
    thread.join().map_err(|_| anyhow!("hashing panicked"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_hashes_on_every_number_of_cores() {
        for hashing in [Hashing::by_bcrypt_crate(4).unwrap(), Hashing::by_lanes(8, 4).unwrap()] {
            assert!(hashing.once_ms().unwrap() > 0.0);
            for cores in [Cores::One, Cores::All] {
                assert!(hashing.per_second(cores, Duration::ZERO).unwrap() > 0.0);
            }
        }
    }

    #[test]
    fn a_cost_that_bcrypt_does_not_have_is_refused() {
        assert!(Hashing::by_bcrypt_crate(3).is_err());
    }
}
