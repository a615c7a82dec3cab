//! What is said of each field.

use serde_json::{Value, json};

use crate::support::Service;
use crate::world::{PHONE, World};

#[track_caller]
fn refused(service: &Service, path: &str, body: &Value) -> Vec<String> {
    service.post(path, body.to_string()).field_errors()
}

fn with(field: &str, value: Value) -> Value {
    let mut body =
        json!({"email": "ann@example.com", "password": "violet-anchor-piano", "phone_number": PHONE});
    body[field] = value;
    body
}

#[test]
fn asvs_2_2_1_every_field_of_a_registration_has_its_errors() {
    let service = Service::start(World::default());
    let cases = [
        ("email", json!(null), "/email required"),
        ("email", json!(7), "/email wrong-type"),
        ("email", json!(["ann@example.com"]), "/email wrong-type"),
        ("email", json!(""), "/email invalid-email"),
        ("email", json!("ann"), "/email invalid-email"),
        ("email", json!("ann\0@example.com"), "/email invalid-email"),
        ("email", json!("a".repeat(600)), "/email too-long"),
        ("password", json!(null), "/password required"),
        ("password", json!(true), "/password wrong-type"),
        ("password", json!({}), "/password wrong-type"),
        ("password", json!("zq7-Kfw"), "/password too-short"),
        ("password", json!("ä".repeat(129)), "/password too-long"),
        ("password", json!("PassWord1"), "/password too-common"),
        ("password", json!("ann@EXAMPLE.com"), "/password contains-email"),
        ("phone_number", json!(null), "/phone_number required"),
        ("phone_number", json!(46_701_234_567_u64), "/phone_number wrong-type"),
        ("phone_number", json!("+46"), "/phone_number invalid-phone-number"),
        ("phone_number", json!("+46701234567 ext 1"), "/phone_number invalid-phone-number"),
        ("phone_number", json!("+4670123456\0"), "/phone_number invalid-phone-number"),
        ("phone_number", json!("1".repeat(65)), "/phone_number too-long"),
        ("phone_number", json!("0701234567"), "/phone_number missing-country"),
        ("country", json!("XX"), "/country unknown-country"),
        ("country", json!("S\0"), "/country unknown-country"),
        ("country", json!(46), "/country wrong-type"),
        ("locale", json!("svensk"), "/locale invalid-locale"),
        ("locale", json!("en\u{1b}"), "/locale invalid-locale"),
        ("locale", json!(false), "/locale wrong-type"),
    ];
    for (field, value, error) in cases {
        assert_eq!(refused(&service, "/api/v1/auth/register", &with(field, value)), [error]);
    }
}

#[test]
fn all_errors_are_told_at_once_in_the_order_of_the_fields() {
    let service = Service::start(World::default());
    assert_eq!(
        refused(&service, "/api/v1/auth/register", &json!({})),
        ["/email required", "/password required", "/phone_number required"],
    );
    let body = json!({"locale": 1, "country": "XX", "phone_number": "0701234567", "password": "short", "email": "x"});
    assert_eq!(
        refused(&service, "/api/v1/auth/register", &body),
        ["/email invalid-email", "/password too-short", "/country unknown-country", "/locale wrong-type"],
    );
}

#[test]
fn asvs_15_3_3_unknown_fields_change_nothing() {
    let service = Service::start(World::that_sends());
    let body = with("is_admin", json!({"anything": [1, 2, {"deep": null}]}));
    assert_eq!(service.post("/api/v1/auth/register", body.to_string()).status, 201);
}

#[test]
fn a_national_number_is_read_within_its_country_and_null_is_nothing() {
    let service = Service::start(World::that_sends());
    let mut body = with("phone_number", json!("070-123 45 67"));
    body["country"] = json!("se");
    assert_eq!(service.post("/api/v1/auth/register", body.to_string()).status, 201);
    assert_eq!(service.post("/api/v1/auth/register", with("locale", json!(null)).to_string()).status, 201);
}

#[test]
fn a_sign_in_names_its_account_in_one_way() {
    let service = Service::start(World::default());
    let cases = [
        (json!({}), vec!["/email required", "/password required"]),
        (
            json!({"email": "a@b.example", "phone_number": PHONE, "password": "x"}),
            vec!["/phone_number one-of-two"],
        ),
        (json!({"email": 1, "phone_number": null, "password": "x"}), vec!["/email wrong-type"]),
        (json!({"email": "a", "password": "x"}), vec!["/email invalid-email"]),
        (json!({"phone_number": "0701234567", "password": "x"}), vec!["/phone_number missing-country"]),
        (
            json!({"phone_number": "0701234567", "country": "QQ", "password": "x"}),
            vec!["/country unknown-country"],
        ),
        (json!({"email": "a@b.example", "password": ""}), vec!["/password too-short"]),
        (json!({"email": "a@b.example", "password": "x".repeat(1025)}), vec!["/password too-long"]),
        (json!({"email": "a@b.example", "password": []}), vec!["/password wrong-type"]),
        (
            json!({"email": "a@b.example", "password": "x", "device_token": 1}),
            vec!["/device_token wrong-type"],
        ),
    ];
    for (body, errors) in cases {
        assert_eq!(refused(&service, "/api/v1/auth/login", &body), errors, "{body}");
    }
}

#[test]
fn asvs_2_2_3_a_guess_fits_its_challenge() {
    let service = Service::start(World::default());
    let with = |field: &str, value: Value| {
        let mut body = json!({"challenge_id": "challenge-1", "code": "123456"});
        body[field] = value;
        body
    };
    let cases = [
        ("challenge_id", json!(null), "/challenge_id required"),
        ("challenge_id", json!(1), "/challenge_id wrong-type"),
        ("challenge_id", json!("a\0b"), "/challenge_id invalid-challenge-id"),
        ("challenge_id", json!(""), "/challenge_id invalid-challenge-id"),
        ("code", json!(null), "/code required"),
        ("code", json!(123_456), "/code wrong-type"),
        ("code", json!("12"), "/code invalid-format"),
        ("code", json!("123\n456"), "/code invalid-format"),
        ("method", json!("pigeon"), "/method unknown-method"),
        ("method", json!("TOTP"), "/method unknown-method"),
        ("method", json!(1), "/method wrong-type"),
        ("remember_device", json!("yes"), "/remember_device wrong-type"),
    ];
    for (field, value, error) in cases {
        assert_eq!(refused(&service, "/api/v1/auth/otp/verify", &with(field, value)), [error]);
    }
}

#[test]
fn a_further_message_names_its_challenge_and_a_channel() {
    let service = Service::start(World::default());
    let path = "/api/v1/auth/otp/request";
    assert_eq!(refused(&service, path, &json!({})), ["/challenge_id required"]);
    let body = json!({"challenge_id": "challenge-1", "channel": "pigeon"});
    assert_eq!(refused(&service, path, &body), ["/channel unknown-channel"]);
    let body = json!({"challenge_id": "challenge-1", "channel": ["sms"]});
    assert_eq!(refused(&service, path, &body), ["/channel wrong-type"]);
}

#[test]
fn a_refresh_without_a_token_is_no_wrong_token() {
    let service = Service::start(World::default());
    let path = "/api/v1/auth/token/refresh";
    assert_eq!(refused(&service, path, &json!({})), ["/refresh_token required"]);
    assert_eq!(refused(&service, path, &json!({"refresh_token": 1})), ["/refresh_token wrong-type"]);
    for garbage in ["", "x", "a\0b", &"a".repeat(5000)] {
        let answer = service.post(path, json!({"refresh_token": garbage}).to_string());
        assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid-token"));
    }
}
