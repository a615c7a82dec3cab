//! `POST /api/v1/auth/login`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Challenge, Database, LOG_IN, Person, Service, Tokens, until};

on_both_databases!(
    the_right_password_is_answered_with_a_challenge_and_the_code_opens_a_session,
    the_same_sign_in_again_is_the_same_challenge_and_no_second_message,
    inside_the_cooldown_of_the_number_a_sign_in_starts_unsent_and_sends_later,
    en_01_a_wrong_password_and_an_unknown_name_get_one_answer,
    a_phone_number_signs_in_too,
    exactly_one_name_is_needed,
    an_e_mail_signs_in_in_any_case_and_form,
    a_pending_registration_signs_in_and_gets_its_challenge,
    a_pending_registration_signs_in_also_when_the_e_mail_has_an_account,
    a_pending_registration_signs_in_by_its_number_too,
    asvs_6_2_8_the_whole_password_counts,
    pw_02_a_nul_ends_no_password,
    nb_02_a_password_signs_in_composed_or_decomposed,
    asvs_1_2_4_names_with_wildcards_and_quotes_match_only_themselves,
    d_11_six_wrong_passwords_slow_known_and_unknown_names_alike,
    d_11_a_slowed_account_refuses_the_right_password_and_lets_it_in_after_the_wait,
    d_11_a_right_password_ends_the_count,
    en_06_failures_of_one_name_say_nothing_of_another_name,
    d_11_guesses_at_the_same_moment_count_each,
    a_device_token_that_is_unknown_changes_nothing,
    asvs_6_3_3_no_answer_to_a_password_alone_holds_a_token,
);

fn the_right_password_is_answered_with_a_challenge_and_the_code_opens_a_session(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = service.signed_up();
    let challenge = service.challenged(&person);
    assert_eq!((challenge.purpose.as_str(), challenge.channel.as_str()), ("login", "sms"));
    assert!(challenge.sent);
    assert_eq!(challenge.attempts_left, 5);
    assert_eq!(service.codes(&person.phone).len(), 2);
    let tokens = service.proven(&challenge, &person.phone);
    assert_eq!(tokens.user.id, first.user.id);
    assert_ne!(tokens.refresh_token, first.refresh_token);
    assert_eq!(service.user(&tokens.access_token).email, person.email);
    service.user(&first.access_token);
}

fn the_same_sign_in_again_is_the_same_challenge_and_no_second_message(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "3")]);
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    until("the cooldown's end", || (service.request_otp(&challenge).status == 200).then_some(()));
    let again = service.challenged(&person);
    assert_eq!((again.id, again.sent), (challenge.id, false));
    assert_eq!(service.codes(&person.phone).len(), 2);
}

fn inside_the_cooldown_of_the_number_a_sign_in_starts_unsent_and_sends_later(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "2")]);
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    assert!(!challenge.sent);
    assert!(challenge.resend_available_at.is_some());
    let used = service.code(&person.phone);
    service.verify(&challenge, &used).refusal(401, "invalid-code");
    let too_soon = service.request_otp(&challenge);
    too_soon.refusal(429, "resend-too-soon");
    assert!(too_soon.retry_after() <= 2);
    until("the cooldown's end", || (service.request_otp(&challenge).status == 200).then_some(()));
    assert_eq!(service.codes(&person.phone).len(), 2);
    service.proven(&challenge, &person.phone);
}

