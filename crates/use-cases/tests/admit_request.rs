//! Limits of requests, shared and alone.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use domain::{Backlog, LimitDemand, LimitOutage, LimitRuling, LimitStanding, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::{LimiterUnavailable, MockRateLimiter, RateLimiter};
use use_cases::{AdmitRequest, AdmittedRequest, Fault, RequestLimit};

fn address() -> Option<IpAddr> {
    Some("2001:db8::7".parse().unwrap())
}

/// Three, and one more a second.
fn limit() -> RateLimit {
    RateLimit::per_minute(NonZeroU32::new(60).unwrap(), NonZeroU32::new(3).unwrap())
}

fn limited(outage: LimitOutage) -> Option<RequestLimit> {
    Some(RequestLimit { limit: limit(), outage })
}

fn unused(demands: &[LimitDemand]) -> Vec<LimitStanding> {
    let standing = |demand: &LimitDemand| LimitStanding { limit: demand.limit, backlog: Backlog::EMPTY };
    demands.iter().map(standing).collect()
}

/// Asked once about these, and lets them pass.
fn admitting(subjects: Vec<LimitSubject>) -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    let asks = move |demands: &[LimitDemand]| {
        demands.iter().all(|demand| demand.key.limit == "requests")
            && demands.iter().map(|demand| demand.key.subject.clone()).eq(subjects.iter().cloned())
    };
    let admit = |demands: &[LimitDemand]| Ok(LimitRuling::judge(unused(demands)));
    limiter.expect_take().withf(asks).once().returning(admit);
    limiter
}

fn refusing() -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_take().once().returning(|demands| {
        let used_up = |demand: &LimitDemand| {
            let backlog = Backlog::from_micros(demand.limit.capacity_micros());
            LimitStanding { limit: demand.limit, backlog }
        };
        Ok(LimitRuling::judge(demands.iter().map(used_up).collect()))
    });
    limiter
}

fn away() -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_take().once().returning(|_| Err(LimiterUnavailable("connection refused".into())));
    limiter
}

/// Nobody asks it.
fn idle() -> MockRateLimiter {
    MockRateLimiter::new()
}

struct Limits {
    shared: Option<MockRateLimiter>,
    alone: MockRateLimiter,
    address: Option<RequestLimit>,
    everyone: Option<RequestLimit>,
}

impl Limits {
    async fn ask(self) -> Result<AdmittedRequest, Fault> {
        let admit = AdmitRequest {
            shared: self.shared.map(|limiter| Arc::new(limiter) as Arc<dyn RateLimiter>),
            alone: Arc::new(self.alone),
            address: self.address,
            everyone: self.everyone,
        };
        admit.execute(address()).await
    }
}

fn both() -> Vec<LimitSubject> {
    vec![LimitSubject::address(address()), LimitSubject::everyone()]
}

#[tokio::test]
async fn sm_09_what_is_shared_is_counted_once_and_together() {
    let outage = LimitOutage::Refuse;
    let limits = Limits {
        shared: Some(admitting(both())),
        alone: idle(),
        address: limited(outage),
        everyone: limited(outage),
    };
    let admitted = limits.ask().await.unwrap();
    assert_eq!(admitted.retry_after, None);
    assert_eq!(admitted.address.unwrap().remaining(), 2);
}

#[tokio::test]
async fn without_a_shared_store_the_process_counts() {
    let outage = LimitOutage::Refuse;
    let limits = Limits {
        shared: None,
        alone: admitting(both()),
        address: limited(outage),
        everyone: limited(outage),
    };
    assert_eq!(limits.ask().await.unwrap().retry_after, None);
}

#[tokio::test]
async fn a_limit_that_is_used_up_says_how_long_to_wait() {
    let outage = LimitOutage::Admit;
    let (address, everyone) = (limited(outage), limited(outage));
    let refused = Limits { shared: Some(refusing()), alone: idle(), address, everyone }.ask().await.unwrap();
    assert_eq!(refused.retry_after, Some(SignedDuration::from_secs(1)));
    assert_eq!(refused.address.unwrap().remaining(), 0);
}

#[tokio::test]
async fn where_nothing_is_limited_nobody_is_asked() {
    let limits = Limits { shared: Some(idle()), alone: idle(), address: None, everyone: None };
    assert_eq!(limits.ask().await.unwrap(), AdmittedRequest { address: None, retry_after: None });
}

#[tokio::test]
async fn sm_09_while_the_shared_store_is_away_each_limit_does_as_it_was_told() {
    use LimitOutage::{Admit, CountAlone, Refuse};
    let (one, all) = (LimitSubject::address(address()), LimitSubject::everyone());
    let counted = [
        ((CountAlone, CountAlone), both()),
        ((CountAlone, Admit), vec![one]),
        ((Admit, CountAlone), vec![all]),
        ((Admit, Admit), Vec::new()),
    ];
    for ((address, everyone), subjects) in counted {
        let told_of_address = address == CountAlone;
        let limits = Limits {
            shared: Some(away()),
            alone: admitting(subjects),
            address: limited(address),
            everyone: limited(everyone),
        };
        let admitted = limits.ask().await.unwrap();
        assert_eq!(admitted.retry_after, None);
        assert_eq!(admitted.address.is_some(), told_of_address, "what is not counted is not told");
    }
    for (address, everyone) in [(Refuse, Admit), (CountAlone, Refuse), (Refuse, Refuse)] {
        let (address, everyone) = (limited(address), limited(everyone));
        let refused = Limits { shared: Some(away()), alone: idle(), address, everyone }.ask().await;
        assert!(matches!(refused, Err(Fault::LimitsUnavailable(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn sm_09_a_limit_counted_alone_still_ends() {
    let outage = LimitOutage::CountAlone;
    let limits = Limits { shared: Some(away()), alone: refusing(), address: limited(outage), everyone: None };
    assert_eq!(limits.ask().await.unwrap().retry_after, Some(SignedDuration::from_secs(1)));
}
