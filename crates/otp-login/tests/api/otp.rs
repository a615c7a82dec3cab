//! `POST /api/v1/auth/otp/verify` and `otp/request`: the life of a challenge.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Database, Person, REQUEST_OTP, Service, VERIFY_OTP, other_than, until};

on_both_databases!(
    asvs_6_6_3_each_wrong_code_costs_an_attempt_and_five_end_the_challenge,
    asvs_6_6_3_a_further_message_raises_no_attempts,
    nb_04_starting_again_raises_no_attempts,
    a_dead_challenge_makes_way_for_a_new_one,
    a_code_works_once,
    a_code_is_read_as_people_type_it,
    what_cannot_be_a_code_is_refused_and_costs_nothing,
    asvs_2_2_3_a_method_that_is_none_costs_nothing_and_one_that_the_challenge_lacks_is_a_wrong_code,
    en_01_unknown_expired_used_and_exhausted_challenges_get_one_answer,
    d_02_a_challenge_ends_with_its_time,
    d_02_resending_never_prolongs_a_challenge,
    only_the_code_sent_last_counts,
    d_05_a_second_message_waits_for_the_cooldown,
    d_05_a_challenge_sends_three_messages,
    other_channels_are_refused_and_cost_nothing,
    registrations_of_one_number_share_the_code_and_its_guesses,
    asvs_6_6_2_a_code_opens_only_the_purpose_it_was_sent_for,
    a_stranger_who_registers_the_number_ends_no_sign_in,
    asvs_2_2_1_ids_and_codes_of_the_wrong_form_are_refused,
);

fn asvs_6_6_3_each_wrong_code_costs_an_attempt_and_five_end_the_challenge(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    for left in [4, 3, 2, 1, 0] {
        let problem = service.verify(&challenge, &other_than(&code)).refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left);
    }
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    service.request_otp(&challenge).refusal(410, "challenge-closed");
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn asvs_6_6_3_a_further_message_raises_no_attempts(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let wrong = |left: u32| {
        let code = other_than(&service.code(&person.phone));
        assert_eq!(service.verify(&challenge, &code).refusal(401, "invalid-code")["attempts_left"], left);
    };
    wrong(4);
    wrong(3);
    assert_eq!(service.sent_again(&challenge).attempts_left, 3);
    wrong(2);
    assert_eq!(service.sent_again(&challenge).attempts_left, 2);
    wrong(1);
    wrong(0);
    service.verify(&challenge, &service.code(&person.phone)).refusal(410, "challenge-closed");
}

fn nb_04_starting_again_raises_no_attempts(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    for left in [4, 3, 2, 1] {
        service.verify(&challenge, &other_than(&service.code(&person.phone))).refusal(401, "invalid-code");
        let again = service.challenged(&person);
        assert_eq!((again.id.as_str(), again.attempts_left), (challenge.id.as_str(), left));
    }
}

fn a_dead_challenge_makes_way_for_a_new_one(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let dead = service.registered(&person);
    let code = other_than(&service.code(&person.phone));
    (0..5).for_each(|_| service.verify(&dead, &code).assert_status(401));
    let fresh = service.registered(&person);
    assert_ne!(fresh.id, dead.id);
    assert_eq!((fresh.sent, fresh.attempts_left), (true, 5));
    service.proven(&fresh, &person.phone);
}

