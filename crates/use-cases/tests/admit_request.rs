//! Limits of requests, shared and alone.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::unnecessary_wraps, reason = "as the fields are that they are for")]

mod fixtures;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use domain::{
    Backlog, LimitDemand, LimitOutage, LimitRuling, LimitStanding, LimitSubject, NumberPrefix, RateLimit,
    SignInName,
};
use jiff::SignedDuration;
use ports::{LimiterUnavailable, MockRateLimiter, RateLimiter};
use use_cases::{AdmitNamedError, AdmitRequest, AdmittedRequest, Fault, Named, NamedLimits, RequestLimit};

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
    admitting_for("requests", subjects)
}

fn admitting_for(what: &'static str, subjects: Vec<LimitSubject>) -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    let asks = move |demands: &[LimitDemand]| {
        demands.iter().all(|demand| demand.key.limit == what)
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
            named: NamedLimits::default(),
            forged_callbacks: None,
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

/// Limits of requests by whom they name.
fn naming(shared: MockRateLimiter, alone: MockRateLimiter, limits: NamedLimits) -> AdmitRequest {
    let (address, everyone) = (limited(LimitOutage::Refuse), limited(LimitOutage::Refuse));
    AdmitRequest {
        shared: Some(Arc::new(shared)),
        alone: Arc::new(alone),
        address,
        everyone,
        named: limits,
        forged_callbacks: None,
    }
}

#[tokio::test]
async fn en_06_requests_count_for_the_account_number_prefix_and_country_that_they_name() {
    let limit = limited(LimitOutage::CountAlone);
    let all = NamedLimits { account: limit, phone: limit, prefix: limit, country: limit };
    let (phone, country) = (fixtures::phone(), fixtures::sweden());
    let account = SignInName::Phone(phone.clone());
    let of_phone = vec![
        LimitSubject::phone(&phone),
        LimitSubject::prefix(&NumberPrefix::of(&phone)),
        LimitSubject::country(country),
    ];
    let of_account = vec![LimitSubject::account(&account)];
    let cases = [
        (all, Named { act: "login", account: Some(&account), phone: None }, of_account.clone()),
        (all, Named { act: "login", account: None, phone: Some(&phone) }, of_phone.clone()),
        (
            all,
            Named { act: "login", account: Some(&account), phone: Some(&phone) },
            [of_account, of_phone].concat(),
        ),
        (
            NamedLimits { country: limit, ..NamedLimits::default() },
            Named { act: "login", account: Some(&account), phone: Some(&phone) },
            vec![LimitSubject::country(country)],
        ),
    ];
    for (limits, named, subjects) in cases {
        naming(admitting_for("login", subjects), idle(), limits).execute_named(named).await.unwrap();
    }
    let unlimited = naming(idle(), idle(), NamedLimits::default());
    unlimited
        .execute_named(Named { act: "login", account: Some(&account), phone: Some(&phone) })
        .await
        .unwrap();
    naming(idle(), idle(), all)
        .execute_named(Named { act: "login", account: None, phone: None })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_name_that_too_many_requests_hold_has_to_wait() {
    let phone = fixtures::phone();
    let limits = NamedLimits { phone: limited(LimitOutage::Admit), ..NamedLimits::default() };
    let admit = naming(refusing(), idle(), limits);
    let refused =
        admit.execute_named(Named { act: "login", account: None, phone: Some(&phone) }).await.unwrap_err();
    let second = SignedDuration::from_secs(1);
    assert!(matches!(refused, AdmitNamedError::RateLimited { retry_after } if retry_after == second));
}

#[tokio::test]
async fn each_limit_of_a_name_says_what_holds_while_nobody_can_count_for_all() {
    let (phone, account) = (fixtures::phone(), SignInName::Phone(fixtures::phone()));
    let named = Named { act: "login", account: Some(&account), phone: Some(&phone) };
    let alone = NamedLimits {
        account: limited(LimitOutage::CountAlone),
        phone: limited(LimitOutage::Admit),
        ..NamedLimits::default()
    };
    naming(away(), admitting_for("login", vec![LimitSubject::account(&account)]), alone)
        .execute_named(named)
        .await
        .unwrap();
    let refuses = NamedLimits { country: limited(LimitOutage::Refuse), ..alone };
    let error = naming(away(), idle(), refuses).execute_named(named).await.unwrap_err();
    assert!(matches!(error, AdmitNamedError::Fault(Fault::LimitsUnavailable(_))));
}
