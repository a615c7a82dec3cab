//! A forgotten password, and a sign-in with nothing but a phone.

use serde_json::{Value, json};

use crate::client::{Answer, Challenge, Database, Jwt, Person, Service, Tokens, at_once, other_than, until};

on_both_databases!(
    a_forgotten_password_is_replaced_by_proof_of_the_phone,
    en_01_forgot_and_all_that_follows_is_the_same_for_known_and_unknown_emails,
    en_03_the_challenge_shows_nothing_of_messages_that_the_number_had,
    asvs_6_4_3_a_reset_signs_nobody_in_and_ends_every_session,
    a_reset_closes_a_sign_in_under_way,
    a_password_that_is_not_accepted_costs_no_guess,
    asvs_6_6_3_five_wrong_codes_end_a_reset_and_a_decoy,
    asvs_6_5_1_of_20_right_codes_of_a_reset_one_succeeds,
    en_03_a_dead_provider_shows_nobody_anything,
    rc_05_forgot_again_is_the_same_challenge_and_one_message,
    asvs_2_3_1_a_challenge_serves_its_purpose_only,
    a_phone_alone_signs_in_where_that_is_switched_on,
    en_01_a_sign_in_by_phone_shows_nothing_of_accounts,
    a_sign_in_by_phone_does_not_exist_unless_switched_on,
);

const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const OTP_START: &str = "/api/v1/auth/otp/start";
const NEW: &str = "copper lantern river";

fn forgot(service: &Service, email: &str) -> Answer {
    service.post(FORGOT, &json!({"email": email}))
}

fn forgotten(service: &Service, email: &str) -> Challenge {
    Service::challenge_in(&forgot(service, email), 202)
}

fn reset(service: &Service, challenge: &Challenge, code: &str, new: &str) -> Answer {
    let body = json!({"challenge_id": challenge.id, "code": code, "new_password": new});
    service.post(RESET, &body)
}

/// The code of the next message, which nobody waits for.
fn code_after(service: &Service, person: &Person, messages: usize) -> String {
    until("the message", || {
        let codes = service.codes(&person.phone);
        (codes.len() > messages).then(|| codes.first().cloned()).flatten()
    })
}

fn forgotten_with_code(service: &Service, person: &Person) -> (Challenge, String) {
    let messages = service.codes(&person.phone).len();
    let challenge = forgotten(service, &person.email);
    (challenge, code_after(service, person, messages))
}

fn a_forgotten_password_is_replaced_by_proof_of_the_phone(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let (challenge, code) = forgotten_with_code(&service, &person);
    assert_eq!((challenge.purpose.as_str(), challenge.channel.as_str()), ("password_reset", "sms"));
    assert_eq!((challenge.destination.as_deref(), challenge.attempts_left), (None, 5));
    reset(&service, &challenge, &other_than(&code), NEW).refusal(401, "invalid-code");

    reset(&service, &challenge, &code, NEW).assert_status(204);

    service.log_in(&person.email, &person.password).refusal(401, "invalid-credentials");
    let renewed = Person { password: NEW.to_owned(), ..person };
    service.signed_in(&renewed);
}

/// What a caller can tell of an answer: all but ids and times.
fn seen(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut names: Vec<String> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for (object, member) in [
        ("/challenge", "id"),
        ("/challenge", "expires_at"),
        ("/challenge", "resend_available_at"),
        ("", "request_id"),
    ] {
        if let Some(value) = body.pointer_mut(object).and_then(|object| object.get_mut(member)) {
            *value = json!(value.is_string());
        }
    }
    (answer.status, names, body)
}

