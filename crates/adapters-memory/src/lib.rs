//! Limits counted in this process alone, in memory that is bounded.

mod shard;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{LimitDemand, LimitKey, LimitRuling, LimitStanding};
use ports::{LimiterUnavailable, RateLimiter};

use crate::shard::Shard;

/// Callers of different shards never wait for each other.
const SHARDS: usize = 16;

/// Counts in this process.
///
/// It goes by a clock that is never set, so that nobody is freed or held by one that was. When
/// there is no room for another key, the one of its shard that would be unused soonest is
/// forgotten: whoever has used a limit up is kept longest.
pub struct MemoryLimiter {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    /// How long it has been running.
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
}

impl MemoryLimiter {
    /// Remembers at most about so many keys.
    pub fn new(most_keys: NonZeroUsize) -> Self {
        let begun = Instant::now();
        Self::with_clock(most_keys, move || begun.elapsed())
    }

    /// The same by a clock of the caller's, which tells how much time has passed.
    pub fn with_clock(
        most_keys: NonZeroUsize,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let most = most_keys.get().div_ceil(SHARDS);
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::of(most))).collect();
        Self { shards, hasher: RandomState::new(), elapsed: Box::new(elapsed) }
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place(&self, key: &LimitKey) -> usize {
        let hash = self.hasher.hash_one(key) % SHARDS as u64;
        usize::try_from(hash).unwrap_or(0)
    }

    fn judge(&self, demands: &[LimitDemand]) -> LimitRuling {
        let places: Vec<usize> = demands.iter().map(|demand| self.place(&demand.key)).collect();
        let mut locked = self.lock_in_order(places.iter().copied().collect());
        // Asked once all is locked: later calls never find an earlier time.
        let now = u64::try_from((self.elapsed)().as_micros()).unwrap_or(u64::MAX);
        let asked = || demands.iter().zip(&places);
        let before = asked().map(|(LimitDemand { key, limit }, place)| {
            let backlog = locked.get(place).map(|shard| shard.backlog(key, now)).unwrap_or_default();
            LimitStanding { limit: *limit, backlog }
        });
        let ruling = LimitRuling::judge(before.collect());
        if ruling.is_admitted() {
            for ((demand, place), standing) in asked().zip(ruling.standings()) {
                if let Some(shard) = locked.get_mut(place) {
                    shard.keep(&demand.key, standing.backlog, now);
                }
            }
        }
        ruling
    }

    /// Always in the same order, so that no two callers wait for each other.
    fn lock_in_order(&self, places: BTreeSet<usize>) -> BTreeMap<usize, MutexGuard<'_, Shard>> {
        let shards = places.into_iter().filter_map(|place| Some((place, self.shards.get(place)?)));
        shards.map(|(place, shard)| (place, lock(shard))).collect()
    }
}

/// A count is whole at any time, so a panic elsewhere leaves nothing half done.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, demands: &[LimitDemand]) -> Result<LimitRuling, LimiterUnavailable> {
        Ok(self.judge(demands))
    }
}
