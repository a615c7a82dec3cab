//! Access tokens through the port: what is accepted, and what never is.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use adapters_crypto::{JwtAlgorithm, JwtKey, JwtTokens};
use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::{AccessClaims, AuthenticationMethod, SessionId, UserId};
use jiff::{SignedDuration, Timestamp};
use ports::{AccessTokens, InvalidAccessToken};
use serde_json::{Value, json};
use uuid::Uuid;

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "otp-login";
const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn tokens(key: JwtKey) -> JwtTokens {
    JwtTokens::new(key, ISSUER.to_owned(), AUDIENCE.to_owned())
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId(Uuid::from_u128(1)),
        session_id: SessionId(Uuid::from_u128(2)),
        issued_at: at(NOW),
        expires_at: at(NOW + 900),
        authenticated_at: at(NOW - 60),
        methods: vec![
            AuthenticationMethod::Password,
            AuthenticationMethod::Sms,
            AuthenticationMethod::MultiFactor,
        ],
    }
}

/// One who holds our key and can sign whatever they like.
struct Forger {
    pem: String,
    key: JwtKey,
}

impl Forger {
    fn new() -> Self {
        let pem = JwtKey::generate_pem(JwtAlgorithm::EdDsa).to_string();
        Self { key: JwtKey::from_pem(JwtAlgorithm::EdDsa, &pem).unwrap(), pem }
    }

    fn id(&self) -> &str {
        self.key.verifying_key().id()
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.id()})
    }

    /// A token of these parts, truly signed with our key.
    fn sign_parts(&self, header: &str, payload: &str) -> String {
        let der = self.pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let pair = Ed25519KeyPair::from_pkcs8(&BASE64_STANDARD.decode(der).unwrap()).unwrap();
        let message = format!("{header}.{payload}");
        let signature = base64(pair.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_parts(&base64(header.as_bytes()), &base64(payload.as_bytes()))
    }

    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header();
        change(&mut header);
        self.sign(&header.to_string(), &payload().to_string())
    }

    fn with_payload(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut payload = payload();
        change(&mut payload);
        self.sign(&self.header().to_string(), &payload.to_string())
    }

    /// The payload with one text in place of another.
    fn with_raw_payload(&self, from: &str, to: &str) -> String {
        let payload = payload().to_string();
        assert!(payload.contains(from), "{from}");
        self.sign(&self.header().to_string(), &payload.replacen(from, to, 1))
    }

    fn good(&self) -> String {
        self.with_payload(|_| ())
    }
}

fn payload() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::from_u128(1).to_string(), "sid": Uuid::from_u128(2).to_string(),
        "jti": "x", "iat": NOW, "exp": NOW + 900, "auth_time": NOW, "amr": ["pwd", "sms", "mfa"],
    })
}

fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn without(name: &'static str) -> impl FnOnce(&mut Value) {
    move |object| assert!(object.as_object_mut().unwrap().remove(name).is_some())
}

fn with(name: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |object| object[name] = value
}

fn is_accepted(tokens: &JwtTokens, token: &str) -> bool {
    tokens.verify(token, at(NOW)).is_ok()
}

fn assert_all_refused(forger: &Forger, refused: Vec<(&str, String)>) {
    let tokens = tokens(forger.key.clone());
    assert!(is_accepted(&tokens, &forger.good()), "the token that the others are changed from");
    for (why, token) in refused {
        // Twice: what is refused must not be remembered as verified.
        assert_eq!(tokens.verify(&token, at(NOW)), Err(InvalidAccessToken), "{why}");
        assert_eq!(tokens.verify(&token, at(NOW)), Err(InvalidAccessToken), "{why}, again");
    }
}

#[test]
fn a_token_says_what_it_was_issued_with() {
    let keys = [
        JwtKey::from_pem(JwtAlgorithm::EdDsa, &JwtKey::generate_pem(JwtAlgorithm::EdDsa)).unwrap(),
        JwtKey::from_pem(JwtAlgorithm::Es256, &JwtKey::generate_pem(JwtAlgorithm::Es256)).unwrap(),
        JwtKey::from_secret(&[7; 32]).unwrap(),
    ];
    for key in keys {
        let tokens = tokens(key);
        let (first, second) = (tokens.issue(&claims()).unwrap(), tokens.issue(&claims()).unwrap());
        assert_eq!(tokens.verify(first.expose(), at(NOW)), Ok(claims()));
        assert_eq!(tokens.verify(first.expose(), at(NOW)), Ok(claims()), "from memory");
        assert_ne!(first.expose(), second.expose(), "each has a jti of its own");
    }
}

