//! The limit for each client address.

use std::num::NonZeroU32;

use domain::{Backlog, LimitDemand, LimitOutage, LimitRuling, LimitStanding, LimitSubject, RateLimit};
use http_actix::{HttpSettings, Origin};
use ports::LimiterUnavailable;
use use_cases::RequestLimit;

use crate::support::{Service, settings};
use crate::world::World;

fn limited() -> HttpSettings {
    HttpSettings {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ip_per_minute: NonZeroU32::MIN,
        ip_burst: NonZeroU32::new(2).unwrap(),
        ..settings()
    }
}

fn statuses(service: &Service, forwarded_for: &[&str]) -> Vec<u16> {
    let ask =
        |address: &&str| service.ask("GET", "/nothing", &[&format!("X-Forwarded-For: {address}")]).status;
    forwarded_for.iter().map(ask).collect()
}

#[test]
fn en_06_a_burst_is_followed_by_a_complete_429() {
    let service = Service::start_with(limited(), World::default());
    assert_eq!(service.get("/nothing").status, 404);
    assert_eq!(service.get("/nothing").status, 404);
    let refused = service.get("/nothing");
    assert_eq!((refused.status, refused.problem().as_str()), (429, "rate-limited"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((58..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(refused.header("x-ratelimit-after"), None, "which limit it was is not told");
}

#[test]
fn the_limit_is_shared_by_all_workers() {
    let service = Service::start_with(HttpSettings { workers: 4, ..limited() }, World::default());
    let passed = (0..12).filter(|_| service.get("/nothing").status == 404).count();
    assert_eq!(passed, 2);
}

#[test]
fn health_is_never_limited() {
    let service = Service::start_with(limited(), World::default());
    for _ in 0..10 {
        assert_eq!(service.get("/health").status, 200);
        assert_eq!(service.get("/health/ready").status, 200);
    }
}

#[test]
fn asvs_4_1_3_clients_behind_a_trusted_proxy_count_by_their_own_address() {
    let service = Service::start_with(limited(), World::default());
    assert_eq!(statuses(&service, &["198.51.100.1"; 3]), [404, 404, 429]);
    assert_eq!(statuses(&service, &["198.51.100.2"; 2]), [404, 404]);
    assert_eq!(statuses(&service, &["9.9.9.9, 198.51.100.2", "8.8.8.8, ::ffff:198.51.100.2"]), [429, 429]);
}

#[test]
fn hx_04_an_ipv6_client_counts_by_its_64_bit_network() {
    let service = Service::start_with(limited(), World::default());
    let hosts = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3", "2001:db8:0:2::1"];
    assert_eq!(statuses(&service, &hosts), [404, 404, 429, 404]);
}

#[test]
fn asvs_4_1_3_nobody_is_trusted_by_default() {
    let open = HttpSettings { trusted_proxies: Vec::new(), ..limited() };
    let service = Service::start_with(open, World::default());
    assert_eq!(statuses(&service, &["1.1.1.1", "2.2.2.2", "3.3.3.3"]), [404, 404, 429]);
}

#[test]
fn a_page_of_an_allowed_origin_may_read_that_it_is_limited() {
    let cors =
        HttpSettings { cors_origins: vec![Origin::parse("https://app.example.com").unwrap()], ..limited() };
    let service = Service::start_with(cors, World::default());
    let ask = || service.ask("GET", "/nothing", &["Origin: https://app.example.com"]);
    let answers = [ask(), ask(), ask()];
    assert_eq!(answers[2].status, 429);
    assert_eq!(answers[2].header("access-control-allow-origin"), Some("https://app.example.com"));
}

#[test]
fn each_answer_tells_how_the_limit_of_the_address_stands() {
    let service = Service::start_with(limited(), World::default());
    let answers = [(); 3].map(|()| service.get("/nothing"));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [404, 404, 429]);
    let wait = answers[2].header("retry-after").unwrap();
    let refused = format!("\"address\";r=0;t={wait}");
    let expected = ["\"address\";r=1;t=60", "\"address\";r=0;t=60", &refused];
    for (answer, now) in answers.iter().zip(expected) {
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=2;w=120"));
        assert_eq!(answer.header("ratelimit"), Some(now));
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-whitelisted"] {
            assert_eq!(answer.header(name), None);
        }
    }
    let free = service.get("/health");
    assert_eq!((free.header("ratelimit"), free.header("x-ratelimit-whitelisted")), (None, None));
}

/// A world whose requests are counted behind the port.
fn counted(world: World) -> World {
    let limit = RateLimit::per_minute(NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
    World { address_limit: Some(RequestLimit { limit, outage: LimitOutage::Refuse }), ..world }
}

/// How these limits stand when so many microseconds of each are used.
fn standings(demands: &[LimitDemand], used: u64) -> Vec<LimitStanding> {
    let backlog = Backlog::from_micros(used);
    demands.iter().map(|demand| LimitStanding { limit: demand.limit, backlog }).collect()
}

#[test]
fn sm_09_what_replicas_share_is_counted_behind_the_port_alone() {
    let mut world = counted(World::default());
    let expected = LimitSubject::address(Some("198.51.100.7".parse().unwrap()));
    let is_of_client = move |demands: &[LimitDemand]| demands[0].key.subject == expected;
    world
        .limiter
        .expect_take()
        .withf(is_of_client)
        .times(5)
        .returning(|demands| Ok(LimitRuling::of(true, standings(demands, 60_000_000))));
    // The server's own limit would refuse the third.
    let service = Service::start_with(limited(), world);
    for _ in 0..5 {
        let answer = service.ask("GET", "/nothing", &["X-Forwarded-For: 198.51.100.7"]);
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("ratelimit"), Some("\"address\";r=1;t=60"));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=2;w=120"));
    }
}

#[test]
fn en_06_what_is_refused_behind_the_port_is_a_complete_429() {
    let mut world = counted(World::default());
    world
        .limiter
        .expect_take()
        .returning(|demands| Ok(LimitRuling::of(false, standings(demands, 119_000_001))));
    let service = Service::start(world);
    let refused = service.get("/nothing");
    assert_eq!((refused.status, refused.problem().as_str()), (429, "rate-limited"));
    assert_eq!(refused.header("retry-after"), Some("60"), "59.000001 seconds");
    assert_eq!(refused.header("ratelimit"), Some("\"address\";r=0;t=60"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(service.get("/health").status, 200, "health is free");
}

#[test]
fn sm_09_where_a_limit_refuses_while_nobody_counts_the_answer_is_503() {
    let mut world = counted(World::default());
    world.limiter.expect_take().returning(|_| Err(LimiterUnavailable("redis://secret@host".into())));
    let service = Service::start(world);
    let refused = service.get("/nothing");
    assert_eq!((refused.status, refused.problem().as_str()), (503, "overloaded"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(service.get("/health").status, 200);
}
