//! Paths and methods.

use serde_json::Value;

use crate::support::Service;
use crate::world::World;

#[test]
fn every_described_route_is_served_and_others_are_not() {
    let service = Service::start(World::default());
    let document = service.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 33);
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let status = service.ask(&method.to_uppercase(), path, &["Content-Length: 0"]).status;
            assert!(![404, 405].contains(&status), "{method} {path}: {status}");
        }
    }
}

#[test]
fn hx_03_an_unknown_path_is_a_problem() {
    let service = Service::start(World::default());
    for path in [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/auth/login/",
        "/API/v1/me",
        "//api/v1/me",
        "/api/v1/me/../me",
        "/api/v1/%6de%2f",
        "/docs/index.html",
        "/docs/../Cargo.toml",
        "/docs/%2e%2e/Cargo.toml",
        "/assets/docs.html",
        "/problems/nothing",
        "/problems/%00",
        "/problems/%ff",
        "/docs/%ff",
        "/problems/a%2fb",
        "/metrics",
        "/%ff",
        "/*",
        "/api/v1/auth/forgot",
    ] {
        let answer = service.get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{path}");
    }
}

#[test]
fn asvs_4_1_4_a_wrong_method_is_told_the_right_ones() {
    let service = Service::start(World::default());
    for (method, path, allow) in [
        ("GET", "/api/v1/auth/login", "POST"),
        ("HEAD", "/api/v1/auth/login", "POST"),
        ("PUT", "/api/v1/auth/register", "POST"),
        ("POST", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("PUT", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("OPTIONS", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("TRACE", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/api/v1/auth/step-up", "POST"),
        ("DELETE", "/api/v1/me/export", "GET, HEAD"),
        ("DELETE", "/api/v1/me/events", "GET, HEAD"),
        ("GET", "/api/v1/me/password", "POST"),
        ("POST", "/api/v1/me/sessions", "GET, HEAD, DELETE"),
        ("GET", "/api/v1/me/sessions/00000000-0000-0000-0000-000000000004", "DELETE"),
        ("POST", "/api/v1/me/sessions/nonsense", "DELETE"),
        ("POST", "/api/v1/me/devices", "GET, HEAD, DELETE"),
        ("GET", "/api/v1/me/devices/nonsense", "DELETE"),
        ("GET", "/api/v1/auth/passkey/verify", "POST"),
        ("PUT", "/api/v1/me/passkeys", "POST, GET, HEAD"),
        ("DELETE", "/api/v1/me/passkeys/options", "POST"),
        ("GET", "/api/v1/me/passkeys/nonsense", "DELETE"),
        ("BREW", "/health", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
    ] {
        let answer = service.ask(method, path, &["Content-Length: 0"]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.problem(), "method-not-allowed", "{method} {path}");
        }
    }
}

#[test]
fn asvs_13_4_4_trace_and_connect_never_succeed() {
    let service = Service::start(World::default());
    for target in ["/", "/health", "/nothing", "example.com:443", "*"] {
        for method in ["TRACE", "CONNECT"] {
            let answer =
                service.raw(format!("{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
            assert!((400..500).contains(&answer.status), "{method} {target}: {}", answer.status);
        }
    }
}

#[test]
fn asvs_4_1_4_a_header_never_changes_the_method() {
    let service = Service::start(World::default());
    let headers = ["X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST"];
    assert_eq!(service.ask("GET", "/api/v1/auth/login", &headers).status, 405);
    assert_eq!(service.ask("GET", "/api/v1/auth/login?_method=POST", &[]).status, 405);
}

#[test]
fn head_is_get_without_its_body() {
    let service = Service::start(World::default());
    for path in ["/health", "/", "/openapi.json"] {
        let (get, head) = (service.get(path), service.ask("HEAD", path, &[]));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn asvs_4_1_2_no_header_makes_a_route_redirect() {
    let service = Service::start(World::default());
    for path in ["/", "/docs", "/api/v1/me", "/nothing?next=https://evil.example"] {
        let answer = service.ask("GET", path, &["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"]);
        assert!(!(300..400).contains(&answer.status) && answer.header("location").is_none(), "{path}");
        assert!(!answer.text().contains("evil.example"), "{path}");
    }
}

#[test]
fn the_description_names_every_status_of_the_contract() {
    let document = Service::start(World::default()).get("/openapi.json").json();
    let statuses = |path: &str, method: &str| {
        let responses: &Value = &document["paths"][path][method]["responses"];
        responses.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let auth = |name: &str| statuses(&format!("/api/v1/auth/{name}"), "post");
    assert_eq!(auth("register"), "201 400 403 408 413 415 422 429 500 503");
    assert_eq!(auth("login"), "200 400 401 408 413 415 422 429 500 503");
    assert_eq!(auth("otp/request"), "200 400 408 410 413 415 422 429 500 503");
    assert_eq!(auth("otp/verify"), "200 400 401 408 409 410 413 415 422 429 500 503");
    assert_eq!(auth("token/refresh"), "200 400 401 408 413 415 422 429 500 503");
    assert_eq!(auth("logout"), "204 401 429 500 503");
    assert_eq!(auth("step-up"), "200 400 401 408 413 415 422 429 500 503");
    assert_eq!(statuses("/api/v1/me", "get"), "200 401 429 500 503");
    assert_eq!(statuses("/api/v1/me", "patch"), "200 400 401 408 413 415 422 429 500 503");
    assert_eq!(statuses("/api/v1/me", "delete"), "204 401 403 429 500 503");
    assert_eq!(statuses("/api/v1/me/export", "get"), "200 401 403 429 500 503");
    assert_eq!(statuses("/api/v1/me/events", "get"), "200 401 422 429 500 503");
    assert_eq!(statuses("/api/v1/me/password", "post"), "204 400 401 403 408 413 415 422 429 500 503");
    assert_eq!(statuses("/api/v1/me/sessions", "get"), "200 401 429 500 503");
    assert_eq!(statuses("/api/v1/me/sessions", "delete"), "204 401 429 500 503");
    assert_eq!(statuses("/api/v1/me/sessions/{id}", "delete"), "204 401 404 429 500 503");
    assert_eq!(statuses("/api/v1/me/devices", "get"), "200 401 429 500 503");
    assert_eq!(statuses("/api/v1/me/devices", "delete"), "204 401 429 500 503");
    assert_eq!(statuses("/api/v1/me/devices/{id}", "delete"), "204 401 404 429 500 503");
    assert_eq!(auth("passkey/options"), "200 400 408 410 413 415 422 429 500 503");
    assert_eq!(auth("passkey/verify"), "200 400 401 408 410 413 415 422 429 500 503");
    assert_eq!(statuses("/api/v1/me/passkeys/options", "post"), "200 401 403 409 429 500 503");
    assert_eq!(statuses("/api/v1/me/passkeys", "post"), "201 400 401 408 409 413 415 422 429 500 503");
    assert_eq!(statuses("/api/v1/me/passkeys", "get"), "200 401 429 500 503");
    assert_eq!(statuses("/api/v1/me/passkeys/{id}", "delete"), "204 401 403 404 429 500 503");
    assert_eq!(statuses("/health/ready", "get"), "200 503");
    let logout = &document["paths"]["/api/v1/auth/logout"]["post"];
    assert_eq!(logout["security"][0]["bearer"], serde_json::json!([]));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn nb_07_the_description_says_what_each_field_takes_and_what_a_code_is_worth() {
    let document = Service::start(World::default()).get("/openapi.json").json();
    assert!(document["info"]["description"].as_str().unwrap().contains("restricted authenticator"));
    let register = &document["components"]["schemas"]["RegisterRequest"];
    let required = serde_json::json!(["email", "password", "phone_number"]);
    assert_eq!(register["required"], required);
    let password = &register["properties"]["password"];
    assert_eq!(
        (&password["minLength"], &password["maxLength"]),
        (&serde_json::json!(8), &serde_json::json!(128))
    );
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
    }
}
