//! Proving all factors again within a session.

use serde_json::json;

use crate::client::{Answer, Challenge, Database, Jwt, Request, Service, Tokens, at_once, other_than, until};

on_both_databases!(
    a_step_up_gives_the_place_of_the_session_to_a_fresh_one,
    asvs_7_5_1_a_refresh_does_not_renew_the_time_of_authentication,
    a_wrong_password_at_a_step_up_is_refused_and_counts,
    asvs_6_6_2_a_step_up_is_one_challenge_and_one_message,
    a_step_up_of_an_ended_session_opens_nothing,
    asvs_6_5_1_of_20_right_codes_of_a_step_up_one_opens_a_session,
);

fn step_up(service: &Service, tokens: &Tokens, password: &str) -> Answer {
    let body = json!({"password": password});
    service.send(&Request::post("/api/v1/auth/step-up").bearer(&tokens.access_token).json(&body))
}

fn auth_time(tokens: &Tokens) -> i64 {
    Jwt::read(&tokens.access_token).claims["auth_time"].as_i64().unwrap()
}

fn session(tokens: &Tokens) -> String {
    Jwt::read(&tokens.access_token).claims["sid"].as_str().unwrap().to_owned()
}

fn a_step_up_gives_the_place_of_the_session_to_a_fresh_one(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, old) = service.signed_up();
    until("a later second", || (auth_time(&old) < jiff::Timestamp::now().as_second()).then_some(()));
    let challenge = Service::challenge_in(&step_up(&service, &old, &person.password), 200);
    assert_eq!((challenge.purpose.as_str(), challenge.sent, challenge.attempts_left), ("step_up", true, 5));
    service.user(&old.access_token);

    let fresh = service.proven(&challenge, &person.phone);
    assert!(auth_time(&fresh) > auth_time(&old));
    assert_eq!(Jwt::read(&fresh.access_token).claims["amr"], json!(["pwd", "sms", "mfa"]));
    assert_ne!(session(&fresh), session(&old));
    service.me(&old.access_token).refusal(401, "invalid-token");
    service.refresh(&old.refresh_token).refusal(401, "invalid-token");
    let fresh: Tokens = service.refresh(&fresh.refresh_token).expect(200);
    assert_eq!(service.user(&fresh.access_token).id, old.user.id);
}

fn asvs_7_5_1_a_refresh_does_not_renew_the_time_of_authentication(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    until("a later second", || (auth_time(&tokens) < jiff::Timestamp::now().as_second()).then_some(()));
    let refreshed: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    assert_eq!(auth_time(&refreshed), auth_time(&tokens));
}

fn a_wrong_password_at_a_step_up_is_refused_and_counts(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let messages = service.codes(&person.phone).len();
    for _ in 0..6 {
        step_up(&service, &tokens, "a wrong password").refusal(401, "invalid-credentials");
    }
    step_up(&service, &tokens, &person.password).refusal(429, "rate-limited");
    assert_eq!(service.codes(&person.phone).len(), messages, "nothing was sent");
    service.user(&tokens.access_token);
}

fn asvs_6_6_2_a_step_up_is_one_challenge_and_one_message(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let login = service.challenged(&person);
    let login_code = service.code(&person.phone);
    let first = Service::challenge_in(&step_up(&service, &tokens, &person.password), 200);
    let again = Service::challenge_in(&step_up(&service, &tokens, &person.password), 200);
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, login.id);
    let code = service.code(&person.phone);
    if code != login_code {
        service.verify(&first, &login_code).refusal(401, "invalid-code");
    }
    service.verify(&first, &other_than(&code)).refusal(401, "invalid-code");
    service.verify(&first, &code).assert_status(200);
    service.verify(&first, &code).refusal(410, "challenge-closed");
}

fn a_step_up_of_an_ended_session_opens_nothing(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let challenge: Challenge = Service::challenge_in(&step_up(&service, &tokens, &person.password), 200);
    let code = service.code(&person.phone);
    service.log_out(&tokens.access_token).assert_status(204);
    step_up(&service, &tokens, &person.password).refusal(401, "invalid-token");
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

fn asvs_6_5_1_of_20_right_codes_of_a_step_up_one_opens_a_session(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let challenge = Service::challenge_in(&step_up(&service, &tokens, &person.password), 200);
    let code = service.code(&person.phone);
    let answers = at_once(20, |_| service.verify(&challenge, &code).status);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}
