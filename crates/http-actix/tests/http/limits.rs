//! The limit for each client address.

use std::num::NonZeroU32;

use http_actix::{HttpSettings, Origin};

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
