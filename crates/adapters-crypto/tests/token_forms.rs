//! The ways in which Project Wycheproof breaks signed tokens, tried on one of each algorithm.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use adapters_crypto::{JwtAlgorithm, JwtKey, JwtTokens};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{AccessClaims, AuthenticationMethod, SessionId, UserId};
use jiff::Timestamp;
use ports::{AccessTokens, InvalidAccessToken};
use serde_json::{Value, json};
use uuid::Uuid;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn keys(secret: [u8; 32]) -> [JwtKey; 3] {
    let generated = |algorithm| JwtKey::from_pem(algorithm, &JwtKey::generate_pem(algorithm)).unwrap();
    [generated(JwtAlgorithm::EdDsa), generated(JwtAlgorithm::Es256), JwtKey::from_secret(&secret).unwrap()]
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// With another first byte.
fn modified(part: &str) -> String {
    let mut bytes = decoded(part);
    *bytes.first_mut().unwrap() ^= 1;
    base64(bytes)
}

fn with_header(header: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    change(&mut header);
    base64(header.to_string())
}

/// Signed with what everybody knows, as if it were a secret.
fn hs256(header: &str, payload: &str, secret: &[u8]) -> String {
    let message = format!("{}.{payload}", with_header(header, |header| header["alg"] = json!("HS256")));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", base64(tag))
}

#[test]
fn tk_01_what_wycheproof_breaks_is_refused_for_every_algorithm() {
    for (key, stranger) in keys([1; 32]).into_iter().zip(keys([2; 32])) {
        let algorithm = key.algorithm();
        let claims = AccessClaims {
            user_id: UserId(Uuid::from_u128(1)),
            session_id: SessionId(Uuid::from_u128(2)),
            issued_at: at(NOW),
            expires_at: at(NOW + 900),
            authenticated_at: at(NOW),
            methods: vec![AuthenticationMethod::Password],
        };
        let tokens = |key: JwtKey| JwtTokens::new(key, "issuer".to_owned(), "audience".to_owned());
        let (ours, theirs) = (tokens(key), tokens(stranger));
        let good = ours.issue(&claims).unwrap().expose().to_owned();
        let [h, p, s] = <[&str; 3]>::try_from(good.split('.').collect::<Vec<_>>()).unwrap();
        let none = with_header(h, |header| header["alg"] = json!("none"));
        let of_stranger = theirs.issue(&claims).unwrap().expose().to_owned();
        let their_key = serde_json::from_str::<Value>(&theirs.public_keys()).unwrap()["keys"][0].clone();
        let embedded = with_header(h, |header| header["jwk"] = their_key);
        let public_keys = ours.public_keys();
        let point = serde_json::from_str::<Value>(&public_keys).unwrap()["keys"][0]["x"].clone();
        let flattened = json!({ "protected": h, "payload": p, "signature": s });
        let general = json!({ "payload": p, "signatures": [{ "protected": h, "signature": s }] });
        let refused = [
            ("a modified signature", format!("{h}.{p}.{}", modified(s))),
            ("a shortened signature", format!("{h}.{p}.{}", base64(&decoded(s)[..16]))),
            ("no signature", format!("{h}.{p}.")),
            ("no signature and no dot", format!("{h}.{p}")),
            ("a modified payload", format!("{h}.{}.{s}", modified(p))),
            ("no payload", format!("{h}..{s}")),
            ("no payload and no dot", format!("{h}.{s}")),
            ("a modified header", format!("{}.{p}.{s}", with_header(h, |h| h["kid"] = json!("another")))),
            ("no header", format!(".{p}.{s}")),
            ("no header and no dot", format!("{p}.{s}")),
            ("a payload between dots", format!(".{p}.")),
            ("a payload alone", p.to_owned()),
            ("nothing", String::new()),
            ("an empty fourth part", format!("{good}.")),
            ("a fourth part", format!("{good}.Zm9v")),
            ("no algorithm and no signature", format!("{none}.{p}.")),
            ("no algorithm and the signature", format!("{none}.{p}.{s}")),
            ("the general JSON form", general.to_string()),
            ("the flattened JSON form", flattened.to_string()),
            ("an HMAC with the public keys", hs256(h, p, public_keys.as_bytes())),
            ("an HMAC with a coordinate", hs256(h, p, point.as_str().unwrap_or_default().as_bytes())),
            ("the key of somebody else", of_stranger.clone()),
            ("a key that the token brings", format!("{embedded}.{p}.{s}")),
            ("somebody else's signature", format!("{h}.{p}.{}", of_stranger.rsplit('.').next().unwrap())),
        ];
        assert_eq!(ours.verify(&good, at(NOW)), Ok(claims));
        for (why, token) in refused {
            assert_eq!(ours.verify(&token, at(NOW)), Err(InvalidAccessToken), "{algorithm:?}: {why}");
        }
    }
}
