//! The promises of the port, and bounds of the memory.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use adapters_memory::MemoryLimiter;
use async_trait::async_trait;
use domain::{LimitDemand, LimitKey, LimitRuling, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::{
    RateLimiter,
    contract::rate_limits::{LimiterStage, REPLICAS},
};

/// A clock that moves when it is told to.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicU64>);

impl TestClock {
    fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(u64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn limiter(&self, most_keys: usize) -> MemoryLimiter {
        let time = self.0.clone();
        let elapsed = move || Duration::from_micros(time.load(Ordering::SeqCst));
        MemoryLimiter::with_clock(NonZeroUsize::new(most_keys).unwrap(), elapsed)
    }
}

struct Process {
    clock: TestClock,
    limiter: Arc<MemoryLimiter>,
}

#[async_trait]
impl LimiterStage for Process {
    fn replicas(&self) -> Vec<Arc<dyn RateLimiter>> {
        (0..REPLICAS).map(|_| self.limiter.clone() as Arc<dyn RateLimiter>).collect()
    }

    async fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }
}

fn process() -> Process {
    let clock = TestClock::default();
    Process { limiter: Arc::new(clock.limiter(1000)), clock }
}

ports::rate_limiter_contract!(std::future::ready(process()));

/// One a second, and so many at once.
fn demand(number: usize, burst: u32) -> LimitDemand {
    let address = format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff).parse().unwrap();
    let limit = RateLimit::per_minute(NonZeroU32::new(60).unwrap(), NonZeroU32::new(burst).unwrap());
    LimitDemand { key: LimitKey { limit: "requests", subject: LimitSubject::address(Some(address)) }, limit }
}

async fn take(limiter: &MemoryLimiter, demand: &LimitDemand) -> LimitRuling {
    limiter.take(std::slice::from_ref(demand)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn rc_07_threads_that_ask_in_any_order_neither_wait_for_ever_nor_pass_too_often() {
    let limiter = Arc::new(TestClock::default().limiter(1000));
    let asking = (0..64_usize).map(|task| {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            let mut demands = [demand(1, 500), demand(2, 100), demand(3 + task % 5, 500)];
            demands.rotate_left(task % 3);
            let mut admitted = 0;
            for _ in 0..50 {
                admitted += usize::from(limiter.take(&demands).await.unwrap().is_admitted());
            }
            admitted
        })
    });
    let mut admitted = 0;
    for asking in asking.collect::<Vec<_>>() {
        admitted += asking.await.unwrap();
    }
    assert_eq!(admitted, 100);
    let mut left = 0;
    while take(&limiter, &demand(1, 500)).await.is_admitted() {
        left += 1;
    }
    assert_eq!(left, 400, "calls that one limit refused used nothing of the others");
}

#[tokio::test]
async fn any_number_of_addresses_takes_bounded_memory() {
    let limiter = TestClock::default().limiter(1600);
    for number in 0..20_000 {
        assert!(take(&limiter, &demand(number, 5)).await.is_admitted());
        assert!(limiter.len() <= 1600);
    }
}

#[tokio::test]
async fn whoever_used_a_limit_up_is_remembered_longest() {
    let limiter = TestClock::default().limiter(1600);
    let offender = demand(1_000_000, 5);
    while take(&limiter, &offender).await.is_admitted() {}
    for number in 0..20_000 {
        take(&limiter, &demand(number, 5)).await;
    }
    assert!(!take(&limiter, &offender).await.is_admitted());
}

#[tokio::test]
async fn even_in_a_full_memory_a_newcomer_is_counted() {
    let limiter = TestClock::default().limiter(16);
    for number in 0..1000 {
        while take(&limiter, &demand(number, 5)).await.is_admitted() {}
    }
    let newcomer = demand(1_000_000, 5);
    let mut admitted = 0;
    while take(&limiter, &newcomer).await.is_admitted() {
        admitted += 1;
    }
    assert_eq!(admitted, 5);
}

#[tokio::test]
async fn what_is_unused_again_is_forgotten() {
    let clock = TestClock::default();
    let limiter = clock.limiter(160_000);
    for number in 0..1000 {
        take(&limiter, &demand(number, 5)).await;
    }
    assert_eq!(limiter.len(), 1000);
    clock.advance(SignedDuration::from_secs(1));
    // One for each shard, by which it forgets all that is over.
    for number in 2000..2400 {
        take(&limiter, &demand(number, 5)).await;
    }
    assert_eq!(limiter.len(), 400);
}
