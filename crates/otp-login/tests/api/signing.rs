//! Access tokens as resource servers see them, and forged ones.

use std::collections::BTreeSet;
use std::process::Command;

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Database, Jwt, Service, Tokens, public_key, until};

on_both_databases!(
    asvs_10_3_2_an_access_token_says_who_signed_in_when_and_how,
    asvs_10_3_4_a_refresh_keeps_when_and_how_somebody_signed_in,
    tk_04_tokens_verify_with_the_published_key,
    asvs_9_1_2_forged_tokens_open_nothing,
);

fn asvs_10_3_2_an_access_token_says_who_signed_in_when_and_how(database: Database) {
    let settings =
        [("OTP_LOGIN__JWT__ISSUER", "https://issuer.example"), ("OTP_LOGIN__JWT__AUDIENCE", "shop")];
    let service = Service::with(database, &settings);
    let before = Timestamp::now().as_second();
    let (_, tokens) = service.signed_up();
    let after = Timestamp::now().as_second();
    let token = Jwt::read(&tokens.access_token);

    assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
    let claims = token.claims.as_object().unwrap();
    let names: BTreeSet<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "amr"]));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://issuer.example"), &json!("shop")));
    assert_eq!(claims["sub"], tokens.user.id.to_string());
    assert_eq!(claims["sid"].as_str().unwrap().parse::<Uuid>().unwrap().get_version_num(), 7);
    assert!(claims["jti"].as_str().unwrap().len() >= 22);
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert!((before..=after).contains(&time("iat")) && (before..=after).contains(&time("auth_time")));
    assert_eq!(time("exp") - time("iat"), 900);
    assert_eq!(claims["amr"], json!(["pwd", "sms", "mfa"]));
}

fn asvs_10_3_4_a_refresh_keeps_when_and_how_somebody_signed_in(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let first = Jwt::read(&tokens.access_token).claims;
    until("the next second", || (Some(Timestamp::now().as_second()) > first["iat"].as_i64()).then_some(()));
    let fresh: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    let second = Jwt::read(&fresh.access_token).claims;
    for claim in ["sub", "sid", "auth_time", "amr"] {
        assert_eq!(first[claim], second[claim], "{claim}");
    }
    assert_ne!(first["jti"], second["jti"]);
    assert!(second["iat"].as_i64() > first["iat"].as_i64());
}

/// The published key that a token names.
fn published_key(service: &Service, token: &Jwt) -> Value {
    let keys = service.get("/.well-known/jwks.json").json()["keys"].as_array().unwrap().clone();
    let named: Vec<Value> = keys.into_iter().filter(|key| key["kid"] == token.header["kid"]).collect();
    let [key] = named.as_slice() else { panic!("not one key: {named:?}") };
    for private in ["d", "k", "p", "q"] {
        assert!(key.get(private).is_none(), "{private} is published");
    }
    assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &token.header["alg"]));
    key.clone()
}

fn tk_04_tokens_verify_with_the_published_key(database: Database) {
    for algorithm in ["EdDSA", "ES256"] {
        let generated = generated_key(algorithm);
        let settings =
            [("OTP_LOGIN__JWT__ALGORITHM", algorithm), ("OTP_LOGIN__JWT__PRIVATE_KEY", generated.as_str())];
        let service = Service::with(database, &settings);
        let (_, tokens) = service.signed_up();
        let token = Jwt::read(&tokens.access_token);
        assert_eq!(token.header["alg"], algorithm);
        let key = published_key(&service, &token);
        assert!(token.is_signed_by(&key));
        let other = Jwt::unsigned(&token.header, &json!({ "sub": "another" })).with_signature_of(&token);
        assert!(!other.is_signed_by(&key));
        service.user(&tokens.access_token);
    }
}

/// A private key as `otp-login keys generate` prints it.
fn generated_key(algorithm: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_otp-login")).args(["keys", "generate", "--jwt", algorithm]).output();
    let printed = String::from_utf8(output.unwrap().stdout).unwrap();
    let line = printed.lines().find_map(|line| line.strip_prefix("OTP_LOGIN__JWT__PRIVATE_KEY="));
    line.unwrap().trim_matches('"').to_owned()
}

