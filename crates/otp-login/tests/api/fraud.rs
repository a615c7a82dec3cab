//! The fraud shield, as people and strangers meet it.

use serde_json::{Value, json};

use crate::client::{Database, Person, Service};

on_both_databases!(
    sm_07_a_prefix_whose_codes_nobody_enters_gets_no_fourth,
    en_01_a_refused_registration_does_not_tell_whether_the_number_has_an_account,
    en_03_a_forgotten_password_is_answered_alike_while_strangers_are_refused,
    d_10_strangers_use_up_their_share_of_the_budget_and_owners_sign_in_all_the_same,
    d_08_a_prefix_gets_so_many_messages_of_strangers_in_an_hour,
    sm_07_a_shield_that_observes_refuses_nobody,
);

const NO_COOLDOWN: (&str, &str) = ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0");
const UNANSWERED: (&str, &str) = ("OTP_LOGIN__SHIELD__UNANSWERED__MODE", "block");
const FORGOT: &str = "/api/v1/auth/password/forgot";

fn sm_07_a_prefix_whose_codes_nobody_enters_gets_no_fourth(database: Database) {
    let service = Service::with(database, &[NO_COOLDOWN, UNANSWERED]);
    let (owner, _) = service.signed_up();
    let newcomers: Vec<Person> = (0..5).map(|_| service.person()).collect();
    let last = newcomers.iter().take(3).map(|newcomer| service.registered(newcomer)).last().unwrap();

    let refused = service.register(&newcomers[3]);
    refused.refusal(429, "rate-limited");
    assert!((1..=120).contains(&refused.retry_after()), "the codes may still be entered");
    assert_eq!(service.provider_calls(&newcomers[3].phone, "starts"), 0);
    service.signed_in(&owner);

    service.proven(&last, &newcomers[2].phone);
    assert!(service.registered(&newcomers[3]).sent, "whoever was refused may try again");
}

/// What is refused, without what differs between any two answers.
fn refusal(service: &Service, person: &Person) -> Value {
    let mut body = service.register(person).refusal(429, "rate-limited");
    let body_fields = body.as_object_mut().unwrap();
    body_fields.remove("request_id");
    body_fields.remove("retry_after");
    body
}

fn en_01_a_refused_registration_does_not_tell_whether_the_number_has_an_account(database: Database) {
    let service = Service::with(database, &[NO_COOLDOWN, UNANSWERED]);
    let (owner, _) = service.signed_up();
    for _ in 0..3 {
        service.registered(&service.person());
    }
    let unknown = service.person();
    let known = Person { phone: owner.phone, ..service.person() };
    assert_eq!(refusal(&service, &unknown), refusal(&service, &known));
    let known = Person { email: owner.email, ..service.person() };
    assert_eq!(refusal(&service, &unknown), refusal(&service, &known));
}

fn en_03_a_forgotten_password_is_answered_alike_while_strangers_are_refused(database: Database) {
    let budget = [("OTP_LOGIN__BUDGET__MODE", "block"), ("OTP_LOGIN__BUDGET__MESSAGES_PER_DAY", "2")];
    let service = Service::with(database, &[NO_COOLDOWN, budget[0], budget[1]]);
    // One message of two, of which the last is for those who know a password.
    let (owner, _) = service.signed_up();
    let shape = |email: &str| {
        let challenge = Service::challenge_in(&service.post(FORGOT, &json!({ "email": email })), 202);
        (challenge.sent, challenge.methods.clone(), challenge.attempts_left)
    };
    assert_eq!(shape(&owner.email), shape("nobody@example.com"));
    assert_eq!(service.codes(&owner.phone).len(), 1, "nothing was sent but to register");
    service.signed_in(&owner);
}

fn d_10_strangers_use_up_their_share_of_the_budget_and_owners_sign_in_all_the_same(database: Database) {
    let settings = [
        NO_COOLDOWN,
        ("OTP_LOGIN__BUDGET__MODE", "block"),
        ("OTP_LOGIN__BUDGET__MESSAGES_PER_DAY", "5"),
        ("OTP_LOGIN__BUDGET__RESERVE_PERCENT", "40"),
    ];
    let service = Service::with(database, &settings);
    let (owner, _) = service.signed_up();
    service.registered(&service.person());
    service.registered(&service.person());
    let refused = service.register(&service.person());
    refused.refusal(503, "overloaded");
    assert!((3500..=3601).contains(&refused.retry_after()));

    service.signed_in(&owner);
    service.signed_in(&owner);
    service.log_in(&owner.email, &owner.password).refusal(503, "overloaded");
}

fn d_08_a_prefix_gets_so_many_messages_of_strangers_in_an_hour(database: Database) {
    let settings = [
        NO_COOLDOWN,
        ("OTP_LOGIN__SHIELD__VELOCITY__MODE", "block"),
        ("OTP_LOGIN__SHIELD__VELOCITY__PER_HOUR", "2"),
    ];
    let service = Service::with(database, &settings);
    let (owner, _) = service.signed_up();
    service.signed_up();
    service.register(&service.person()).refusal(429, "rate-limited");
    service.signed_in(&owner);
}

fn sm_07_a_shield_that_observes_refuses_nobody(database: Database) {
    let service = Service::without_cooldown(database);
    for _ in 0..15 {
        assert!(service.registered(&service.person()).sent);
    }
}
