//! Passwords: bcrypt over a peppered password, on threads of its own.
//!
//! A hash of ours reads `$otp1$<pepper id>$2b$<cost>$<salt><digest>`: what
//! bcrypt made of base64(HMAC-SHA-384(pepper, password in NFC)).

mod matching;
mod recipe;
mod stored;
mod workers;

use std::{io, num::NonZero, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use domain::{Email, Password, PasswordHash};
use jiff::SignedDuration;
use ports::{Candidate, HashError, PasswordHasher, PasswordMatch};
use tokio::sync::oneshot;

use self::{
    matching::Plan,
    recipe::Recipe,
    workers::{Overloaded, PLACES_PER_WORKER, Workers},
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
    /// Work that would wait longer for a thread is refused.
    pub max_wait: Duration,
}

impl HasherSettings {
    /// The least and the most of [`HasherSettings::cost`].
    pub const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
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
}

/// bcrypt on threads of its own, which step back behind those that answer.
///
/// One call is one piece of work for one thread, however many hashes it takes.
/// A caller that goes away before its turn costs nothing.
pub struct BcryptHasher {
    recipe: Arc<Recipe>,
    workers: Workers,
}

impl BcryptHasher {
    /// Starts the threads.
    pub fn start(settings: &HasherSettings) -> Result<Self, HasherNotStarted> {
        if !HasherSettings::COSTS.contains(&settings.cost) {
            return Err(HasherNotStarted::Cost);
        }
        let recipe =
            Recipe::new(settings.cost, &settings.pepper, &settings.previous_peppers, &settings.data_key);
        let threads = settings.workers.map_or_else(cores, NonZero::get);
        let places = threads.saturating_mul(PLACES_PER_WORKER);
        let workers = Workers::start(threads, places, settings.max_wait).map_err(HasherNotStarted::Thread)?;
        Ok(Self { recipe: Arc::new(recipe), workers })
    }

    async fn run<R: Send + 'static>(
        &self,
        rounds: u64,
        compute: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, HashError> {
        answer(self.workers.submit(rounds, compute)).await
    }
}

async fn answer<R>(submitted: Result<oneshot::Receiver<R>, Overloaded>) -> Result<R, HashError> {
    let receiver = submitted.map_err(|Overloaded { expected_wait }| HashError::Overloaded {
        retry_after: in_whole_seconds(expected_wait),
    })?;
    receiver.await.map_err(|_| HashError::Failed("the hashing thread gave no answer".to_owned()))
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &Password, owner: &Email) -> Result<PasswordHash, HashError> {
        let (recipe, password, owner) = (Arc::clone(&self.recipe), password.clone(), owner.clone());
        self.run(1 << recipe.cost, move || recipe.hash(&password, &owner, bcrypt::bcrypt)).await
    }

    async fn find_match(
        &self,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Result<Option<PasswordMatch>, HashError> {
        let plan = Plan::new(&self.recipe, password, candidates, least_hashes);
        let (recipe, password) = (Arc::clone(&self.recipe), password.clone());
        self.run(plan.rounds(), move || plan.find_match(&recipe, &password, bcrypt::bcrypt)).await
    }
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

    #[tokio::test]
    async fn asvs_15_1_3_a_refusal_says_when_to_come_back() {
        let refused = answer::<()>(Err(Overloaded { expected_wait: Duration::from_millis(3200) })).await;
        assert_eq!(refused, Err(HashError::Overloaded { retry_after: SignedDuration::from_secs(4) }));
    }
}
