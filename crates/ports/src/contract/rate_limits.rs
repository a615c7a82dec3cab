//! What every counter of limits promises.

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use domain::{
    Email, LimitDemand, LimitKey, LimitRuling, LimitStanding, LimitSubject, NumberPrefix, RateLimit,
    SignInName,
};
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::fixtures::{CROWD, phone};
use crate::RateLimiter;

/// Replicas of a service that count together.
pub const REPLICAS: usize = 8;

/// Limiters under test, of which nothing is used.
#[async_trait]
pub trait LimiterStage: Send + Sync {
    /// [`REPLICAS`] that share their counts, each as a process of its own would have it.
    fn replicas(&self) -> Vec<Arc<dyn RateLimiter>>;

    /// Lets so much time pass by the clock of the limiters.
    async fn pass(&self, time: SignedDuration);
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Of which nothing comes back while a test runs.
fn hourly(burst: u32) -> RateLimit {
    RateLimit::new(NonZeroU32::MIN, SignedDuration::from_hours(1), count(burst))
}

fn demand(limit: RateLimit, number: u32) -> LimitDemand {
    let key = LimitKey { limit: "requests", subject: LimitSubject::phone(&phone(number)) };
    LimitDemand { key, limit }
}

async fn take(limiter: &Arc<dyn RateLimiter>, demands: &[LimitDemand]) -> LimitRuling {
    limiter.take(demands).await.expect("take")
}

async fn is_admitted(limiter: &Arc<dyn RateLimiter>, demands: &[LimitDemand]) -> bool {
    take(limiter, demands).await.is_admitted()
}

/// How many of 50 concurrent calls, spread over these replicas, are admitted.
async fn crowd(replicas: &[Arc<dyn RateLimiter>], demands: &[LimitDemand]) -> usize {
    let calls = replicas.iter().cycle().take(usize::try_from(CROWD).unwrap());
    let admitted = join_all(calls.map(|limiter| is_admitted(limiter, demands))).await;
    admitted.into_iter().filter(|admitted| *admitted).count()
}

fn one(stage: &dyn LimiterStage) -> Arc<dyn RateLimiter> {
    stage.replicas().swap_remove(0)
}

fn left(ruling: &LimitRuling) -> Vec<u32> {
    ruling.standings().iter().map(LimitStanding::remaining).collect()
}

pub async fn rc_07_exactly_the_burst_of_50_concurrent_calls_is_admitted(stage: &dyn LimiterStage) {
    let limiter = [one(stage)];
    assert_eq!(crowd(&limiter, &[demand(hourly(10), 1)]).await, 10);
    assert_eq!(crowd(&limiter, &[demand(hourly(10), 1)]).await, 0);
}

pub async fn sm_09_eight_replicas_share_every_limit(stage: &dyn LimiterStage) {
    let replicas = stage.replicas();
    assert_eq!(replicas.len(), REPLICAS);
    assert_eq!(crowd(&replicas, &[demand(hourly(10), 1)]).await, 10);
    for replica in &replicas {
        assert!(!is_admitted(replica, &[demand(hourly(10), 1)]).await);
    }
}

pub async fn rc_07_all_limits_of_a_call_are_used_or_none(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    let both = [demand(hourly(5), 1), demand(hourly(1), 2)];
    assert_eq!(left(&take(&limiter, &both).await), [4, 0]);
    let refused = take(&limiter, &both).await;
    assert!(!refused.is_admitted());
    assert_eq!(left(&refused), [4, 0], "in the order in which they were asked for");
    assert_eq!(left(&take(&limiter, &both[..1]).await), [3]);
}

pub async fn rc_07_of_concurrent_calls_none_uses_one_limit_without_the_other(stage: &dyn LimiterStage) {
    let replicas = stage.replicas();
    let (wide, narrow) = (demand(hourly(30), 1), demand(hourly(10), 2));
    // Asked for in both orders, as callers might.
    let (some, others) = replicas.split_at(REPLICAS / 2);
    let orders = [[wide.clone(), narrow.clone()], [narrow, wide.clone()]];
    let (first, second) =
        futures_util::future::join(crowd(some, &orders[0]), crowd(others, &orders[1])).await;
    assert_eq!(first + second, 10);
    assert_eq!(crowd(&replicas, &[wide]).await, 20, "refused calls used nothing of it");
}

pub async fn limits_of_different_keys_know_nothing_of_each_other(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    assert!(is_admitted(&limiter, &[demand(hourly(1), 1)]).await);
    assert!(!is_admitted(&limiter, &[demand(hourly(1), 1)]).await);
    assert!(is_admitted(&limiter, &[demand(hourly(1), 2)]).await);
    let mut other = demand(hourly(1), 1);
    other.key.limit = "others";
    assert!(is_admitted(&limiter, &[other]).await);
}

pub async fn hx_04_each_kind_of_subject_has_its_own_count(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    let phone = phone(1);
    let address = |text: &str| LimitSubject::address(Some(text.parse().unwrap()));
    let subjects = [
        address("198.51.100.7"),
        address("2001:db8:1:2::7"),
        address("2001:db8:1:3::7"),
        LimitSubject::address(None),
        LimitSubject::account(&SignInName::Phone(phone.clone())),
        LimitSubject::account(&SignInName::Email(Email::parse("nobody@example.com").unwrap())),
        LimitSubject::phone(&phone),
        LimitSubject::prefix(&NumberPrefix::of(&phone)),
        LimitSubject::country(phone.region().unwrap()),
        LimitSubject::everyone(),
    ];
    let demand = |subject: &LimitSubject| {
        let key = LimitKey { limit: "requests", subject: subject.clone() };
        [LimitDemand { key, limit: hourly(1) }]
    };
    for subject in &subjects {
        assert!(is_admitted(&limiter, &demand(subject)).await, "{subject:?}");
    }
    let known = [address("::ffff:198.51.100.7"), address("2001:db8:1:2:ffff::8")];
    for subject in subjects.iter().chain(&known) {
        assert!(!is_admitted(&limiter, &demand(subject)).await, "{subject:?}");
    }
}

pub async fn whoever_waits_as_long_as_told_is_admitted(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    let demands = [demand(RateLimit::new(count(5), SignedDuration::from_secs(1), count(2)), 1)];
    assert!(is_admitted(&limiter, &demands).await);
    assert!(is_admitted(&limiter, &demands).await);
    let wait = take(&limiter, &demands).await.retry_after().expect("used up");
    assert!(wait > SignedDuration::ZERO && wait <= SignedDuration::from_millis(200), "{wait}");
    stage.pass(wait).await;
    assert!(is_admitted(&limiter, &demands).await);
    // Longer than the limit remembers anything.
    stage.pass(SignedDuration::from_millis(500)).await;
    assert_eq!(left(&take(&limiter, &demands).await), [1], "all of it has come back, and no more");
}

pub async fn a_refusal_prolongs_no_wait(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    let demands = [demand(hourly(1), 1)];
    assert!(is_admitted(&limiter, &demands).await);
    let mut last = SignedDuration::from_hours(1);
    for _ in 0..20 {
        let wait = take(&limiter, &demands).await.retry_after().expect("used up");
        assert!(wait <= last, "{wait} after {last}");
        last = wait;
    }
}

pub async fn what_is_left_is_told(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    let limit = hourly(3);
    for remaining in [2, 1, 0, 0] {
        let ruling = take(&limiter, &[demand(limit, 1)]).await;
        assert_eq!(left(&ruling), [remaining]);
        let standing = ruling.standings()[0];
        assert_eq!(standing.limit, limit);
        let used = SignedDuration::from_hours(3 - i64::from(remaining));
        let full_after = standing.backlog.duration();
        assert!(full_after <= used && full_after > used - SignedDuration::from_mins(5), "{full_after}");
    }
}

pub async fn a_limit_that_was_lowered_makes_nobody_wait_longer_than_it_would(stage: &dyn LimiterStage) {
    let limiter = one(stage);
    for _ in 0..9 {
        assert!(is_admitted(&limiter, &[demand(hourly(9), 1)]).await);
    }
    let wait = take(&limiter, &[demand(hourly(2), 1)]).await.retry_after().expect("used up");
    assert!(wait <= SignedDuration::from_hours(1), "{wait}");
}

pub async fn without_limits_every_call_is_admitted(stage: &dyn LimiterStage) {
    let ruling = take(&one(stage), &[]).await;
    assert!(ruling.is_admitted() && ruling.standings().is_empty());
}