fn a_code_works_once(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    service.verify(&challenge, &code).assert_status(200);
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn a_code_is_read_as_people_type_it(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    let (first, second) = code.split_at(3);
    service.verify(&challenge, &format!(" {first} {second} ")).assert_status(200);
}

fn what_cannot_be_a_code_is_refused_and_costs_nothing(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let wrong = [
        json!(""),
        json!("123"),
        json!("1".repeat(65)),
        json!("12\u{0}456"),
        json!("{{CODE}}"),
        json!(123_456),
    ];
    for code in wrong {
        let answer = service.post(VERIFY_OTP, &json!({ "challenge_id": challenge.id, "code": code }));
        assert_eq!(answer.refused_fields()[0].0, "/code", "{code}");
    }
    let wrong = other_than(&service.code(&person.phone));
    assert_eq!(service.verify(&challenge, &wrong).json()["attempts_left"], 4);
}

fn asvs_2_2_3_a_method_that_is_none_costs_nothing_and_one_that_the_challenge_lacks_is_a_wrong_code(
    database: Database,
) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    for method in ["voice_print", ""] {
        let body = json!({ "challenge_id": challenge.id, "code": code, "method": method });
        assert_eq!(service.post(VERIFY_OTP, &body).refused_fields()[0].0, "/method", "{method}");
    }
    let by_app = json!({ "challenge_id": challenge.id, "code": code, "method": "totp" });
    assert_eq!(service.post(VERIFY_OTP, &by_app).refusal(401, "invalid-code")["attempts_left"], 4);
    assert_eq!(service.verify(&challenge, &other_than(&code)).json()["attempts_left"], 3);
    let body =
        json!({ "challenge_id": challenge.id, "code": code, "method": "sms", "remember_device": false });
    service.post(VERIFY_OTP, &body).assert_status(200);
}

fn en_01_unknown_expired_used_and_exhausted_challenges_get_one_answer(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__TTL_SECONDS", "3")]);
    let (used_by, exhausted_by, late) = (service.person(), service.person(), service.person());
    let used = service.registered(&used_by);
    service.proven(&used, &used_by.phone);
    let exhausted = service.registered(&exhausted_by);
    let wrong = other_than(&service.code(&exhausted_by.phone));
    (0..5).for_each(|_| service.verify(&exhausted, &wrong).assert_status(401));
    let expired = service.registered(&late);
    let code = service.code(&late.phone);
    until("the end of the challenge", || (jiff::Timestamp::now() > expired.expires_at).then_some(()));

    let ids = [used.id, exhausted.id, expired.id, "A".repeat(22)];
    for path in [VERIFY_OTP, REQUEST_OTP] {
        let answers: Vec<(BTreeSet<String>, Value)> = ids
            .iter()
            .map(|id| {
                let answer = service.post(path, &json!({ "challenge_id": id, "code": code }));
                let mut problem = answer.refusal(410, "challenge-closed");
                problem["request_id"] = Value::Null;
                (answer.headers.into_iter().map(|(name, _)| name).collect(), problem)
            })
            .collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
}

fn d_02_a_challenge_ends_with_its_time(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__TTL_SECONDS", "2")]);
    let person = service.person();
    let challenge = service.registered(&person);
    let code = service.code(&person.phone);
    until("the end of the challenge", || (jiff::Timestamp::now() > challenge.expires_at).then_some(()));
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    assert_ne!(service.registered(&person).id, challenge.id);
}

fn d_02_resending_never_prolongs_a_challenge(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    for _ in 0..2 {
        let again = service.sent_again(&challenge);
        assert_eq!((again.id.as_str(), again.expires_at), (challenge.id.as_str(), challenge.expires_at));
        assert!(again.sent);
    }
    assert_eq!(service.challenged(&person).expires_at, challenge.expires_at);
}

fn only_the_code_sent_last_counts(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    service.sent_again(&challenge);
    let codes = service.codes(&person.phone);
    let [newest, oldest] = codes.as_slice() else { panic!("{codes:?}") };
    if newest != oldest {
        service.verify(&challenge, oldest).refusal(401, "invalid-code");
    }
    service.verify(&challenge, newest).assert_status(200);
}

fn d_05_a_second_message_waits_for_the_cooldown(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let refused = service.request_otp(&challenge);
    refused.refusal(429, "resend-too-soon");
    assert!((100..=120).contains(&refused.retry_after()));
    assert_eq!(service.codes(&person.phone).len(), 1);
    service.proven(&challenge, &person.phone);
}

fn d_05_a_challenge_sends_three_messages(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    assert!(challenge.resend_available_at.is_some());
    assert!(service.sent_again(&challenge).resend_available_at.is_some());
    assert_eq!(service.sent_again(&challenge).resend_available_at, None);
    service.request_otp(&challenge).refusal(429, "send-limit-reached");
    let again = service.registered(&person);
    assert_eq!(
        (again.id.as_str(), again.sent, again.resend_available_at),
        (challenge.id.as_str(), false, None)
    );
    assert_eq!(service.codes(&person.phone).len(), 3);
    service.proven(&challenge, &person.phone);
}

fn other_channels_are_refused_and_cost_nothing(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let ask = |channel: Value| {
        service.post(REQUEST_OTP, &json!({ "challenge_id": challenge.id, "channel": channel }))
    };
    for channel in ["voice", "flashcall", "whatsapp"] {
        ask(json!(channel)).refusal(422, "channel-not-available");
    }
    for channel in [json!("pigeon"), json!("SMS"), json!(""), json!(1)] {
        assert_eq!(ask(channel).refused_fields()[0].0, "/channel");
    }
    assert_eq!(service.codes(&person.phone).len(), 1);
    assert_eq!(ask(json!("sms")).json()["challenge"]["sent"], true);
}

fn registrations_of_one_number_share_the_code_and_its_guesses(database: Database) {
    let service = Service::start(database);
    let first_person = service.person();
    let second_person = Person { phone: first_person.phone.clone(), ..service.person() };
    let first = service.registered(&first_person);
    let second = service.registered(&second_person);
    assert_ne!(first.id, second.id);
    assert!(first.sent && !second.sent);
    let code = service.code(&first_person.phone);
    for (challenge, left) in [(&first, 4), (&second, 3), (&first, 2)] {
        let problem = service.verify(challenge, &other_than(&code)).refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left);
    }
    assert_eq!(service.registered(&second_person).attempts_left, 2);
    let tokens = service.proven(&second, &first_person.phone);
    assert_eq!(tokens.user.email, second_person.email);
    service.verify(&first, &code).refusal(410, "challenge-closed");
}

