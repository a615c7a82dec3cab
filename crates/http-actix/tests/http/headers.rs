//! Headers of every answer, and what clients' headers do.

use std::sync::{Arc, Mutex};

use http_actix::{HttpSettings, Origin, trace_context};

use crate::support::{Answer, Service, settings};
use crate::world::{ACCESS_TOKEN, World};

/// Answers of every kind: data, pages, refusals of ours and of each layer.
fn all_kinds(service: &Service) -> Vec<(&'static str, Answer)> {
    vec![
        ("data", service.get("/health")),
        ("page", service.get("/")),
        ("asset", service.get("/assets/pages.css")),
        ("docs", service.get("/docs")),
        ("not found", service.get("/nothing")),
        ("not found below /api", service.get("/api/v1/nothing")),
        ("method", service.ask("PUT", "/api/v1/me", &[])),
        ("bearer", service.me(&[])),
        ("validation", service.post("/api/v1/auth/login", "{}")),
        ("malformed", service.post("/api/v1/auth/login", "{")),
        ("media type", service.post_as("/api/v1/auth/login", &[], "{}")),
        ("too large", service.post("/api/v1/auth/login", " ".repeat(20_000))),
        ("panic", service.me(&[&format!("Authorization: Bearer {ACCESS_TOKEN}")])),
    ]
}

fn world_that_panics() -> World {
    let mut world = World::with_session();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| panic!("the secret reason"));
    world
}

#[test]
fn asvs_3_4_4_every_answer_has_the_security_headers() {
    let service = Service::start(world_that_panics());
    for (kind, answer) in all_kinds(&service) {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{kind}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{kind}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{kind}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{kind}");
        assert!(answer.header("permissions-policy").unwrap().contains("geolocation=()"), "{kind}");
        assert!(
            answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"),
            "{kind}"
        );
        assert!(
            answer.header("x-request-id").is_some() && answer.header("cache-control").is_some(),
            "{kind}"
        );
        assert_eq!(answer.header("server"), None, "{kind}");
        assert_eq!(answer.header("strict-transport-security"), None, "{kind}");
        assert_eq!(answer.header("set-cookie"), None, "{kind}");
        let is_html = answer.header("content-type").unwrap().starts_with("text/html");
        assert_eq!(answer.header("cross-origin-opener-policy").is_some(), is_html, "{kind}");
    }
}

#[test]
fn asvs_14_3_2_api_answers_and_refusals_are_never_stored() {
    let service = Service::start(World::that_sends());
    assert_eq!(service.register().header("cache-control"), Some("no-store"));
    assert_eq!(service.get("/api/v1/nothing").header("cache-control"), Some("no-store"));
    assert_eq!(service.get("/docs/nothing").header("cache-control"), Some("no-store"));
    assert_eq!(service.get("/health").header("cache-control"), Some("no-store"));
}

#[test]
fn asvs_3_2_1_data_opened_in_a_tab_does_nothing() {
    let service = Service::start(World::default());
    let csp = "default-src 'none'; frame-ancestors 'none'";
    assert_eq!(service.get("/health").header("content-security-policy"), Some(csp));
    assert_eq!(service.get("/nothing").header("content-security-policy"), Some(csp));
}

#[test]
fn asvs_3_4_3_pages_run_nothing_inline() {
    let service = Service::start(World::default());
    for path in ["/", "/docs", "/docs/", "/problems", "/problems/internal"] {
        let answer = service.get(path);
        let csp = answer.header("content-security-policy").unwrap();
        assert!(!csp.contains("unsafe") && csp.contains("default-src 'none'"), "{path}");
        for directive in ["object-src 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(csp.contains(directive), "{path}: {directive}");
        }
        let text = answer.text();
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("<script>"), "{path}");
    }
}

#[test]
fn asvs_16_5_4_a_panic_is_one_500_and_the_process_lives() {
    let service = Service::start(world_that_panics());
    for _ in 0..3 {
        let answer = service.me(&[&format!("Authorization: Bearer {ACCESS_TOKEN}")]);
        assert_eq!((answer.status, answer.problem().as_str()), (500, "internal"));
        assert!(!answer.text().contains("secret"));
    }
    assert_eq!(service.get("/health").status, 200);
}

#[test]
fn hx_05_only_a_harmless_request_id_is_echoed() {
    let service = Service::start(World::default());
    let longest = "a".repeat(128);
    for id in ["abc", "A-z_0.9", &longest] {
        let answer = service.ask("GET", "/nothing", &[&format!("X-Request-Id: {id}")]);
        assert_eq!(answer.header("x-request-id"), Some(id));
        assert_eq!(answer.problem(), "not-found");
    }
    let too_long = "a".repeat(129);
    for id in ["", "a b", "a\tb", "ä", "a;b", "<b>", "a/b", "${jndi}", &too_long] {
        let answer = service.ask("GET", "/nothing", &[&format!("X-Request-Id: {id}")]);
        let fresh = uuid::Uuid::parse_str(answer.header("x-request-id").unwrap()).unwrap();
        assert_eq!(fresh.get_version_num(), 7, "{id}");
    }
    let two = service.ask("GET", "/nothing", &["X-Request-Id: one", "X-Request-Id: two"]);
    assert!(!["one", "two"].contains(&two.header("x-request-id").unwrap()));
}