fn en_01_forgot_and_all_that_follows_is_the_same_for_known_and_unknown_emails(database: Database) {
    let settings = [("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "1"), ("OTP_LOGIN__OTP__MAX_SENDS", "2")];
    let service = Service::with(database, &settings);
    let (person, _) = service.signed_up();
    let pending = service.person();
    service.registered(&pending);
    let emails = [person.email.as_str(), pending.email.as_str(), "nobody@example.com"];

    let mut told: Vec<Vec<_>> = Vec::new();
    for email in emails {
        let first = forgot(&service, email);
        let challenge = Service::challenge_in(&first, 202);
        let mut all = vec![seen(&first), seen(&forgot(&service, email))];
        all.push(seen(&service.request_otp(&challenge)));
        until("the cooldown", || {
            let again = service.request_otp(&challenge);
            (again.status == 200).then(|| all.push(seen(&again)))
        });
        all.push(seen(&service.request_otp(&challenge)));
        all.push(seen(&reset(&service, &challenge, "000000", "short")));
        all.push(seen(&reset(&service, &challenge, "000000", email)));
        for _ in 0..6 {
            // The one code of a million that is right would be an unlucky test.
            all.push(seen(&reset(&service, &challenge, "000000", NEW)));
        }
        all.push(seen(&service.request_otp(&challenge)));
        told.push(all);
    }
    for other in &told[1..] {
        assert_eq!(&told[0], other);
    }
}

fn en_03_the_challenge_shows_nothing_of_messages_that_the_number_had(database: Database) {
    // The cooldown of the number runs: it got the code of its registration a moment ago.
    let service = Service::start(database);
    let (person, _) = service.signed_up();

    let challenge = forgotten(&service, &person.email);

    assert!(challenge.sent);
    let life = challenge.expires_at.duration_since(challenge.resend_available_at.unwrap());
    assert_eq!(life.as_secs(), 480, "as if the message were the number's first");
    let stranger = service.person();
    let held = service.registered(&Person { phone: person.phone.clone(), ..stranger });
    assert!(!held.sent, "the number's cooldown was not begun anew, nor ended");
}

fn asvs_6_4_3_a_reset_signs_nobody_in_and_ends_every_session(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = service.signed_up();
    let second = service.signed_in(&person);
    let (challenge, code) = forgotten_with_code(&service, &person);

    let answer = reset(&service, &challenge, &code, NEW);

    assert_eq!((answer.status, answer.text()), (204, ""));
    for tokens in [&first, &second] {
        service.me(&tokens.access_token).refusal(401, "invalid-token");
        service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
    }
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn a_reset_closes_a_sign_in_under_way(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let sign_in = service.challenged(&person);
    let sign_in_code = service.code(&person.phone);
    let (challenge, code) = forgotten_with_code(&service, &person);

    reset(&service, &challenge, &code, NEW).assert_status(204);

    service.verify(&sign_in, &sign_in_code).refusal(410, "challenge-closed");
}

fn a_password_that_is_not_accepted_costs_no_guess(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let (challenge, code) = forgotten_with_code(&service, &person);

    for (refused, why) in
        [("short", "too-short"), ("password1", "too-common"), (person.email.as_str(), "contains-email")]
    {
        let answer = reset(&service, &challenge, &code, refused);
        assert_eq!(answer.refused_fields(), [("/new_password".to_owned(), why.to_owned())]);
    }
    let left = reset(&service, &challenge, &other_than(&code), NEW).refusal(401, "invalid-code");
    assert_eq!(left["attempts_left"], 4);
    reset(&service, &challenge, &code, NEW).assert_status(204);
}

fn asvs_6_6_3_five_wrong_codes_end_a_reset_and_a_decoy(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let (known, code) = forgotten_with_code(&service, &person);
    let decoy = forgotten(&service, "nobody@example.com");
    let wrong = other_than(&code);

    for challenge in [&known, &decoy] {
        let answers = at_once(20, |_| reset(&service, challenge, &wrong, NEW).outcome());
        let counted = answers.iter().filter(|(status, _)| *status == 401).count();
        let closed = answers.iter().filter(|(_, code)| code == "challenge-closed").count();
        assert_eq!((counted, closed), (5, 15), "{answers:?}");
    }
    reset(&service, &known, &code, NEW).refusal(410, "challenge-closed");
    service.signed_in(&person);
}

fn asvs_6_5_1_of_20_right_codes_of_a_reset_one_succeeds(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let (challenge, code) = forgotten_with_code(&service, &person);

    let answers = at_once(20, |place| {
        let new = format!("{NEW} {place}");
        (reset(&service, &challenge, &code, &new).status, new)
    });

    let winners: Vec<&String> =
        answers.iter().filter(|(status, _)| *status == 204).map(|(_, new)| new).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    service.signed_in(&Person { password: winners[0].clone(), ..person });
}

fn en_03_a_dead_provider_shows_nobody_anything(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let messages = service.codes(&person.phone).len();
    service.plan_fault(&json!({ "kind": "no_credit", "on": "start", "number": person.phone }));

    assert!(forgotten(&service, &person.email).sent);

    // Nothing left, so the number is free at once, and asking again sends.
    until("the refused message", || {
        forgotten(&service, &person.email);
        (service.codes(&person.phone).len() > messages).then_some(())
    });
}

fn rc_05_forgot_again_is_the_same_challenge_and_one_message(database: Database) {
    let settings = [("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "30")];
    let service = Service::with(database, &settings);
    let person = service.person();
    let challenge = service.registered(&person);
    service.proven(&challenge, &person.phone);
    let messages = service.codes(&person.phone).len();

    let answers = at_once(20, |_| forgotten(&service, &person.email));

    assert_eq!(answers.iter().filter(|challenge| challenge.sent).count(), 1);
    assert!(answers.iter().all(|challenge| challenge.id == answers[0].id));
    // The number's own cooldown runs, too: it gets nothing at all.
    assert_eq!(service.codes(&person.phone).len(), messages);
}

fn asvs_2_3_1_a_challenge_serves_its_purpose_only(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let sign_in = service.challenged(&person);
    let sign_in_code = service.code(&person.phone);
    reset(&service, &sign_in, &sign_in_code, NEW).refusal(410, "challenge-closed");
    service.verify(&sign_in, &sign_in_code).assert_status(200);

    let (challenge, code) = forgotten_with_code(&service, &person);
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    reset(&service, &challenge, &code, NEW).assert_status(204);
}

fn passwordless(database: Database) -> Service {
    let settings =
        [("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), ("OTP_LOGIN__OTP__PASSWORDLESS", "true")];
    Service::with(database, &settings)
}

fn started(service: &Service, phone: &str) -> Challenge {
    Service::challenge_in(&service.post(OTP_START, &json!({"phone_number": phone})), 200)
}

fn a_phone_alone_signs_in_where_that_is_switched_on(database: Database) {
    let service = passwordless(database);
    let (person, _) = service.signed_up();
    let messages = service.codes(&person.phone).len();
    let challenge = started(&service, &person.phone);
    assert_eq!((challenge.purpose.as_str(), challenge.sent), ("login", true));
    assert!(challenge.destination.as_ref().is_some_and(|shown| shown.starts_with("+46•")));
    let code = code_after(&service, &person, messages);

    let tokens: Tokens = service.verify(&challenge, &code).expect(200);

    assert_eq!(Jwt::read(&tokens.access_token).claims["amr"], json!(["sms"]));
    let delete = crate::client::Request::new("DELETE", "/api/v1/me").bearer(&tokens.access_token);
    service.send(&delete).refusal(403, "step-up-required");
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn en_01_a_sign_in_by_phone_shows_nothing_of_accounts(database: Database) {
    let service = passwordless(database);
    let (person, _) = service.signed_up();
    let nobody = service.person();
    let answer = |phone: &str| service.post(OTP_START, &json!({"phone_number": phone}));
    let masked = |answer: &Answer, phone: &str| {
        let (status, names, body) = seen(answer);
        (status, names, body.to_string().replace(&phone[10..], "xx"))
    };

    let known = masked(&answer(&person.phone), &person.phone);
    let unknown = masked(&answer(&nobody.phone), &nobody.phone);

    assert_eq!(known, unknown);
    let decoy = started(&service, &nobody.phone);
    let guess = service.verify(&decoy, "000000").refusal(401, "invalid-code");
    assert_eq!(guess["attempts_left"], 4);
    assert!(service.codes(&nobody.phone).is_empty());
    let premium = json!({"phone_number": "+46939123456"});
    service.post(OTP_START, &premium).refusal(422, "destination-not-allowed");
}

fn a_sign_in_by_phone_does_not_exist_unless_switched_on(database: Database) {
    let service = Service::start(database);
    let (person, _) = service.signed_up();
    let body = json!({"phone_number": person.phone});
    service.post(OTP_START, &body).refusal(404, "not-found");
}
