//! What services are told of tokens, and which are.

use http_actix::HttpSettings;
use serde_json::{Value, json};

use crate::support::{Answer, Service, settings};
use crate::world::{ACCESS_TOKEN, API_KEY, World};

const PATH: &str = "/api/v1/auth/token/introspect";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn introspecting(allow: Option<&str>) -> HttpSettings {
    let allow = allow.map(|network| vec![network.parse().unwrap()]);
    HttpSettings {
        introspection_allow: allow,
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..settings()
    }
}

fn service() -> Service {
    Service::start_with(introspecting(Some("127.0.0.0/8")), World::with_session())
}

fn key() -> String {
    format!("Authorization: Bearer {API_KEY}")
}

fn ask(service: &Service, form: &str) -> Answer {
    service.post_as(PATH, &[&key(), FORM], form)
}

#[track_caller]
fn told(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    answer.json()
}

#[test]
fn an_active_token_is_told_with_its_claims_and_any_other_only_as_inactive() {
    let service = service();
    let active = told(&ask(&service, &format!("token={ACCESS_TOKEN}&token_type_hint=refresh_token")));
    let names: Vec<&str> = active.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["active", "amr", "aud", "auth_time", "exp", "iat", "iss", "sid", "sub", "token_type"]);
    assert_eq!(
        (&active["active"], &active["iss"], &active["aud"]),
        (&json!(true), &json!("us"), &json!("them"))
    );
    for token in ["unknown.token.here", "", "%00", "refresh-refresh-refresh-refresh-refresh-ref"] {
        assert_eq!(told(&ask(&service, &format!("token={token}"))), json!({"active": false}), "{token:?}");
    }
}

#[test]
fn asvs_7_4_1_a_token_of_an_ended_session_is_inactive() {
    let mut world = World::with_session();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Ok(None));
    let service = Service::start_with(introspecting(Some("127.0.0.0/8")), world);
    assert_eq!(told(&ask(&service, &format!("token={ACCESS_TOKEN}"))), json!({"active": false}));
}

#[test]
fn only_a_service_with_a_key_is_answered_and_nothing_is_read_before() {
    let service = service();
    let good = key();
    for headers in [
        &[FORM][..],
        &[FORM, "Authorization: Bearer another-key"],
        &[FORM, "Authorization: Basic dXNlcjpwYXNz"],
        &[FORM, &good, &good],
        &["Content-Type: text/plain"],
    ] {
        let answer = service.post_as(PATH, headers, format!("token={ACCESS_TOKEN}"));
        assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid-token"), "{headers:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{headers:?}");
    }
    let in_form = service.post_as(PATH, &[FORM], format!("token={ACCESS_TOKEN}&access_token={API_KEY}"));
    assert_eq!(in_form.status, 401);
    let token_of_a_user = format!("Authorization: Bearer {ACCESS_TOKEN}");
    assert_eq!(service.post_as(PATH, &[FORM, &token_of_a_user], format!("token={ACCESS_TOKEN}")).status, 401);
}

#[test]
fn from_addresses_that_are_not_allowed_and_without_a_key_nothing_is_there() {
    let form = format!("token={ACCESS_TOKEN}");
    let elsewhere = service().post_as(PATH, &[&key(), FORM, "X-Forwarded-For: 203.0.113.9"], &form);
    assert_eq!((elsewhere.status, elsewhere.problem().as_str()), (404, "not-found"));
    let off = Service::start_with(introspecting(None), World::with_session());
    for answer in [off.post_as(PATH, &[&key(), FORM], &form), off.get(PATH), off.ask("DELETE", PATH, &[])] {
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    }
    assert!(!off.get("/openapi.json").text().contains(PATH));
    assert!(service().get("/openapi.json").text().contains(PATH));
}

#[test]
fn only_a_form_of_names_that_stand_once_is_read() {
    let service = service();
    let form = format!("token={ACCESS_TOKEN}");
    for (content_type, body, status, problem) in [
        ("application/json", r#"{"token":"x"}"#, 415, "unsupported-media-type"),
        ("multipart/form-data", &form, 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded; charset=latin1", &form, 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded", "token=a&token=b", 400, "malformed-request"),
        ("application/x-www-form-urlencoded", "tokens=a", 422, "validation-failed"),
        ("application/x-www-form-urlencoded", "", 422, "validation-failed"),
        (
            "application/x-www-form-urlencoded",
            &format!("token={}", "x".repeat(17_000)),
            413,
            "payload-too-large",
        ),
    ] {
        let answer = service.post_as(PATH, &[&key(), &format!("Content-Type: {content_type}")], body);
        assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{content_type}");
    }
    let missing = ask(&service, "");
    assert!(missing.text().contains("/token"), "{}", missing.text());
    let typed = "Content-Type: Application/X-WWW-Form-Urlencoded;charset=UTF-8";
    assert_eq!(told(&service.post_as(PATH, &[&key(), typed], &form))["active"], true);
    let encoded = [key(), FORM.to_owned(), "Content-Encoding: gzip".to_owned()];
    let refused = service.post_as(PATH, &encoded.each_ref().map(String::as_str), &form);
    assert!(refused.status == 415 && refused.text().contains("x-www-form-urlencoded"), "{}", refused.text());
}