#[test]
fn asvs_3_4_1_hsts_is_sent_only_when_a_trusted_proxy_speaks_of_tls() {
    let trusting = HttpSettings { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..settings() };
    let behind_proxy = Service::start_with(trusting, World::default());
    let hsts = |service: &Service, headers: &[&str]| {
        service.ask("GET", "/nothing", headers).header("strict-transport-security").map(str::to_owned)
    };
    let sent = Some("max-age=31536000; includeSubDomains".to_owned());
    assert_eq!(hsts(&behind_proxy, &["X-Forwarded-Proto: https"]), sent);
    assert_eq!(hsts(&behind_proxy, &["X-Forwarded-Proto: http"]), None);
    assert_eq!(hsts(&behind_proxy, &[]), None);
    let open = Service::start(World::default());
    assert_eq!(hsts(&open, &["X-Forwarded-Proto: https"]), None);
}

#[test]
fn asvs_3_4_2_cors_is_off_by_default() {
    let service = Service::start(World::default());
    let origin = "Origin: https://app.example.com";
    let answer = service.ask("GET", "/health", &[origin]);
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, None));
    let preflight = service.ask("OPTIONS", "/api/v1/me", &[origin, "Access-Control-Request-Method: GET"]);
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (405, None));
}

#[test]
fn asvs_3_4_2_only_the_exact_origin_is_echoed() {
    let cors =
        HttpSettings { cors_origins: vec![Origin::parse("https://app.example.com").unwrap()], ..settings() };
    let service = Service::start_with(cors, World::default());
    let allowed = |origin: &str| {
        let answer = service.ask("GET", "/nothing", &[origin]);
        assert_eq!(answer.header("vary"), Some("origin"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed("Origin: https://app.example.com").as_deref(), Some("https://app.example.com"));
    for other in [
        "Origin: null",
        "Origin: https://app.example.com.evil.example",
        "Origin: https://evilapp.example.com",
        "Origin: http://app.example.com",
        "Origin: https://app.example.com:8443",
        "Origin: https://APP.example.com",
        "Origin: *",
        "X-Other: x",
        "Origin: https://app.example.com\r\nOrigin: https://app.example.com",
    ] {
        assert_eq!(allowed(other), None, "{other}");
    }
    let answer = service.ask("GET", "/health", &["Origin: https://app.example.com"]);
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("x-request-id, retry-after, ratelimit, ratelimit-policy")
    );
}

#[test]
fn asvs_3_5_1_a_preflight_is_answered_for_allowed_origins_only() {
    let cors =
        HttpSettings { cors_origins: vec![Origin::parse("https://app.example.com").unwrap()], ..settings() };
    let service = Service::start_with(cors, World::default());
    let ask = |origin: &str| {
        service.ask("OPTIONS", "/api/v1/auth/login", &[origin, "Access-Control-Request-Method: POST"])
    };
    let answer = ask("Origin: https://app.example.com");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, PATCH, DELETE"));
    let headers = answer.header("access-control-allow-headers");
    assert_eq!(headers, Some("authorization, content-type, x-request-id, traceparent, proof-of-work"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let refused = ask("Origin: https://evil.example");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None));
    let plain = service.ask("OPTIONS", "/api/v1/auth/login", &["Origin: https://app.example.com"]);
    assert_eq!(plain.status, 405, "no preflight");
}

#[test]
fn calls_made_for_a_request_carry_its_trace() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut world = World::with_session();
    world.sessions.checkpoint();
    let log = seen.clone();
    world.sessions.expect_find_live().returning(move |_, _, _| {
        log.lock().unwrap().push(trace_context::current().unwrap());
        Ok(None)
    });
    let service = Service::start(world);
    let bearer = format!("Authorization: Bearer {ACCESS_TOKEN}");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    service.me(&[&bearer, &format!("traceparent: 00-{trace}-00f067aa0ba902b7-00")]);
    service.me(&[&bearer, "traceparent: 00-nonsense-00f067aa0ba902b7-01"]);
    service.me(&[&bearer]);
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with(&format!("00-{trace}-")) && seen[0].ends_with("-00"), "{seen:?}");
    assert!(!seen[0].contains("00f067aa0ba902b7"), "the calls are children of this request");
    for fresh in &seen[1..] {
        assert!(fresh.len() == 55 && fresh.ends_with("-01") && !fresh.contains("nonsense"), "{fresh}");
    }
    assert_ne!(seen[1], seen[2]);
    assert_eq!(trace_context::current(), None, "outside of a request there is none");
}
