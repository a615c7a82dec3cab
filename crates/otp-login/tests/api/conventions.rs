//! What holds for every request and answer, besides what the client checks in
//! each test: paths, methods, ids and headers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::client::{Database, LOG_IN, ME, REGISTER, Request, Service, VERIFY_OTP};

on_both_databases!(
    hx_05_a_harmless_request_id_is_echoed_and_any_other_replaced,
    asvs_14_2_5_unknown_paths_are_not_found,
    asvs_4_1_4_other_methods_are_refused_with_those_allowed,
    asvs_3_4_1_hsts_is_sent_when_a_trusted_proxy_says_https,
    asvs_4_1_2_no_host_and_no_parameter_names_another_place,
    health_and_readiness_say_how_it_stands,
);

fn hx_05_a_harmless_request_id_is_echoed_and_any_other_replaced(database: Database) {
    let service = Service::start(database);
    let id_of = |request: Request| service.send(&request).header("x-request-id").unwrap().to_owned();
    let longest = "a".repeat(128);
    for id in ["a", "Az09._-", "0190c2a4-0000-7000-8000-000000000000", &longest] {
        assert_eq!(id_of(Request::get("/health").header("x-request-id", id)), id);
        assert_eq!(id_of(Request::get(ME).header("x-request-id", id)), id);
    }
    let too_long = "a".repeat(129);
    for id in ["", "a b", "a/b", "<script>", "a\"b", "{{id}}", "\u{e4}", "a,b", &too_long] {
        let given = id_of(Request::get(ME).header("x-request-id", id));
        assert_ne!(given, id);
        assert!(given.len() >= 16, "{given}");
    }
    let twice = Request::get("/health").header("x-request-id", "first").header("x-request-id", "second");
    assert!(!["first", "second"].contains(&id_of(twice).as_str()));
    assert_ne!(id_of(Request::get("/health")), id_of(Request::get("/health")));
}

fn asvs_14_2_5_unknown_paths_are_not_found(database: Database) {
    let service = Service::start(database);
    let paths = [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/auth",
        "/api/v2/auth/login",
        "/api/v1/auth/login/",
        "/api/v1//auth/login",
        "/API/V1/auth/login",
        "/api/v1/auth/login%00",
        "/api/v1/auth/../auth/login",
        "/api/v1/auth/%2e%2e/auth/login",
        "/docs/../Cargo.toml",
        "/docs/%2e%2e%2fCargo.toml",
        "/docs/..%5c..%5cetc%5cpasswd",
        "/problems/../config/default.toml",
        "/problems/nothing",
        "/problems/%3Cscript%3E",
        "/.git/config",
        "/metrics",
        "/inbox",
        "/favicon.ico",
        "/api/v1/admin/users",
    ];
    for path in paths {
        let answer = service.get(path);
        answer.refusal(404, "not-found");
        assert!(!answer.text().contains("script>"), "{path}");
        service.send(&Request::new("HEAD", path)).assert_status(404);
        // Whatever stands below /docs and /problems can only be got.
        let status = service.send(&Request::new("DELETE", path)).status;
        assert!(status == 404 || status == 405, "{path}: {status}");
    }
}

fn asvs_4_1_4_other_methods_are_refused_with_those_allowed(database: Database) {
    let service = Service::start(database);
    let operations = service.description().operations();
    let pages =
        ["/", "/docs", "/problems", "/problems/not-found"].map(|path| ("GET".to_owned(), path.to_owned()));
    let mut by_path = BTreeMap::<String, Vec<String>>::new();
    for (own, path) in operations.into_iter().chain(pages) {
        by_path.entry(path).or_default().push(own);
    }
    for (path, own) in by_path {
        let is_own = |method: &str| own.iter().any(|own| own == method || (own == "GET" && method == "HEAD"));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTX", "get"]
        {
            if is_own(method) {
                continue;
            }
            let request = Request::new(method, &path).header("x-http-method-override", &own[0]);
            let answer = service.send(&request);
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed: BTreeSet<&str> = answer.header("allow").expect("no Allow").split(", ").collect();
            let there =
                ["GET", "HEAD", "POST", "PATCH", "DELETE"].into_iter().filter(|method| is_own(method));
            assert_eq!(allowed, there.collect(), "{method} {path}");
        }
        if is_own("GET") {
            let (get, head) = (service.get(&path), service.send(&Request::new("HEAD", &path)));
            assert_eq!((head.status, head.text()), (get.status, ""), "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        }
    }
    let overridden = Request::get(LOG_IN).header("x-http-method-override", "POST");
    service.send(&overridden).refusal(405, "method-not-allowed");
}

fn asvs_3_4_1_hsts_is_sent_when_a_trusted_proxy_says_https(database: Database) {
    let trusting = Service::with(database, &[("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "127.0.0.1")]);
    let hsts = |service: &Service, scheme: Option<&str>, path: &str| {
        let request = Request::get(path);
        let request = match scheme {
            Some(scheme) => request.header("x-forwarded-proto", scheme),
            None => request,
        };
        service.send(&request).header("strict-transport-security").map(str::to_owned)
    };
    for path in ["/health", ME, "/nothing", "/docs"] {
        let value = hsts(&trusting, Some("https"), path).expect("no HSTS");
        assert!(value.contains("includeSubDomains"), "{value}");
        let seconds: u64 = value.split(['=', ';']).nth(1).unwrap().parse().unwrap();
        assert!(seconds >= 31_536_000);
        assert_eq!(hsts(&trusting, Some("http"), path), None);
        assert_eq!(hsts(&trusting, None, path), None);
    }
    let suspicious = Service::start(database);
    assert_eq!(hsts(&suspicious, Some("https"), "/health"), None);
}

fn asvs_4_1_2_no_host_and_no_parameter_names_another_place(database: Database) {
    let service = Service::start(database);
    let body = json!({ "email": "a@example.com", "password": "not the password" });
    let requests = [
        Request::get("/"),
        Request::get("/docs"),
        Request::get("/docs?url=https://evil.example/openapi.json&configUrl=https://evil.example"),
        Request::get("/problems"),
        Request::get("/openapi.json"),
        Request::get("/health?next=https://evil.example"),
        Request::post(LOG_IN).json(&body),
    ];
    for request in requests {
        let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let answer = service.send(&request);
        assert_eq!(answer.header("location"), None, "{request:?}");
        assert!(!(300..400).contains(&answer.status), "{request:?}");
        assert!(!answer.text().contains("evil.example"), "{request:?}");
    }
}

fn health_and_readiness_say_how_it_stands(database: Database) {
    let service = Service::start(database);
    let health = service.get("/health").json();
    assert_eq!(health["status"], "ok");
    assert!(health["version"].as_str().is_some_and(|version| version.split('.').count() == 3), "{health}");
    let answer = service.get("/health/ready");
    answer.assert_status(200);
    let dependencies = answer.json()["dependencies"].clone();
    let names: Vec<&str> =
        dependencies.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"database") && names.len() >= 2, "{dependencies}");
}

#[test]
fn answers_that_hold_no_secret_and_answers_that_do_say_whether_they_may_be_stored() {
    let service = Service::start(Database::Sqlite);
    for path in ["/health", "/health/ready", "/.well-known/jwks.json", "/openapi.json"] {
        assert!(service.get(path).header("cache-control").is_some(), "{path}");
    }
    for path in [REGISTER, LOG_IN, VERIFY_OTP] {
        assert_eq!(service.post(path, &json!({})).header("cache-control"), Some("no-store"), "{path}");
    }
}