fn asvs_6_6_2_a_code_opens_only_the_purpose_it_was_sent_for(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "3")]);
    let (owner, _) = service.signed_up();
    let stranger = Person { phone: owner.phone.clone(), ..service.person() };
    let sign_in = service.challenged(&owner);
    until("the cooldown's end", || (service.request_otp(&sign_in).status == 200).then_some(()));
    let registration = service.registered(&stranger);
    assert!(!registration.sent, "another purpose starts unsent inside the cooldown");
    let code = service.code(&owner.phone);
    service.verify(&registration, &code).refusal(401, "invalid-code");
    service.verify(&sign_in, &code).assert_status(200);
}

fn a_stranger_who_registers_the_number_ends_no_sign_in(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "3")]);
    let (owner, _) = service.signed_up();
    let challenge = service.challenged(&owner);
    until("the cooldown's end", || (service.request_otp(&challenge).status == 200).then_some(()));
    let stranger = Person { phone: owner.phone.clone(), ..service.person() };
    let registration = service.registered(&stranger);
    service.request_otp(&registration).refusal(429, "resend-too-soon");
    for _ in 0..5 {
        service.verify(&registration, "000000").refusal(401, "invalid-code");
    }
    service.proven(&challenge, &owner.phone);
}

fn asvs_2_2_1_ids_and_codes_of_the_wrong_form_are_refused(database: Database) {
    let service = Service::start(database);
    let pointers = |path: &str, body: &Value| {
        let fields = service.post(path, body).refused_fields();
        fields.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>()
    };
    assert_eq!(pointers(VERIFY_OTP, &json!({})), ["/challenge_id", "/code"]);
    assert_eq!(pointers(REQUEST_OTP, &json!({})), ["/challenge_id"]);
    for id in [
        json!(1),
        json!(null),
        json!(["x"]),
        json!(""),
        json!("a\0b"),
        json!("%2e%2e"),
        json!("x".repeat(5000)),
    ] {
        let body = json!({ "challenge_id": id, "code": "123456" });
        assert_eq!(pointers(VERIFY_OTP, &body), ["/challenge_id"], "{id}");
        assert_eq!(pointers(REQUEST_OTP, &body), ["/challenge_id"], "{id}");
    }
    let body = json!({ "challenge_id": "A".repeat(22), "code": "123456", "remember_device": "yes" });
    assert_eq!(pointers(VERIFY_OTP, &body), ["/remember_device"]);
}
