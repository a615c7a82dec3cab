//! The adapter against an authenticator in software that can also lie.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use adapters_webauthn::{RecordKey, RelyingParty, Transport, WebauthnCeremonies};
use domain::{Email, PasskeyId, UserId};
use ports::{
    Assertion, CredentialRefused, NewCredential, PasskeyCeremonies, PresentedCredential, StartedCeremony,
    StoredCredential, UserVerification,
};
use serde_json::Value;
use testkit::authenticator::{Authenticator, tamper};
use uuid::Uuid;

const ORIGIN: &str = "https://login.example.com";

fn ceremonies() -> WebauthnCeremonies {
    let party =
        RelyingParty::parse("example.com", "Example", &[ORIGIN.to_owned()], Transport::Https).unwrap();
    WebauthnCeremonies::new(&party, RecordKey::from_bytes(&[7; 32]))
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn options(started: &StartedCeremony) -> Value {
    serde_json::from_str(&started.options.0).unwrap()
}

fn presented(answer: &Value) -> PresentedCredential {
    PresentedCredential(answer.to_string())
}

fn start_registration(owner: UserId, existing: &[StoredCredential]) -> StartedCeremony {
    let email = Email::parse("ann@example.com").unwrap();
    ceremonies().start_registration(owner, &email, existing).unwrap()
}

fn register(authenticator: &mut Authenticator) -> Result<NewCredential, CredentialRefused> {
    let started = start_registration(user(1), &[]);
    let answer = authenticator.register(&options(&started));
    ceremonies().finish_registration(user(1), &started.state, &presented(&answer))
}

fn stored(authenticator: &mut Authenticator) -> StoredCredential {
    let new = register(authenticator).unwrap();
    StoredCredential { passkey_id: PasskeyId(Uuid::nil()), user_id: user(1), id: new.id, record: new.record }
}

/// A sign-in without a password; `spoil` changes the answer on its way.
fn sign_in(
    authenticator: &mut Authenticator,
    stored: &StoredCredential,
    spoil: impl FnOnce(&mut Value),
) -> Result<Assertion, CredentialRefused> {
    finish(authenticator, &[], UserVerification::Required, stored, spoil)
}

fn finish(
    authenticator: &mut Authenticator,
    allowed: &[StoredCredential],
    verification: UserVerification,
    stored: &StoredCredential,
    spoil: impl FnOnce(&mut Value),
) -> Result<Assertion, CredentialRefused> {
    let started = ceremonies().start_authentication(allowed, verification).unwrap();
    let mut answer = authenticator.answer(&options(&started));
    spoil(&mut answer);
    ceremonies().finish_authentication(&started.state, &presented(&answer), stored)
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, CredentialRefused>) -> &'static str {
    outcome.unwrap_err().0
}

#[test]
fn a_registered_key_signs_in_alone_and_as_a_second_factor() {
    for mut authenticator in [Authenticator::es256(ORIGIN), Authenticator::ed25519(ORIGIN)] {
        let stored = stored(&mut authenticator);
        let alone = sign_in(&mut authenticator, &stored, |_| {}).unwrap();
        assert_eq!((alone.counter, alone.backed_up), (2, false));
        assert!(alone.proof.user_verified && !alone.proof.backup_eligible);

        authenticator.verifies_user = false;
        let known = std::slice::from_ref(&stored);
        let second = finish(&mut authenticator, known, UserVerification::Preferred, &stored, |_| {}).unwrap();
        assert!(!second.proof.user_verified);
    }
}

#[test]
fn a_synced_key_is_told_from_one_that_stays() {
    let mut manager = Authenticator::synced(ORIGIN);
    let stored = stored(&mut manager);
    let assertion = sign_in(&mut manager, &stored, |_| {}).unwrap();
    assert_eq!((assertion.counter, assertion.backed_up), (0, true));
    assert!(assertion.proof.backup_eligible);

    manager.is_backed_up = false;
    assert!(!sign_in(&mut manager, &stored, |_| {}).unwrap().backed_up);
    manager.is_backup_eligible = false;
    let changed = sign_in(&mut manager, &stored, |_| {});
    assert_eq!(refusal(changed), "a key cannot become eligible for backups, or cease to be");
    manager.is_backed_up = true;
    let impossible = sign_in(&mut manager, &stored, |_| {});
    assert_eq!(refusal(impossible), "it is in a backup for which it is not eligible");
}

