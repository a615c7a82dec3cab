//! What other services are told of access tokens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Database, INTROSPECT, Jwt, Request, Service};

on_both_databases!(
    a_service_is_told_what_a_token_says_while_its_session_lives,
    asvs_13_2_3_two_keys_are_valid_at_once,
);

const KEY: &str = "a2V5LW9mLWEtc2VydmljZS10aGF0LWFza3MtdG9rZW4=";
const NEXT: &str = "bmV4dC1rZXktb2YtdGhhdC1zZXJ2aWNlLXRoYXQtYXM=";

fn settings(keys: &str) -> [(&str, &str); 1] {
    [("OTP_LOGIN__INTROSPECTION__API_KEY", keys)]
}

fn told(service: &Service, token: &str) -> Value {
    let answer = service.introspect(KEY, token);
    answer.assert_status(200);
    answer.json()
}

fn a_service_is_told_what_a_token_says_while_its_session_lives(database: Database) {
    let service = Service::with(database, &settings(KEY));
    let (_, tokens) = service.signed_up();
    let claims = Jwt::read(&tokens.access_token).claims;

    let active = told(&service, &tokens.access_token);
    assert_eq!((&active["active"], &active["token_type"]), (&json!(true), &json!("Bearer")));
    let same = ["iss", "aud", "sub", "sid", "iat", "exp", "auth_time", "amr"];
    for claim in same {
        assert_eq!(active[claim], claims[claim], "{claim}");
    }
    let names: BTreeSet<&str> = active.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, same.into_iter().chain(["active", "token_type"]).collect(), "and no more of the user");

    let inactive = json!({ "active": false });
    let forged = Jwt::unsigned(&json!({ "alg": "none", "typ": "at+jwt", "kid": "x" }), &claims).compact();
    for token in [tokens.refresh_token.as_str(), forged.as_str(), "garbage", "", &"x".repeat(9000)] {
        assert_eq!(told(&service, token), inactive, "{token}");
    }
    service.log_out(&tokens.access_token).assert_status(204);
    assert_eq!(told(&service, &tokens.access_token), inactive);
}

fn asvs_13_2_3_two_keys_are_valid_at_once(database: Database) {
    let both = format!("{KEY},{NEXT}");
    let service = Service::with(database, &settings(&both));
    let (_, tokens) = service.signed_up();
    for key in [KEY, NEXT] {
        assert_eq!(service.introspect(key, &tokens.access_token).json()["active"], true);
    }
    let (cut, long) = (&KEY[..KEY.len() - 1], format!("{KEY}x"));
    for key in ["x", cut, &long, &both, &tokens.access_token] {
        service.introspect(key, &tokens.access_token).refusal(401, "invalid-token");
    }
    assert!(
        !service.server.output().contains(KEY) && !service.server.output().contains(&tokens.access_token)
    );
}

#[test]
fn without_a_key_there_is_nothing_to_ask() {
    let service = Service::start(Database::Sqlite);
    let (_, tokens) = service.signed_up();
    service.introspect(KEY, &tokens.access_token).refusal(404, "not-found");
    service.get(INTROSPECT).refusal(404, "not-found");
}

#[test]
fn only_allowed_addresses_may_ask() {
    let allow = [
        ("OTP_LOGIN__INTROSPECTION__ALLOW", "10.1.0.0/16"),
        ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let service = Service::with(Database::Sqlite, &[&settings(KEY)[..], &allow].concat());
    let (_, tokens) = service.signed_up();
    let form = format!("token={}", tokens.access_token);
    let from = |address: &str| {
        service.send(&Request::post(INTROSPECT).bearer(KEY).form(&form).header("x-forwarded-for", address))
    };
    assert_eq!(from("10.1.2.3").json()["active"], true);
    for address in ["10.2.0.1", "203.0.113.9", "10.1.2.3, 203.0.113.9"] {
        from(address).refusal(404, "not-found");
    }
    service.introspect(KEY, &tokens.access_token).refusal(404, "not-found");
}
