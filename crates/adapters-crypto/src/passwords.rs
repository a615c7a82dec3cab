//! Passwords: bcrypt over a peppered password, on threads of its own.
//!
//! A hash of ours reads `$otp1$<pepper id>$2b$<cost>$<salt><digest>`: what
//! bcrypt made of base64(HMAC-SHA-384(pepper, password in NFC)).

mod computation;
mod importable;
mod matching;
mod pace;
mod queue;
mod recipe;
mod stored;
mod workers;

use std::{io, num::NonZero, thread, time::Duration};

use async_trait::async_trait;
use bcrypt_lanes::{Cost, MOST_LANES};
use domain::{Email, Password, PasswordHash};
use jiff::SignedDuration;
use ports::{Candidate, HashError, PasswordHasher, PasswordMatch};

use self::{
    computation::{Computation, Computed, compute},
    matching::Plan,
    queue::Overloaded,
    recipe::Recipe,
    workers::{Lanes, PLACES_PER_WORKER, Workers},
};
pub use self::{
    importable::{ImportableHash, ImportableHashes, UnusableHash},
    pace::Pace,
};
use crate::{DataKey, Pepper};

/// How passwords are hashed.
#[derive(Clone, Debug)]
pub struct HasherSettings {
    /// bcrypt's cost: 2^cost rounds. 10 to 14; less is for development.
    pub cost: u32,
    /// Mixed into new hashes.
    pub pepper: Pepper,
    /// Peppers of stored hashes that are still verified.
    pub previous_peppers: Vec<Pepper>,
    /// Gives the key of the salts.
    pub data_key: DataKey,
    /// Hashing threads; one for each core when `None`.
    pub workers: Option<NonZero<usize>>,
    /// Passwords that a thread hashes at once, 1 to [`HasherSettings::MOST_LANES`]; as many as prove
    /// best on this machine when `None`.
    pub lanes: Option<NonZero<usize>>,
    /// Work that would wait longer for a thread is refused.
    pub max_wait: Duration,
}

impl HasherSettings {
    /// The least and the most of [`HasherSettings::cost`].
    pub const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
    /// The most of [`HasherSettings::lanes`].
    pub const MOST_LANES: usize = MOST_LANES;
    /// A good [`HasherSettings::max_wait`].
    pub const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(3);
}

/// Why there is no hasher.
#[derive(Debug, thiserror::Error)]
pub enum HasherNotStarted {
    #[error("the cost of bcrypt is 10 to 14, in development 4 to 14")]
    Cost,
    #[error("a hashing thread did not start")]
    Thread(#[source] io::Error),
    #[error("this build computes wrong hashes: it differs from the bcrypt crate")]
    SelfTest,
}

/// bcrypt on threads of its own, which step back behind those that answer.
///
/// One call is one task for one thread, however many hashes it takes; calls that
/// have to wait share a thread's lanes. A caller that goes away before its turn
/// costs nothing, and one that has waited too long is refused.
pub struct BcryptHasher {
    recipe: Recipe,
    workers: Workers,
}

impl BcryptHasher {
    /// Compares the lanes with the `bcrypt` crate, and starts the threads.
    pub fn start(settings: &HasherSettings) -> Result<Self, HasherNotStarted> {
        let is_accepted = HasherSettings::COSTS.contains(&settings.cost);
        let cost = Cost::new(settings.cost).filter(|_| is_accepted).ok_or(HasherNotStarted::Cost)?;
        if !lanes_agree_with_the_bcrypt_crate() {
            return Err(HasherNotStarted::SelfTest);
        }
        let recipe = Recipe::new(cost, &settings.pepper, &settings.previous_peppers, &settings.data_key);
        let threads = settings.workers.map_or_else(cores, NonZero::get);
        let places = threads.saturating_mul(PLACES_PER_WORKER);
        let lanes = settings.lanes.map_or(Lanes::Measured, |lanes| Lanes::Fixed(lanes.get()));
        let workers = Workers::start(threads, places, lanes, settings.max_wait);
        Ok(Self { recipe, workers: workers.map_err(HasherNotStarted::Thread)? })
    }

    async fn run<R: Send + 'static>(
        &self,
        computations: Vec<Computation>,
        conclude: impl FnOnce(&[Computed]) -> R + Send + 'static,
    ) -> Result<R, HashError> {
        let answer = self.workers.submit(computations, conclude).map_err(refused)?;
        match answer.await {
            Ok(answer) => answer.map_err(refused),
            Err(_) => Err(HashError::Failed("the hashing thread gave no answer".to_owned())),
        }
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &Password, owner: &Email) -> Result<PasswordHash, HashError> {
        let computation = self.recipe.computation(password, self.recipe.salt(owner));
        let hash = self.run(vec![computation], |computed| computed.iter().flatten().copied().next()).await?;
        let hash = hash.ok_or_else(|| HashError::Failed("there is no hash".to_owned()))?;
        Ok(self.recipe.stored(hash))
    }

    async fn find_match(
        &self,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Result<Option<PasswordMatch>, HashError> {
        let Plan { computations, groups } = Plan::new(&self.recipe, password, candidates, least_hashes);
        self.run(computations, move |computed| groups.find_match(computed)).await
    }
}

/// Whether this build, by this compiler on this machine, makes the hashes that it should.
fn lanes_agree_with_the_bcrypt_crate() -> bool {
    let Some(cost) = Cost::new(4) else { return false };
    let (key, salt) = (b"a password for each lane", [0x5a; 16]);
    let expected = bcrypt::bcrypt(cost.get(), salt, b"a password for each lane\0");
    let lane = || Computation { key: key.to_vec().into(), salt, costs: cost.into() };
    let lanes: Vec<Computation> = (0..MOST_LANES).map(|_| lane()).collect();
    compute(lanes.iter(), MOST_LANES).iter().flatten().all(|hash| expected.starts_with(&hash.digest))
}

fn refused(Overloaded { expected_wait }: Overloaded) -> HashError {
    HashError::Overloaded { retry_after: in_whole_seconds(expected_wait) }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// At least a second, because a client told zero comes back at once.
fn in_whole_seconds(wait: Duration) -> SignedDuration {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    SignedDuration::from_secs(i64::try_from(seconds.max(1)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_whole_seconds_and_never_none() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (3500, 4)] {
            assert_eq!(in_whole_seconds(Duration::from_millis(millis)), SignedDuration::from_secs(seconds));
        }
    }

    #[test]
    fn asvs_15_1_3_a_refusal_says_when_to_come_back() {
        let refused = refused(Overloaded { expected_wait: Duration::from_millis(3200) });
        assert_eq!(refused, HashError::Overloaded { retry_after: SignedDuration::from_secs(4) });
    }
}