#[test]
fn asvs_9_2_2_an_issued_token_is_an_access_token_of_rfc_9068() {
    let key = Forger::new().key;
    let id = key.verifying_key().id().to_owned();
    let token = tokens(key).issue(&claims()).unwrap();
    let part = |index| -> Value {
        let part = token.expose().split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "EdDSA", "typ": "at+jwt", "kid": id}));
    let mut payload = part(1);
    let jti = payload.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 22);
    assert_eq!(
        payload,
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "00000000-0000-0000-0000-000000000001",
            "sid": "00000000-0000-0000-0000-000000000002", "iat": NOW, "exp": NOW + 900,
            "auth_time": NOW - 60, "amr": ["pwd", "sms", "mfa"],
        })
    );
}

#[test]
fn tk_01_only_the_compact_form_in_canonical_base64url_is_read() {
    let forger = Forger::new();
    let good = forger.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let changed_last = |c: char| format!("{}{c}", &good[..good.len() - 1]);
    // 64 bytes leave four unused bits in the last character, which is so one of AQgw.
    let non_canonical = match good.chars().last().unwrap() {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        _ => 'x',
    };
    assert_all_refused(
        &forger,
        vec![
            ("empty", String::new()),
            ("dots", "..".to_owned()),
            ("one part", header.to_owned()),
            ("two parts", message.to_owned()),
            ("an extra part", format!("{good}.{signature}")),
            ("an empty extra part", format!("{good}.")),
            ("a leading dot", format!(".{good}")),
            ("no signature", format!("{message}.")),
            ("no payload", forger.sign_parts(header, "")),
            ("padding", format!("{good}==")),
            ("padding inside", forger.sign_parts(&format!("{header}="), payload)),
            ("white space before", format!(" {good}")),
            ("a line end after", format!("{good}\n")),
            ("white space inside", format!("{header}. {payload}.{signature}")),
            ("unused bits set", changed_last(non_canonical)),
            (
                "the standard alphabet",
                good.replacen(header, &BASE64_STANDARD.encode("{\"alg\":\"EdDSA??>\"}"), 1),
            ),
            ("the JSON form", json),
            ("a NUL", format!("{good}\0")),
            ("too long", forger.with_payload(with("filler", json!("x".repeat(4096))))),
        ],
    );
}

