//! Signing keys that take turns: which of them sign, and which are accepted.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use std::sync::Arc;

use adapters_crypto::{DataKey, JwtKey, JwtKeyRing, JwtTokens};
use domain::{
    AccessClaims, AccessToken, AuthenticationMethod, SessionId, SigningAlgorithm, SigningKey, SigningKeyId,
    SigningKeyPolicy, SigningKeySet, UserId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{AccessTokens, InvalidAccessToken, SigningKeyPair, SigningKeyRing, UnusableSigningKey};
use secrecy::ExposeSecret;
use serde_json::Value;
use uuid::Uuid;

const EDDSA: SigningAlgorithm = SigningAlgorithm::EdDsa;

/// A replaced key is accepted for 900 + 20 + 5 seconds.
const POLICY: SigningKeyPolicy = SigningKeyPolicy {
    publish_lead: SignedDuration::from_secs(300),
    refresh_every: SignedDuration::from_secs(10),
    access_ttl: SignedDuration::from_secs(900),
};
const ACCEPTED: i64 = 925;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A service that keeps its keys in a store.
struct Service {
    tokens: Arc<JwtTokens>,
    ring: JwtKeyRing,
}

impl Service {
    fn new() -> Self {
        let tokens = Arc::new(JwtTokens::without_keys("us".to_owned(), "them".to_owned()));
        Self { ring: JwtKeyRing::new(tokens.clone(), data_key()), tokens }
    }

    /// Loads keys that begin, and were taken out of use, at these times.
    fn load(&self, keys: &[(&SigningKeyPair, i64, Option<i64>)]) -> Result<(), UnusableSigningKey> {
        let entry =
            |(number, (pair, activates, retired)): (u32, &(&SigningKeyPair, i64, Option<i64>))| SigningKey {
                id: pair.id.clone(),
                number,
                algorithm: pair.algorithm,
                created_at: at(*activates),
                activates_at: at(*activates),
                retired_at: retired.map(at),
            };
        let set = SigningKeySet::new((1..).zip(keys).map(entry).collect(), POLICY);
        let pairs: Vec<SigningKeyPair> = keys.iter().map(|(pair, ..)| (*pair).clone()).collect();
        self.ring.load(&set, &pairs)
    }

    fn issue(&self, second: i64) -> AccessToken {
        self.tokens.issue(&claims(second)).unwrap()
    }

    fn accepts(&self, token: &AccessToken, second: i64) -> bool {
        self.tokens.verify(token.expose(), at(second)).is_ok()
    }

    fn published(&self) -> Vec<String> {
        let set: Value = serde_json::from_str(&self.tokens.public_keys()).unwrap();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}

fn data_key() -> DataKey {
    DataKey::from_bytes([1; 32])
}

fn claims(second: i64) -> AccessClaims {
    AccessClaims {
        user_id: UserId(Uuid::from_u128(1)),
        session_id: SessionId(Uuid::from_u128(2)),
        issued_at: at(second),
        expires_at: at(second + 900),
        authenticated_at: at(0),
        methods: vec![AuthenticationMethod::Password],
    }
}

fn is_signed_with(token: &AccessToken, key: &SigningKeyPair) -> bool {
    let header = token.expose().split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"] == key.id.as_str() && header["alg"] == key.algorithm.as_str()
}

#[test]
fn tk_08_a_key_is_published_before_it_signs_and_the_old_one_accepted_until_its_last_token_ends() {
    let service = Service::new();
    let (old, new) = (service.ring.generate(EDDSA), service.ring.generate(SigningAlgorithm::Es256));
    service.load(&[(&old, 0, None)]).unwrap();
    let first = service.issue(10);
    service.load(&[(&old, 0, None), (&new, 310, None)]).unwrap();
    assert_eq!(service.published(), [old.id.as_str(), new.id.as_str()]);

    let last = service.issue(309);
    assert!(is_signed_with(&first, &old) && is_signed_with(&last, &old));
    let next = service.issue(310);
    assert!(is_signed_with(&next, &new));
    for token in [&first, &last, &next] {
        assert!(service.accepts(token, 320));
    }
    assert!(service.accepts(&last, 309 + 900), "until it ends");
    let late = service.tokens.issue(&AccessClaims { expires_at: at(5000), ..claims(300) }).unwrap();
    assert!(service.accepts(&late, 310 + ACCEPTED - 1));
    assert!(!service.accepts(&late, 310 + ACCEPTED), "its key is over, whatever the token says");
    assert!(!service.accepts(&late, 310 + ACCEPTED), "also where it is remembered");
}

#[test]
fn tk_08_a_remembered_token_of_a_key_taken_out_of_use_is_refused() {
    let service = Service::new();
    let (old, new) = (service.ring.generate(EDDSA), service.ring.generate(EDDSA));
    service.load(&[(&old, 0, None)]).unwrap();
    let token = service.issue(10);
    assert!(service.accepts(&token, 11) && service.accepts(&token, 11));
    service.load(&[(&old, 0, Some(12)), (&new, 12, None)]).unwrap();
    assert_eq!(service.tokens.verify(token.expose(), at(13)), Err(InvalidAccessToken));
    assert_eq!(service.published(), [new.id.as_str()]);
    assert!(is_signed_with(&service.issue(13), &new));
}

#[test]
fn tk_08_the_published_key_signs_at_once_when_the_signing_one_is_taken_out_of_use() {
    let service = Service::new();
    let (old, new) = (service.ring.generate(EDDSA), service.ring.generate(EDDSA));
    service.load(&[(&old, 0, Some(50)), (&new, 300, None)]).unwrap();
    assert!(is_signed_with(&service.issue(60), &new));
}

#[test]
fn tk_08_an_upgrade_signs_nobody_out() {
    let service = Service::new();
    let first = service.ring.first(EDDSA);
    assert_eq!(first.id, service.ring.first(EDDSA).id, "all replicas make the same");
    service.load(&[(&first, 0, None)]).unwrap();
    let before = JwtTokens::new(JwtKey::derived(&data_key()), "us".to_owned(), "them".to_owned());
    let token = before.issue(&claims(10)).unwrap();
    assert!(service.accepts(&token, 11), "of the release before");
    let token = service.issue(12);
    assert!(before.verify(token.expose(), at(13)).is_ok(), "by the release before, which still runs");
}

#[test]
fn asvs_9_1_3_nothing_is_signed_or_accepted_before_keys_are_loaded() {
    let service = Service::new();
    let token =
        JwtTokens::new(JwtKey::derived(&data_key()), "us".to_owned(), "them".to_owned()).issue(&claims(0));
    assert!(!service.accepts(&token.unwrap(), 1));
    assert!(service.tokens.issue(&claims(0)).is_err());
    assert!(service.published().is_empty());
}

#[test]
fn asvs_11_6_1_a_stored_key_of_another_kind_or_id_changes_nothing() {
    let service = Service::new();
    let good = service.ring.generate(EDDSA);
    service.load(&[(&good, 0, None)]).unwrap();
    let stranger = service.ring.generate(EDDSA);
    let other_kind = SigningKeyPair { algorithm: SigningAlgorithm::Es256, ..stranger.clone() };
    let other_id = SigningKeyPair { id: SigningKeyId::parse("another").unwrap(), ..stranger.clone() };
    let damaged = SigningKeyPair {
        private: stranger.private.expose_secret().iter().rev().copied().collect::<Vec<u8>>().into(),
        ..stranger
    };
    for wrong in [other_kind, other_id, damaged] {
        assert_eq!(
            service.load(&[(&good, 0, None), (&wrong, 1, None)]),
            Err(UnusableSigningKey(wrong.id.clone()))
        );
        assert_eq!(service.published(), [good.id.as_str()]);
        assert!(is_signed_with(&service.issue(5), &good));
    }
}

#[test]
fn asvs_11_6_1_new_keys_are_of_their_algorithm_and_differ() {
    let service = Service::new();
    for algorithm in [EDDSA, SigningAlgorithm::Es256] {
        let (first, second) = (service.ring.generate(algorithm), service.ring.generate(algorithm));
        assert_ne!(first.id, second.id);
        service.load(&[(&first, 0, None)]).unwrap();
        assert!(is_signed_with(&service.issue(1), &first));
        assert!(!format!("{first:?}").contains("48, "), "PKCS #8 begins with this byte");
    }
}
