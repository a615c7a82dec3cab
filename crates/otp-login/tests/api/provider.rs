//! A provider that fails: nobody is let in, no attempt is lost, and nobody
//! gets a second message.

use serde_json::json;

use crate::client::{Challenge, Database, Person, Service, other_than, until};

on_both_databases!(
    pv_01_every_refused_start_has_its_answer,
    a_message_that_was_not_sent_holds_nothing_back,
    rc_05_a_message_whose_answer_was_lost_is_not_sent_twice_and_its_code_works,
    a_start_that_was_dropped_is_made_good_by_another_message,
    asvs_16_5_2_a_fault_while_checking_lets_nobody_in_and_costs_nothing,
    pv_01_an_answer_that_is_not_whole_lets_nobody_in,
    rc_01_attempts_are_given_back_five_times,
    a_wrong_code_is_wrong_in_either_of_the_provider_s_ways,
    a_code_that_the_provider_calls_expired_is_wrong,
);

/// So that a slow answer need not be waited for.
const IMPATIENT: [(&str, &str); 1] = [("OTP_LOGIN__SINCH__TIMEOUT_MS", "1500")];

/// A working call in between, so that the provider does not look down.
fn calm(service: &Service) {
    service.registered(&service.person());
}

fn pv_01_every_refused_start_has_its_answer(database: Database) {
    let service = Service::with(database, &IMPATIENT);
    let unavailable = (503, "provider-unavailable");
    let table = [
        ("no_credit", unavailable),
        ("blacklisted", (422, "destination-not-allowed")),
        ("no_route", (422, "destination-not-allowed")),
        ("too_quickly", (429, "rate-limited")),
        ("capacity_exceeded", unavailable),
        ("server_error", unavailable),
        ("unavailable", unavailable),
        ("misconfigured", unavailable),
        ("application_nameless", unavailable),
        ("signature_refused", unavailable),
        ("dropped", unavailable),
        ("answer_lost", unavailable),
        ("slow", unavailable),
    ];
    for (kind, (status, code)) in table {
        let person = service.person();
        // Looked up and asked again, the provider fails again.
        service.plan_fault(&json!({ "kind": kind, "number": person.phone, "times": 5 }));
        let answer = service.register(&person);
        assert_eq!(answer.outcome(), (status, code.to_owned()), "{kind}");
        assert!(!answer.text().to_lowercase().contains("sinch"), "{}", answer.text());
        service.forget_faults();
        calm(&service);
    }
}

fn a_message_that_was_not_sent_holds_nothing_back(database: Database) {
    let service = Service::start(database);
    for kind in ["no_credit", "misconfigured", "signature_refused", "too_quickly"] {
        let person = service.person();
        service.plan_fault(&json!({ "kind": kind, "on": "start", "number": person.phone }));
        assert!(service.register(&person).status >= 400);
        let challenge = service.registered(&person);
        assert_eq!((challenge.sent, challenge.attempts_left), (true, 5), "{kind}");
        assert_eq!(service.codes(&person.phone).len(), 1);
        service.proven(&challenge, &person.phone);
    }
}

fn rc_05_a_message_whose_answer_was_lost_is_not_sent_twice_and_its_code_works(database: Database) {
    let service = Service::with(database, &IMPATIENT);
    for kind in ["answer_lost", "truncated", "garbage", "slow"] {
        let person = service.person();
        service.plan_fault(&json!({ "kind": kind, "number": person.phone, "times": 5 }));
        let first = service.register(&person);
        assert!([201, 503].contains(&first.status), "{kind}: {}", first.text());
        service.forget_faults();
        let challenge = service.registered(&person);
        assert!(!challenge.sent, "{kind}");
        assert_eq!(service.codes(&person.phone).len(), 1, "{kind}");
        service.proven(&challenge, &person.phone);
        calm(&service);
    }
}

fn a_start_that_was_dropped_is_made_good_by_another_message(database: Database) {
    let settings = [IMPATIENT[0], ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "2")];
    let service = Service::with(database, &settings);
    let person = service.person();
    service.plan_fault(&json!({ "kind": "dropped", "number": person.phone, "times": 5 }));
    service.register(&person).refusal(503, "provider-unavailable");
    service.forget_faults();
    let challenge = service.registered(&person);
    assert!(!challenge.sent, "it may have left");
    service.verify(&challenge, "123456").refusal(401, "invalid-code");
    until("the cooldown's end", || (service.request_otp(&challenge).status == 200).then_some(()));
    assert_eq!(service.codes(&person.phone).len(), 1);
    service.proven(&challenge, &person.phone);
}

fn wrong_code_leaves(service: &Service, challenge: &Challenge, person: &Person, left: u32) {
    let problem =
        service.verify(challenge, &other_than(&service.code(&person.phone))).refusal(401, "invalid-code");
    assert_eq!(problem["attempts_left"], left);
}

fn asvs_16_5_2_a_fault_while_checking_lets_nobody_in_and_costs_nothing(database: Database) {
    let service = Service::with(database, &IMPATIENT);
    let kinds = [
        "server_error",
        "unavailable",
        "misconfigured",
        "capacity_exceeded",
        "signature_refused",
        "no_credit",
        "dropped",
    ];
    for kind in kinds {
        let person = service.person();
        let challenge = service.registered(&person);
        for code in [other_than(&service.code(&person.phone)), service.code(&person.phone)] {
            service.plan_fault(&json!({ "kind": kind, "on": "report", "number": person.phone }));
            service.verify(&challenge, &code).refusal(503, "provider-unavailable");
            calm(&service);
        }
        wrong_code_leaves(&service, &challenge, &person, 4);
        service.proven(&challenge, &person.phone);
    }
}

/// The provider has used the code up, so another is needed; nobody gets in on
/// the word of a broken answer.
fn pv_01_an_answer_that_is_not_whole_lets_nobody_in(database: Database) {
    let settings = [IMPATIENT[0], ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")];
    let service = Service::with(database, &settings);
    for kind in ["answer_lost", "truncated", "garbage", "other_id", "slow"] {
        let person = service.person();
        let challenge = service.registered(&person);
        service.plan_fault(&json!({ "kind": kind, "on": "report", "number": person.phone }));
        let answer = service.verify(&challenge, &service.code(&person.phone));
        assert_eq!(answer.outcome(), (503, "provider-unavailable".to_owned()), "{kind}");
        assert_eq!(service.sent_again(&challenge).attempts_left, 5, "{kind}");
        service.proven(&challenge, &person.phone);
    }
}

fn rc_01_attempts_are_given_back_five_times(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    for _ in 0..6 {
        service.plan_fault(&json!({ "kind": "server_error", "on": "report", "number": person.phone }));
        service.verify(&challenge, &code).refusal(503, "provider-unavailable");
        calm(&service);
    }
    wrong_code_leaves(&service, &challenge, &person, 3);
    service.proven(&challenge, &person.phone);
}

fn a_wrong_code_is_wrong_in_either_of_the_provider_s_ways(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    service.plan_fault(
        &json!({ "kind": "wrong_code_is_fail", "on": "report", "number": person.phone, "times": 1 }),
    );
    wrong_code_leaves(&service, &challenge, &person, 4);
    wrong_code_leaves(&service, &challenge, &person, 3);
}

fn a_code_that_the_provider_calls_expired_is_wrong(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    service.plan_fault(&json!({ "kind": "expired_at_once", "on": "start", "number": person.phone }));
    let challenge = service.registered(&person);
    service.verify(&challenge, &service.code(&person.phone)).refusal(401, "invalid-code");
    service.sent_again(&challenge);
    service.proven(&challenge, &person.phone);
}