fn en_01_a_wrong_password_and_an_unknown_name_get_one_answer(database: Database) {
    let service = Service::without_cooldown(database);
    let (known, _) = service.signed_up();
    let pending = service.person();
    service.registered(&pending);
    let names = [
        json!({ "email": known.email }),
        json!({ "email": pending.email }),
        json!({ "email": "nobody@example.com" }),
        json!({ "phone_number": known.phone }),
        json!({ "phone_number": pending.phone }),
        json!({ "phone_number": "+46701740699" }),
    ];
    let answers: Vec<(BTreeSet<(String, String)>, Value)> = names
        .into_iter()
        .map(|mut body| {
            body["password"] = json!("not the password");
            let answer = service.post(LOG_IN, &body);
            let mut problem = answer.refusal(401, "invalid-credentials");
            problem["request_id"] = Value::Null;
            let unique = |name: &str| name == "x-request-id" || name == "date";
            (answer.headers.into_iter().filter(|(name, _)| !unique(name)).collect(), problem)
        })
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

fn log_in_by_number(service: &Service, number: &str, country: Option<&str>, password: &str) -> Challenge {
    let body = json!({ "phone_number": number, "country": country, "password": password });
    let answer = service.post(LOG_IN, &body);
    answer.assert_status(200);
    serde_json::from_value(answer.json()["challenge"].clone()).unwrap()
}

fn a_phone_number_signs_in_too(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = service.signed_up();
    let national = format!("0{}", &person.phone[3..]);
    let spaced = format!("+46 {}-{} {}", &person.phone[3..5], &person.phone[5..8], &person.phone[8..]);
    for (number, country) in [(&person.phone, None), (&spaced, None), (&national, Some("SE"))] {
        let challenge = log_in_by_number(&service, number, country, &person.password);
        assert_eq!(challenge.purpose, "login");
    }
    let challenge = log_in_by_number(&service, &national, Some("SE"), &person.password);
    assert_eq!(service.proven(&challenge, &person.phone).user.id, first.user.id);
}

fn exactly_one_name_is_needed(database: Database) {
    let service = Service::start(database);
    let refused = |body: Value| {
        let fields = service.post(LOG_IN, &body).refused_fields();
        fields.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>()
    };
    let password = "four unrelated words";
    assert_eq!(refused(json!({})), ["/email", "/password"]);
    assert_eq!(refused(json!({ "password": password })), ["/email"]);
    assert_eq!(refused(json!({ "email": "a@example.com" })), ["/password"]);
    let both = json!({ "email": "a@example.com", "phone_number": "+46701740605", "password": password });
    assert_eq!(refused(both).len(), 1);
    assert_eq!(refused(json!({ "phone_number": "0701740605", "password": password })), ["/phone_number"]);
    assert_eq!(refused(json!({ "email": "a@example.com", "password": 12_345_678 })), ["/password"]);
}

fn an_e_mail_signs_in_in_any_case_and_form(database: Database) {
    let service = Service::without_cooldown(database);
    let person = Person { email: "Jos\u{c9}@Example.com".to_owned(), ..service.person() };
    let challenge = service.registered(&person);
    let tokens = service.proven(&challenge, &person.phone);
    assert_eq!(tokens.user.email, "Jos\u{c9}@Example.com", "kept as typed");
    for email in ["jos\u{e9}@example.com", "JOSE\u{301}@EXAMPLE.COM", " jos\u{e9}@example.com "] {
        assert_eq!(
            service.challenged(&Person { email: email.to_owned(), ..person.clone() }).purpose,
            "login"
        );
    }
    service.log_in("jose@example.com", &person.password).refusal(401, "invalid-credentials");
}

fn a_pending_registration_signs_in_and_gets_its_challenge(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let registered = service.registered(&person);
    let challenge = service.challenged(&person);
    assert_eq!((challenge.id.as_str(), challenge.purpose.as_str()), (registered.id.as_str(), "registration"));
    assert!(!challenge.sent);
    assert_eq!(service.codes(&person.phone).len(), 1);
    assert_eq!(service.proven(&challenge, &person.phone).user.email, person.email);
}

fn a_pending_registration_signs_in_also_when_the_e_mail_has_an_account(database: Database) {
    let service = Service::without_cooldown(database);
    let (owner, _) = service.signed_up();
    let elsewhere = service.person();
    let pending = Person { email: owner.email.clone(), ..elsewhere };
    let registered = service.registered(&pending);
    let challenge = service.challenged(&pending);
    assert_eq!((challenge.id.as_str(), challenge.purpose.as_str()), (registered.id.as_str(), "registration"));
    assert_eq!(service.challenged(&owner).purpose, "login");
    service.verify(&challenge, &service.code(&pending.phone)).refusal(409, "account-exists");
    service.log_in(&pending.email, &pending.password).refusal(401, "invalid-credentials");
    service.signed_in(&owner);
}

fn a_pending_registration_signs_in_by_its_number_too(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let registered = service.registered(&person);
    let challenge = log_in_by_number(&service, &person.phone, None, &person.password);
    assert_eq!(challenge.id, registered.id);
}

fn asvs_6_2_8_the_whole_password_counts(database: Database) {
    let service = Service::without_cooldown(database);
    let longest = format!("{}z", "\u{1f980}".repeat(127));
    let ends_in_space = "Ends In A Space ".to_owned();
    for (password, near) in [
        (&longest, format!("{}y", "\u{1f980}".repeat(127))),
        (&longest, "\u{1f980}".repeat(127)),
        (&ends_in_space, "Ends In A Space".to_owned()),
        (&ends_in_space, "ends in a space ".to_owned()),
    ] {
        let person = Person { password: password.clone(), ..service.person() };
        let challenge = service.registered(&person);
        service.proven(&challenge, &person.phone);
        service.log_in(&person.email, &near).refusal(401, "invalid-credentials");
        service.challenged(&person);
    }
}

fn pw_02_a_nul_ends_no_password(database: Database) {
    let service = Service::without_cooldown(database);
    let person = Person { password: "abcdefgz\0abcdefgz".to_owned(), ..service.person() };
    let challenge = service.registered(&person);
    service.proven(&challenge, &person.phone);
    for near in ["abcdefgz", "abcdefgz\0", "abcdefgz\0abcdefgy"] {
        service.log_in(&person.email, near).refusal(401, "invalid-credentials");
    }
    service.challenged(&person);
}

fn nb_02_a_password_signs_in_composed_or_decomposed(database: Database) {
    let service = Service::without_cooldown(database);
    let composed = "\u{e5}ngstr\u{f6}m is a unit";
    let decomposed = "a\u{30a}ngstro\u{308}m is a unit";
    for (chosen, typed) in [(composed, decomposed), (decomposed, composed)] {
        let person = Person { password: chosen.to_owned(), ..service.person() };
        let challenge = service.registered(&person);
        service.proven(&challenge, &person.phone);
        service.challenged(&Person { password: typed.to_owned(), ..person });
    }
}

fn asvs_1_2_4_names_with_wildcards_and_quotes_match_only_themselves(database: Database) {
    let service = Service::without_cooldown(database);
    let person = Person { email: "o'b_r%n@example.com".to_owned(), ..service.person() };
    let challenge = service.registered(&person);
    service.proven(&challenge, &person.phone);
    for near in ["o'bxr%n@example.com", "o'b_rxn@example.com", "%@example.com", "o''b_r%n@example.com"] {
        service.log_in(near, &person.password).refusal(401, "invalid-credentials");
    }
    service.signed_in(&person);
}

/// Fails `count` times and returns what each failure was answered.
fn failures(service: &Service, email: &str, count: usize) -> Vec<(u16, String)> {
    (0..count).map(|_| service.log_in(email, "not the password").outcome()).collect()
}

fn d_11_six_wrong_passwords_slow_known_and_unknown_names_alike(database: Database) {
    let service = Service::start(database);
    let (known, _) = service.signed_up();
    let mut expected = vec![(401, "invalid-credentials".to_owned()); 6];
    expected.push((429, "rate-limited".to_owned()));
    for email in [known.email.as_str(), "nobody@example.com"] {
        assert_eq!(failures(&service, email, 7), expected, "{email}");
        // The first wait is over after a second and may have ended meanwhile.
        let refused = until("a refusal", || {
            let answer = service.log_in(email, "not the password");
            (answer.status == 429).then_some(answer)
        });
        refused.refusal(429, "rate-limited");
        assert!((1..=4).contains(&refused.retry_after()));
    }
}

fn d_11_a_slowed_account_refuses_the_right_password_and_lets_it_in_after_the_wait(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    failures(&service, &person.email, 6);
    let refused = service.log_in(&person.email, &person.password);
    refused.refusal(429, "rate-limited");
    assert!(refused.retry_after() <= 1);
    until("the end of the wait", || {
        (service.log_in(&person.email, &person.password).status == 200).then_some(())
    });
    service.signed_in(&person);
}

fn d_11_a_right_password_ends_the_count(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    for _ in 0..2 {
        assert!(failures(&service, &person.email, 5).iter().all(|(status, _)| *status == 401));
        service.signed_in(&person);
    }
}

fn en_06_failures_of_one_name_say_nothing_of_another_name(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let by_number = json!({ "phone_number": person.phone, "password": "not the password" });
    (0..6).for_each(|_| service.post(LOG_IN, &by_number).assert_status(401));
    service.post(LOG_IN, &by_number).refusal(429, "rate-limited");
    // Were the e-mail slow now, anybody could find out whose number this is.
    service.log_in(&person.email, "not the password").refusal(401, "invalid-credentials");
    service.signed_in(&person);
}

fn d_11_guesses_at_the_same_moment_count_each(database: Database) {
    let service = Service::start(database);
    let (person, _) = service.signed_up();
    let answers = crate::client::at_once(20, |_| service.log_in(&person.email, "not the password").status);
    let counted = answers.iter().filter(|status| **status == 401).count();
    assert!(counted >= 6, "{answers:?}");
    let refused = service.log_in(&person.email, &person.password);
    refused.refusal(429, "rate-limited");
    // The wait doubles with each failure from the sixth on.
    let expected = 1_u64 << (counted - 6).min(9);
    assert!(refused.retry_after() * 2 > expected, "{counted} failures, a wait of {}", refused.retry_after());
}

fn a_device_token_that_is_unknown_changes_nothing(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let body = json!({ "email": person.email, "password": person.password, "device_token": "x".repeat(43) });
    let answer = service.post(LOG_IN, &body);
    answer.assert_status(200);
    assert_eq!(answer.json()["status"], "otp_required");
}

fn asvs_6_3_3_no_answer_to_a_password_alone_holds_a_token(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let registered = service.register(&person);
    let tokens: Tokens = service.proven(&Service::challenge_of(&registered), &person.phone);
    let logged_in = service.log_in(&person.email, &person.password);
    for answer in [registered, logged_in] {
        assert!(!answer.text().contains("token") && !answer.text().contains(&tokens.user.id.to_string()));
    }
}