#[test]
fn asvs_6_7_2_each_nonce_has_256_bits_and_does_not_repeat() {
    let stored = stored(&mut Authenticator::es256(ORIGIN));
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..100 {
        let known = std::slice::from_ref(&stored);
        let registration = start_registration(user(1), known);
        let alone = ceremonies().start_authentication(&[], UserVerification::Required).unwrap();
        let second = ceremonies().start_authentication(known, UserVerification::Preferred).unwrap();
        for started in [registration, alone, second] {
            let nonce = options(&started)["challenge"].as_str().unwrap().to_owned();
            assert_eq!(nonce.len(), 43, "32 bytes in base64url");
            assert!(nonces.insert(nonce));
        }
    }
}

#[test]
fn options_say_what_is_asked_for() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    let known = std::slice::from_ref(&stored);

    let creation = options(&start_registration(user(1), known));
    assert_eq!(creation["rp"], serde_json::json!({"id": "example.com", "name": "Example"}));
    assert_eq!(creation["user"]["name"], "ann@example.com");
    assert_eq!(creation["attestation"], "none");
    assert_eq!(creation["timeout"], 300_000);
    assert_eq!(creation["excludeCredentials"][0]["id"], authenticator.id());

    let second = ceremonies().start_authentication(known, UserVerification::Preferred).unwrap();
    assert_eq!(options(&second)["allowCredentials"][0]["id"], authenticator.id());
    assert_eq!(options(&second)["userVerification"], "preferred");
    let alone = ceremonies().start_authentication(&[], UserVerification::Required).unwrap();
    assert_eq!(options(&alone)["allowCredentials"], serde_json::json!([]));
    assert_eq!(
        (&options(&alone)["rpId"], &options(&alone)["userVerification"]),
        (&"example.com".into(), &"required".into())
    );
}

#[test]
fn tn_06_an_answer_for_another_site_is_refused() {
    let stored = stored(&mut Authenticator::es256(ORIGIN));
    for origin in
        ["https://login.example.com.evil.org", "https://example.com", "http://login.example.com", ""]
    {
        let mut phished = Authenticator::es256(origin);
        assert_eq!(refusal(register(&mut phished)), "the origin is another", "{origin}");
        assert_eq!(refusal(sign_in(&mut phished, &stored, |_| {})), "the origin is another", "{origin}");
    }
    let mut elsewhere = Authenticator::es256(ORIGIN);
    elsewhere.relying_party = Some("example.org".to_owned());
    assert_eq!(refusal(register(&mut elsewhere)), "the relying party is another");
    let mut framed = Authenticator::es256(ORIGIN);
    framed.is_in_frame = true;
    assert_eq!(refusal(register(&mut framed)), "it comes out of a frame");
}

#[test]
fn an_answer_of_another_relying_party_is_refused() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    authenticator.relying_party = Some("example.org".to_owned());
    assert_eq!(refusal(sign_in(&mut authenticator, &stored, |_| {})), "the relying party is another");
}

#[test]
fn whoever_is_absent_or_not_verified_is_refused() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    authenticator.verifies_user = false;
    assert_eq!(refusal(sign_in(&mut authenticator, &stored, |_| {})), "the user was not verified");
    authenticator.is_user_present = false;
    assert_eq!(refusal(sign_in(&mut authenticator, &stored, |_| {})), "nobody was there");
    assert_eq!(refusal(register(&mut authenticator)), "nobody was there");
}

#[test]
fn an_answer_that_was_touched_is_refused_wherever_it_was() {
    let mut authenticator = Authenticator::ed25519(ORIGIN);
    let stored = stored(&mut authenticator);
    for member in ["clientDataJSON", "authenticatorData", "signature"] {
        for place in 0..200 {
            let outcome = sign_in(&mut authenticator, &stored, |answer| tamper(answer, member, place));
            assert!(outcome.is_err(), "{member}, byte {place}");
        }
    }
    assert_eq!(
        refusal(sign_in(&mut authenticator, &stored, |answer| tamper(answer, "signature", 0))),
        "the signature is wrong"
    );
    // Byte 36 is the end of the counter, which nothing else guards.
    assert_eq!(
        refusal(sign_in(&mut authenticator, &stored, |answer| tamper(answer, "authenticatorData", 36))),
        "the signature is wrong"
    );
}

