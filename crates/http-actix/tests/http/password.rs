//! The signed-in user's password: changing it, and stepping up with it.

use domain::{PasswordFailures, PasswordHash, PasswordPolicy};
use http_actix::HttpSettings;
use jiff::SignedDuration;
use ports::{HashError, NotSent, PasswordMatch, StartError};
use serde_json::{Value, json};

use crate::answers::{expected_challenge, is, outage};
use crate::support::{Answer, Service, settings};
use crate::world::{RIGHT, World, now, opened, session, sign_in, stale_session, user};

const CHANGE: &str = "/api/v1/me/password";
const STEP_UP: &str = "/api/v1/auth/step-up";
const PASSWORDS: &str = r#"{"current_password":"any","new_password":"copper-lantern-river"}"#;
const PASSWORD: &str = r#"{"password":"any"}"#;

/// The account is found, and the hasher says this of the password.
fn comparing(found: Result<Option<PasswordMatch>, HashError>) -> World {
    let mut world = World::signed_in(session());
    world.accounts.expect_find_sign_in().returning(|_, _, _| Ok(sign_in(PasswordFailures::default())));
    world.hasher.expect_find_match().returning(move |_, _, _| found.clone());
    world
}

/// Two wrong passwords too many, half a second ago.
fn slowed_down() -> World {
    let failures = PasswordFailures { count: 7, last_at: Some(now() - SignedDuration::from_millis(500)) };
    let mut world = World::signed_in(session());
    world.accounts.expect_find_sign_in().returning(move |_, _, _| Ok(sign_in(failures)));
    world
}

fn change(world: World) -> Answer {
    Service::start(world).own_json("POST", CHANGE, PASSWORDS)
}

fn step_up(world: World) -> Answer {
    Service::start(world).own_json("POST", STEP_UP, PASSWORD)
}

// Changing it.

#[test]
fn asvs_7_4_3_a_changed_password_is_answered_with_nothing_and_keeps_this_session_alone() {
    let mut world = comparing(Ok(RIGHT));
    world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("another hash".to_owned())));
    world
        .accounts
        .expect_change_password()
        .withf(|change, _| (change.user_id, change.kept) == (user().id, session().id))
        .once()
        .returning(|_, _| Ok(true));
    let answer = change(world);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