#[test]
fn asvs_9_1_1_the_algorithm_belongs_to_the_key() {
    let forger = Forger::new();
    let jwks: Value = serde_json::from_str(&tokens(forger.key.clone()).public_keys()).unwrap();
    let public = BASE64_URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
    let hs256_with = |secret: &[u8]| {
        let mut header = forger.header();
        header["alg"] = json!("HS256");
        let message =
            format!("{}.{}", base64(header.to_string().as_bytes()), base64(payload().to_string().as_bytes()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", base64(tag.as_ref()))
    };
    let unsigned = |alg: &str| {
        let token = forger.with_header(with("alg", json!(alg)));
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    assert_all_refused(
        &forger,
        vec![
            ("none, unsigned", unsigned("none")),
            ("None, unsigned", unsigned("None")),
            ("none, signed", forger.with_header(with("alg", json!("none")))),
            ("EdDSA, unsigned", unsigned("EdDSA")),
            ("HS256 with the public key", hs256_with(&public)),
            ("HS256 with the key id", hs256_with(forger.id().as_bytes())),
            ("HS256 with the public JWK", hs256_with(jwks["keys"][0].to_string().as_bytes())),
            ("HS256 with no key", hs256_with(b"")),
            ("ES256 named", forger.with_header(with("alg", json!("ES256")))),
            ("Ed25519 named", forger.with_header(with("alg", json!("Ed25519")))),
            ("another case", forger.with_header(with("alg", json!("eddsa")))),
            ("alg missing", forger.with_header(without("alg"))),
            ("alg is a list", forger.with_header(with("alg", json!(["EdDSA"])))),
            ("another key", Forger::new().good()),
        ],
    );
}

#[test]
fn asvs_9_1_3_tk_04_a_key_is_only_ever_found_among_the_loaded_ones() {
    let (forger, stranger) = (Forger::new(), Forger::new());
    let jwks: Value = serde_json::from_str(&tokens(stranger.key.clone()).public_keys()).unwrap();
    let signed_by_stranger = |change: &dyn Fn(&mut Value)| {
        let mut header = forger.header();
        change(&mut header);
        stranger.sign(&header.to_string(), &payload().to_string())
    };
    assert_all_refused(
        &forger,
        vec![
            ("our id, another key", signed_by_stranger(&|_| ())),
            ("a jwk", signed_by_stranger(&|header| header["jwk"] = jwks["keys"][0].clone())),
            ("a jku", forger.with_header(with("jku", json!("https://example.com/keys")))),
            ("an x5u", forger.with_header(with("x5u", json!("https://example.com/chain")))),
            ("an x5c", forger.with_header(with("x5c", json!(["AA"])))),
            ("an x5t", forger.with_header(with("x5t", json!("AA")))),
            ("no kid", forger.with_header(without("kid"))),
            ("an empty kid", forger.with_header(with("kid", json!("")))),
            ("a long kid", forger.with_header(with("kid", json!("k".repeat(65))))),
            ("a path as kid", forger.with_header(with("kid", json!("../../../dev/null")))),
            ("SQL as kid", forger.with_header(with("kid", json!("' OR 1=1 --")))),
            ("a number as kid", forger.with_header(with("kid", json!(1)))),
            ("null as kid", forger.with_header(with("kid", Value::Null))),
        ],
    );
}

#[test]
fn tk_02_unknown_or_repeated_header_members_are_refused() {
    let forger = Forger::new();
    let raw_header = |text: String| forger.sign(&text, &payload().to_string());
    let repeated = |name: &str, value: &str| {
        raw_header(forger.header().to_string().replacen('{', &format!("{{\"{name}\":\"{value}\","), 1))
    };
    let as_list = json!(["EdDSA", "at+jwt", forger.id()]).to_string();
    assert_all_refused(
        &forger,
        vec![
            ("crit", forger.with_header(with("crit", json!(["exp"])))),
            ("an empty crit", forger.with_header(with("crit", json!([])))),
            ("b64 false", forger.with_header(with("b64", json!(false)))),
            ("b64 true", forger.with_header(with("b64", json!(true)))),
            (
                "crit and b64",
                forger.with_header(|header| {
                    header["crit"] = json!(["b64"]);
                    header["b64"] = json!(false);
                }),
            ),
            ("typ JWT", forger.with_header(with("typ", json!("JWT")))),
            ("typ in capitals", forger.with_header(with("typ", json!("AT+JWT")))),
            ("typ as media type", forger.with_header(with("typ", json!("application/at+jwt")))),
            ("typ missing", forger.with_header(without("typ"))),
            ("typ null", forger.with_header(with("typ", Value::Null))),
            ("alg twice", repeated("alg", "EdDSA")),
            ("alg twice, once escaped", repeated("\\u0061lg", "EdDSA")),
            ("typ twice", repeated("typ", "at+jwt")),
            ("kid twice", repeated("kid", forger.id())),
            ("a list", raw_header(as_list)),
            ("no JSON", raw_header("EdDSA".to_owned())),
            ("more after the object", raw_header(format!("{} {{}}", forger.header()))),
        ],
    );
}

#[test]
fn tk_02_repeated_claims_are_refused() {
    let forger = Forger::new();
    let repeated = |member: &str| forger.with_raw_payload("{", &format!("{{{member},"));
    assert_all_refused(
        &forger,
        vec![
            ("sub twice", repeated("\"sub\":\"00000000-0000-0000-0000-000000000009\"")),
            ("exp twice", repeated("\"exp\":1")),
            ("exp twice, once escaped", repeated("\"e\\u0078p\":1")),
            ("an unknown claim twice", repeated("\"a\":1,\"a\":2")),
        ],
    );
}

#[test]
fn tk_03_required_claims_have_their_exact_types() {
    let forger = Forger::new();
    let mut refused: Vec<(&str, String)> = vec![
        ("aud as a list", forger.with_payload(with("aud", json!([AUDIENCE])))),
        ("another aud", forger.with_payload(with("aud", json!("otp-login-2")))),
        ("another iss", forger.with_payload(with("iss", json!("https://login.example.com/")))),
        ("iss in capitals", forger.with_payload(with("iss", json!(ISSUER.to_uppercase())))),
        ("iss as a list", forger.with_payload(with("iss", json!([ISSUER])))),
        ("sub no UUID", forger.with_payload(with("sub", json!("root")))),
        ("sub a number", forger.with_payload(with("sub", json!(1)))),
        ("sub in another form", forger.with_payload(with("sub", json!("00000000000000000000000000000001")))),
        ("sid null", forger.with_payload(with("sid", Value::Null))),
        ("jti empty", forger.with_payload(with("jti", json!("")))),
        ("jti a number", forger.with_payload(with("jti", json!(7)))),
        ("amr a text", forger.with_payload(with("amr", json!("pwd")))),
        ("amr unknown", forger.with_payload(with("amr", json!(["pwd", "magic"])))),
        ("a list", forger.sign(&forger.header().to_string(), "[]")),
        ("no JSON", forger.sign(&forger.header().to_string(), "claims")),
    ];
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "amr"] {
        refused.push((name, forger.with_payload(without(name))));
        refused.push((name, forger.with_payload(with(name, Value::Null))));
    }
    assert_all_refused(&forger, refused);
}

#[test]
fn tk_03_times_are_whole_seconds_that_can_be() {
    let forger = Forger::new();
    let mut refused = Vec::new();
    for (name, now) in [("exp", NOW + 900), ("iat", NOW), ("auth_time", NOW)] {
        let known = format!("\"{name}\":{now}");
        let wrong = [
            format!("{now}.0"),
            format!("{now}.5"),
            "1.8e9".to_owned(),
            format!("\"{now}\""),
            "-1".to_owned(),
            "true".to_owned(),
            "9223372036854775808".to_owned(),
            "18446744073709551616".to_owned(),
            "9223372036854775807".to_owned(),
            "253402300800".to_owned(),
            format!("{}", NOW + 90_000),
        ];
        refused.extend(
            wrong.map(|value| (name, forger.with_raw_payload(&known, &format!("\"{name}\":{value}")))),
        );
    }
    for wrong in [json!(NOW + 6), json!("1"), json!(-1), json!(1.5), Value::Null] {
        refused.push(("nbf", forger.with_payload(with("nbf", wrong))));
    }
    refused.push(("iat in the future", forger.with_payload(with("iat", json!(NOW + 6)))));
    refused.push(("auth_time in the future", forger.with_payload(with("auth_time", json!(NOW + 6)))));
    assert_all_refused(&forger, refused);
}

#[test]
fn asvs_9_2_1_the_leeway_is_five_seconds() {
    let tokens = tokens(Forger::new().key);
    let token = tokens.issue(&claims()).unwrap();
    let valid_at = |second, micros| {
        tokens.verify(token.expose(), at(second) + SignedDuration::from_micros(micros)).is_ok()
    };
    for _from_memory_too in 0..2 {
        assert!(!valid_at(NOW - 6, 999_999));
        assert!(valid_at(NOW - 5, 0));
        assert!(valid_at(NOW + 899, 0));
        assert!(valid_at(NOW + 904, 999_999));
        assert!(!valid_at(NOW + 905, 0));
    }
}

#[test]
fn asvs_9_2_1_nbf_is_checked_when_present() {
    let forger = Forger::new();
    let tokens = tokens(forger.key.clone());
    let token = forger.with_payload(with("nbf", json!(NOW + 100)));
    assert!(tokens.verify(&token, at(NOW + 94)).is_err());
    assert!(tokens.verify(&token, at(NOW + 95)).is_ok());
    assert!(tokens.verify(&token, at(NOW + 94)).is_err(), "from memory");
}

#[test]
fn a_claim_of_a_newer_release_is_no_reason_to_refuse() {
    let forger = Forger::new();
    assert!(is_accepted(&tokens(forger.key.clone()), &forger.with_payload(with("acr", json!("2")))));
}

#[test]
fn any_changed_character_is_refused() {
    let forger = Forger::new();
    let (tokens, good) = (tokens(forger.key.clone()), forger.good());
    for (index, character) in good.char_indices() {
        let other = if character == 'A' { 'B' } else { 'A' };
        let mut changed = good.clone();
        changed.replace_range(index..=index, &other.to_string());
        assert!(!is_accepted(&tokens, &changed), "at {index}");
    }
}

#[test]
fn asvs_9_2_3_two_deployments_with_one_key_refuse_each_other() {
    let key = Forger::new().key;
    let deployment =
        |issuer: &str, audience: &str| JwtTokens::new(key.clone(), issuer.to_owned(), audience.to_owned());
    let ours = deployment(ISSUER, AUDIENCE);
    let token = ours.issue(&claims()).unwrap();
    assert!(deployment(ISSUER, "another").verify(token.expose(), at(NOW)).is_err());
    assert!(deployment("another", AUDIENCE).verify(token.expose(), at(NOW)).is_err());
    assert!(deployment(ISSUER, AUDIENCE).verify(token.expose(), at(NOW)).is_ok());
}

#[test]
fn tk_04_the_key_set_has_public_members_only() {
    let names = |key: &JwtKey| -> Vec<String> {
        let set: Value = serde_json::from_str(&tokens(key.clone()).public_keys()).unwrap();
        let mut names: Vec<_> = set["keys"][0].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&Forger::new().key), ["alg", "crv", "kid", "kty", "use", "x"]);
    let p256 = JwtKey::from_pem(JwtAlgorithm::Es256, &JwtKey::generate_pem(JwtAlgorithm::Es256)).unwrap();
    assert_eq!(names(&p256), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(tokens(JwtKey::from_secret(&[7; 32]).unwrap()).public_keys(), r#"{"keys":[]}"#);
}

#[test]
fn a_token_that_nobody_would_accept_is_not_signed() {
    let endless = AccessClaims { expires_at: at(NOW + 86_401), ..claims() };
    assert!(tokens(Forger::new().key).issue(&endless).is_err());
}