#[test]
fn hs256_tokens_are_signed_with_the_secret_and_no_key_is_published() {
    let secret = [7; 32];
    let encoded = BASE64_STANDARD.encode(secret);
    let settings = [("OTP_LOGIN__JWT__ALGORITHM", "HS256"), ("OTP_LOGIN__JWT__SECRET", encoded.as_str())];
    let service = Service::with(Database::Sqlite, &settings);
    let (_, tokens) = service.signed_up();
    let token = Jwt::read(&tokens.access_token);
    assert_eq!(token.header["alg"], "HS256");
    assert!(token.is_hmac_by(&secret));
    assert_eq!(service.get("/.well-known/jwks.json").json(), json!({ "keys": [] }));
    service.user(&tokens.access_token);
    let forged = Jwt::unsigned(&token.header, &token.claims).hmac_signed(b"");
    service.me(&forged.compact()).refusal(401, "invalid-token");
}

/// The members of `object` with those of `changes`; `null` takes one away.
fn changed(object: &Value, changes: &Value) -> Value {
    let mut members = object.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    members.into()
}

fn asvs_9_1_2_forged_tokens_open_nothing(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let real = Jwt::read(&tokens.access_token);
    let public = public_key(&published_key(&service, &real));
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64_STANDARD.encode(&public)
    );
    let jwk = json!({ "kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode([1; 32]) });
    let header = |changes: Value| changed(&real.header, &changes);
    let claims = |changes: Value| changed(&real.claims, &changes);

    let mut forged = vec![
        Jwt::unsigned(&header(json!({ "alg": "none" })), &real.claims).compact(),
        Jwt::unsigned(&header(json!({ "alg": "NONE", "kid": null })), &real.claims).compact(),
        Jwt::unsigned(&header(json!({ "alg": "HS256" })), &real.claims).hmac_signed(&public).compact(),
        Jwt::unsigned(&header(json!({ "alg": "HS256" })), &real.claims).hmac_signed(pem.as_bytes()).compact(),
        Jwt::unsigned(&header(json!({ "alg": "HS256", "jwk": jwk })), &real.claims)
            .hmac_signed(&[1; 32])
            .compact(),
    ];
    let other_headers = [
        json!({ "alg": "none" }),
        json!({ "alg": "ES256" }),
        json!({ "typ": "JWT" }),
        json!({ "typ": null }),
        json!({ "kid": "unknown" }),
        json!({ "kid": null }),
        json!({ "kid": "../../../dev/null" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "crit": ["x"], "x": 1 }),
        json!({ "b64": false, "crit": ["b64"] }),
        json!({ "jku": "http://127.0.0.1:1/jwks.json" }),
        json!({ "x5u": "http://127.0.0.1:1/key.pem" }),
    ];
    for changes in other_headers {
        forged.push(Jwt::unsigned(&header(changes), &real.claims).with_signature_of(&real).compact());
    }
    let other_claims = [
        json!({ "exp": 4_102_444_800_u64 }),
        json!({ "sub": Uuid::nil().to_string() }),
        json!({ "aud": "another" }),
        json!({ "amr": ["pwd"] }),
        json!({ "exp": null }),
    ];
    for changes in other_claims {
        forged.push(Jwt::unsigned(&real.header, &claims(changes)).with_signature_of(&real).compact());
    }
    let token = &tokens.access_token;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    forged.extend([
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{token}="),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{}", "A".repeat(signature.len())),
        token.replace('.', ".."),
        "x".repeat(8000),
    ]);
    for forged in &forged {
        service.me(forged).refusal(401, "invalid-token");
    }
    service.user(token);
}

#[test]
fn asvs_9_2_3_services_with_one_key_and_other_audiences_or_issuers_refuse_each_other() {
    let url = Database::Postgres.url();
    let with = |name: &str, value: &str| Service::at(&url, &[(name, value)]);
    let first = with("OTP_LOGIN__JWT__AUDIENCE", "first");
    let (_, tokens) = first.signed_up();
    let same = with("OTP_LOGIN__JWT__AUDIENCE", "first");
    same.user(&tokens.access_token);
    with("OTP_LOGIN__JWT__AUDIENCE", "second").me(&tokens.access_token).refusal(401, "invalid-token");
    let other_issuer =
        [("OTP_LOGIN__JWT__AUDIENCE", "first"), ("OTP_LOGIN__JWT__ISSUER", "https://another.example")];
    Service::at(&url, &other_issuer).me(&tokens.access_token).refusal(401, "invalid-token");
}

#[test]
fn asvs_7_4_1_a_session_that_ends_at_one_replica_is_over_at_every_other() {
    let url = Database::Postgres.url();
    let (first, second) = (Service::at(&url, &[]), Service::at(&url, &[]));
    let (_, tokens) = first.signed_up();
    second.user(&tokens.access_token);
    first.log_out(&tokens.access_token).assert_status(204);
    second.me(&tokens.access_token).refusal(401, "invalid-token");
    second.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
}