/// A 401 would make clients throw their tokens away, which are fine.
#[test]
fn asvs_6_2_3_a_wrong_current_password_is_forbidden_and_not_unauthorized() {
    let mut wrong = comparing(Ok(None));
    wrong.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
    let mut overtaken = comparing(Ok(RIGHT));
    overtaken.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("another hash".to_owned())));
    overtaken.accounts.expect_change_password().returning(|_, _| Ok(false));
    for world in [wrong, overtaken] {
        let answer = change(world);
        is(&answer, 403, "invalid-credentials");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[test]
fn d_14_a_stale_session_does_not_even_have_its_password_compared() {
    is(&change(World::signed_in(stale_session())), 403, "step-up-required");
}

#[test]
fn en_06_a_slowed_down_change_says_how_long_to_wait() {
    let answer = change(slowed_down());
    is(&answer, 429, "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("2"), "1.5 seconds, rounded up");
}

#[test]
fn asvs_2_2_1_every_field_of_a_change_has_its_errors() {
    let policy = PasswordPolicy { own_names: vec!["Example Login".to_owned()], ..PasswordPolicy::default() };
    let settings = HttpSettings { password_policy: policy, ..settings() };
    let service = Service::start_with(settings, World::signed_in(session()));
    let cases: [(&str, Value, &str); 17] = [
        ("current_password", json!(null), "/current_password required"),
        ("current_password", json!(7), "/current_password wrong-type"),
        ("current_password", json!(["any"]), "/current_password wrong-type"),
        ("current_password", json!(""), "/current_password too-short"),
        ("current_password", json!("ä".repeat(1025)), "/current_password too-long"),
        ("new_password", json!(null), "/new_password required"),
        ("new_password", json!(true), "/new_password wrong-type"),
        ("new_password", json!({}), "/new_password wrong-type"),
        ("new_password", json!(""), "/new_password too-short"),
        ("new_password", json!("zq7-Kfw"), "/new_password too-short"),
        ("new_password", json!("ä".repeat(129)), "/new_password too-long"),
        ("new_password", json!("PassWord1"), "/new_password too-common"),
        // The user's e-mail is `Ann@Example.com`.
        ("new_password", json!("ann@example.com"), "/new_password contains-email"),
        ("new_password", json!("ANN@example.COM"), "/new_password contains-email"),
        ("new_password", json!("19071907Ann"), "/new_password contains-email"),
        ("new_password", json!("ann73019284"), "/new_password contains-email"),
        ("new_password", json!("example-login-1"), "/new_password contains-service-name"),
    ];
    for (field, value, error) in cases {
        let mut body = json!({"current_password": "any", "new_password": "copper-lantern-river"});
        body[field] = value.clone();
        let answer = service.own_json("POST", CHANGE, body.to_string());
        assert_eq!(answer.field_errors(), [error], "{value}");
        assert!(!answer.text().contains("ann"), "what was sent stays out of the answer");
    }
    let both = json!({"new_password": "short", "unknown": 1});
    let answer = service.own_json("POST", CHANGE, both.to_string());
    assert_eq!(answer.field_errors(), ["/current_password required", "/new_password too-short"]);
}

#[test]
fn the_longest_passwords_are_taken() {
    let service = Service::start(World::that_obeys());
    let body = json!({"current_password": "ä".repeat(1024), "new_password": "\u{1f980}".repeat(128)});
    assert_eq!(service.own_json("POST", CHANGE, body.to_string()).status, 204);
}

// Stepping up.

#[test]
fn d_14_a_step_up_is_answered_with_a_challenge_whether_or_not_the_session_is_fresh() {
    for live in [session(), stale_session()] {
        let mut world = World::that_obeys();
        world.sessions.checkpoint();
        world.sessions.expect_find_live().returning(move |_, _, _| Ok(Some(live.clone())));
        let answer = step_up(world);
        let mut challenge = expected_challenge();
        challenge["purpose"] = json!("step_up");
        assert_eq!((answer.status, answer.json()), (200, json!({"challenge": challenge})));
    }
}

#[test]
fn a_wrong_password_does_not_step_up() {
    let mut world = comparing(Ok(None));
    world.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
    let answer = step_up(world);
    is(&answer, 401, "invalid-credentials");
    assert_eq!(answer.header("www-authenticate"), None, "the token is fine");
}

#[test]
fn en_06_a_slowed_down_step_up_says_how_long_to_wait() {
    let answer = step_up(slowed_down());
    is(&answer, 429, "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("2"), "1.5 seconds, rounded up");
}

#[test]
fn a_number_that_the_provider_refuses_is_no_destination() {
    let mut world = comparing(Ok(RIGHT));
    world.challenges.expect_open().returning(|_, _| Ok(Some(opened())));
    world.challenges.expect_settle_not_sent().returning(|_| Ok(()));
    let refused = StartError::NotSent(NotSent::DestinationRefused("secret reason".to_owned()));
    world.provider.expect_start().returning(move |_| Err(refused.clone()));
    is(&step_up(world), 422, "destination-not-allowed");
}

#[test]
fn asvs_2_2_1_the_password_of_a_step_up_has_its_errors() {
    let service = Service::start(World::signed_in(session()));
    for (body, error) in [
        (json!({}), "/password required"),
        (json!({"password": null}), "/password required"),
        (json!({"password": 7}), "/password wrong-type"),
        (json!({"password": {"any": 1}}), "/password wrong-type"),
        (json!({"password": ""}), "/password too-short"),
        (json!({"password": "x".repeat(1025)}), "/password too-long"),
    ] {
        assert_eq!(service.own_json("POST", STEP_UP, body.to_string()).field_errors(), [error], "{body}");
    }
}

// Both.

#[test]
fn asvs_16_5_2_an_outage_is_no_wrong_password() {
    for ask in [change, step_up] {
        let mut world = World::signed_in(session());
        world.accounts.expect_find_sign_in().returning(|_, _, _| Err(outage()));
        is(&ask(world), 503, "database-unavailable");

        let busy = HashError::Overloaded { retry_after: SignedDuration::from_millis(1_200) };
        let answer = ask(comparing(Err(busy)));
        is(&answer, 503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
}