#[test]
fn an_answer_to_another_ceremony_is_refused() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    let first = ceremonies().start_authentication(&[], UserVerification::Required).unwrap();
    let second = ceremonies().start_authentication(&[], UserVerification::Required).unwrap();
    let answer = presented(&authenticator.answer(&options(&first)));
    let crossed = ceremonies().finish_authentication(&second.state, &answer, &stored);
    assert_eq!(refusal(crossed), "the nonce is another");

    let registration = start_registration(user(1), &[]);
    let swapped = ceremonies().finish_authentication(&registration.state, &answer, &stored);
    assert_eq!(refusal(swapped), "the ceremony is of another kind");
    let made = presented(&authenticator.register(&options(&registration)));
    let swapped = ceremonies().finish_registration(user(1), &first.state, &made);
    assert_eq!(refusal(swapped), "the ceremony is of another kind");
}

#[test]
fn the_key_of_another_is_refused_under_any_name() {
    let mut owner = Authenticator::es256(ORIGIN);
    let stored = stored(&mut owner);
    let mut thief = Authenticator::es256(ORIGIN);
    register(&mut thief).unwrap();
    assert_eq!(refusal(sign_in(&mut thief, &stored, |_| {})), "the signature is wrong");
    thief.pretend_to_be(&owner);
    assert_eq!(refusal(sign_in(&mut thief, &stored, |_| {})), "the signature is wrong");

    let known = std::slice::from_ref(&stored);
    let mut other = Authenticator::es256(ORIGIN);
    let others = self::stored(&mut other);
    let outcome = finish(&mut other, known, UserVerification::Preferred, &others, |_| {});
    assert_eq!(refusal(outcome), "the credential was not asked for");
}

#[test]
fn whoever_signs_in_without_a_name_has_to_give_the_right_one() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let mut stored = stored(&mut authenticator);
    authenticator.names_user = false;
    let nameless = sign_in(&mut authenticator, &stored, |_| {});
    assert_eq!(refusal(nameless), "the answer does not name the owner of the key");
    let known = [stored.clone()];
    assert!(finish(&mut authenticator, &known, UserVerification::Preferred, &stored, |_| {}).is_ok());

    authenticator.names_user = true;
    let misnamed = |answer: &mut Value| answer["response"]["userHandle"] = "AAAA".into();
    for allowed in [&known[..], &[]] {
        let outcome = finish(&mut authenticator, allowed, UserVerification::Preferred, &stored, misnamed);
        assert_eq!(refusal(outcome), "the answer does not name the owner of the key");
    }
    stored.user_id = user(2);
    let moved = sign_in(&mut authenticator, &stored, |_| {});
    assert_eq!(refusal(moved), "the stored credential was changed", "a row copied to another account");
}

#[test]
fn asvs_6_7_1_a_key_that_was_changed_in_the_database_opens_nothing() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let mut stored = stored(&mut authenticator);
    let mut thief = Authenticator::es256(ORIGIN);
    thief.pretend_to_be(&authenticator);
    stored.record = self::stored(&mut Authenticator::es256(ORIGIN)).record;
    assert_eq!(refusal(sign_in(&mut thief, &stored, |_| {})), "the stored credential was changed");
    assert!(ceremonies().start_authentication(&[stored], UserVerification::Preferred).is_err());
}

#[test]
fn what_cannot_be_read_is_refused_without_a_panic() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    let started = ceremonies().start_authentication(&[], UserVerification::Required).unwrap();
    let whole = authenticator.answer(&options(&started)).to_string();
    for end in 0..whole.len() {
        let cut = PresentedCredential(whole[..end].to_owned());
        assert!(ceremonies().finish_authentication(&started.state, &cut, &stored).is_err());
    }
    let registration = start_registration(user(1), &[]);
    let made = authenticator.register(&options(&registration));
    for place in 0..300 {
        let mut broken = made.clone();
        tamper(&mut broken, "attestationObject", place);
        // Nothing signs a registration, so a changed key or counter is as good as another.
        let _ = ceremonies().finish_registration(user(1), &registration.state, &presented(&broken));
    }
    for answer in ["{}", "[]", "null", r#"{"rawId":"","response":{}}"#, r#"{"rawId":"====","response":{}}"#] {
        let answer = PresentedCredential(answer.to_owned());
        assert!(ceremonies().presented_id(&answer).is_err());
        assert!(ceremonies().finish_registration(user(1), &registration.state, &answer).is_err());
    }
}

#[test]
fn members_that_later_editions_may_add_are_ignored() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    let stored = stored(&mut authenticator);
    let later = |answer: &mut Value| {
        answer["authenticatorAttachment"] = "implanted".into();
        answer["clientExtensionResults"] = serde_json::json!({"prf": 7});
        answer["response"]["more"] = serde_json::json!({});
    };
    assert!(sign_in(&mut authenticator, &stored, later).is_ok());
}
