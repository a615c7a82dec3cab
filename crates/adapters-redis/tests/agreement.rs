//! The script decides as the domain does: in any story a real server and the memory of a process
//! give the same rulings.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use adapters_memory::MemoryLimiter;
use adapters_redis::{RedisLimiter, Settings};
use domain::{LimitDemand, LimitKey, LimitRuling, LimitStanding, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::RateLimiter;
use testkit::redis::RedisServer;
use zeroize::Zeroizing;

/// Numbers that look random and are the same in every run (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap()
    }
}

/// One to four different keys, whose limits change from call to call. Nothing comes back while
/// the test runs.
fn demands(numbers: &mut Numbers) -> Vec<LimitDemand> {
    let first = numbers.below(6);
    let demand = |number: u32, burst: u32| {
        let address = format!("198.51.100.{}", (first + number) % 6).parse().unwrap();
        let limit =
            RateLimit::new(NonZeroU32::MIN, SignedDuration::from_hours(1), NonZeroU32::new(burst).unwrap());
        let key = LimitKey { limit: "requests", subject: LimitSubject::address(Some(address)) };
        LimitDemand { key, limit }
    };
    (0..=numbers.below(4)).map(|number| demand(number, 1 + numbers.below(40))).collect()
}

fn told(ruling: &LimitRuling) -> (bool, Vec<u32>) {
    (ruling.is_admitted(), ruling.standings().iter().map(LimitStanding::remaining).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn rc_07_the_script_and_the_domain_give_the_same_rulings() {
    let server = RedisServer::start();
    let settings = Settings {
        url: server.url().into(),
        timeout: Duration::from_secs(30),
        namespace: "otp-login".to_owned(),
        key: Zeroizing::new([7; 32]),
    };
    let redis = RedisLimiter::new(&settings).unwrap();
    let memory = MemoryLimiter::with_clock(NonZeroUsize::new(1000).unwrap(), || Duration::ZERO);
    let mut numbers = Numbers(7);
    let mut admitted = 0;
    for call in 0..500 {
        let demands = demands(&mut numbers);
        let expected = memory.take(&demands).await.unwrap();
        let ruling = redis.take(&demands).await.unwrap();
        assert_eq!(told(&ruling), told(&expected), "call {call}: {demands:?}");
        admitted += u32::from(ruling.is_admitted());
    }
    assert!((20..480).contains(&admitted), "a story of refusals and admissions: {admitted}");
}
