//! Another number for an account.

use serde_json::json;

use crate::client::{Answer, Challenge, Database, Request, Service, Tokens, User, at_once, other_than};

on_both_databases!(
    nb_06_a_number_is_changed_by_proof_of_the_new_one,
    a_changed_number_ends_other_sessions_and_codes_on_their_way,
    a_number_that_has_an_account_is_told_to_its_holder_only,
    rc_04_of_two_accounts_that_prove_one_number_one_gets_it,
    asvs_6_5_1_of_20_right_codes_of_a_change_one_changes,
    asvs_2_3_1_only_the_session_that_asked_can_prove_the_number,
    numbers_that_cannot_be_are_refused_by_name,
);

const PHONE: &str = "/api/v1/me/phone";
const VERIFY: &str = "/api/v1/me/phone/verify";

fn change(service: &Service, tokens: &Tokens, phone: &str) -> Answer {
    let body = json!({"phone_number": phone});
    service.send(&Request::post(PHONE).bearer(&tokens.access_token).json(&body))
}

fn verify(service: &Service, tokens: &Tokens, challenge: &Challenge, code: &str) -> Answer {
    let body = json!({"challenge_id": challenge.id, "code": code});
    service.send(&Request::post(VERIFY).bearer(&tokens.access_token).json(&body))
}

fn changing(service: &Service, tokens: &Tokens, phone: &str) -> (Challenge, String) {
    let challenge = Service::challenge_in(&change(service, tokens, phone), 202);
    (challenge, service.code(phone))
}

fn nb_06_a_number_is_changed_by_proof_of_the_new_one(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let new = service.person().phone;
    let (challenge, code) = changing(&service, &tokens, &new);
    assert_eq!((challenge.purpose.as_str(), challenge.sent), ("phone_change", true));
    assert_eq!(challenge.destination, Some(format!("+46•••••••{}", &new[10..])));
    assert_eq!(service.user(&tokens.access_token).phone_number, person.phone, "nothing yet");
    let wrong = verify(&service, &tokens, &challenge, &other_than(&code)).refusal(401, "invalid-code");
    assert_eq!(wrong["attempts_left"], 4);

    let user: User = verify(&service, &tokens, &challenge, &code).expect(200);

    assert_eq!(user.phone_number, new);
    assert!(user.phone_verified_at > tokens.user.phone_verified_at);
    assert_eq!(service.user(&tokens.access_token), user);
    let challenge = service.challenged(&person);
    service.verify(&challenge, &service.code(&new)).assert_status(200);
}

fn a_changed_number_ends_other_sessions_and_codes_on_their_way(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, other) = service.signed_up();
    let tokens = service.signed_in(&person);
    let sign_in = service.challenged(&person);
    let sign_in_code = service.code(&person.phone);
    let (challenge, code) = changing(&service, &tokens, &service.person().phone);

    verify(&service, &tokens, &challenge, &code).assert_status(200);

    service.me(&other.access_token).refusal(401, "invalid-token");
    service.user(&tokens.access_token);
    service.verify(&sign_in, &sign_in_code).refusal(410, "challenge-closed");
}

fn a_number_that_has_an_account_is_told_to_its_holder_only(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, tokens) = service.signed_up();
    let (owner, of_owner) = service.signed_up();

    let (challenge, code) = changing(&service, &tokens, &owner.phone);
    verify(&service, &tokens, &challenge, &other_than(&code)).refusal(401, "invalid-code");
    verify(&service, &tokens, &challenge, &code).refusal(409, "account-exists");
    let events =
        service.send(&Request::get("/api/v1/me/events").bearer(&of_owner.access_token)).text().to_owned();
    assert!(events.contains("user_exists_disclosed"), "en_08: {events}");
    verify(&service, &tokens, &challenge, &code).refusal(410, "challenge-closed");

    assert_eq!(service.user(&tokens.access_token), tokens.user);
    service.signed_in(&owner);
}

fn rc_04_of_two_accounts_that_prove_one_number_one_gets_it(database: Database) {
    let service = Service::without_cooldown(database);
    let people = [service.signed_up().1, service.signed_up().1];
    let wanted = service.person().phone;
    // Both share the code that was sent last to the number.
    let challenges: Vec<Challenge> =
        people.iter().map(|tokens| Service::challenge_in(&change(&service, tokens, &wanted), 202)).collect();
    let code = service.code(&wanted);

    let answers = at_once(2, |place| verify(&service, &people[place], &challenges[place], &code).outcome());

    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
    let holders = people.iter().filter(|tokens| service.user(&tokens.access_token).phone_number == wanted);
    assert_eq!(holders.count(), 1);
}

fn asvs_6_5_1_of_20_right_codes_of_a_change_one_changes(database: Database) {
    let service = Service::without_cooldown(database);
    let (_, tokens) = service.signed_up();
    let (challenge, code) = changing(&service, &tokens, &service.person().phone);

    let answers = at_once(20, |_| verify(&service, &tokens, &challenge, &code).status);

    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}

fn asvs_2_3_1_only_the_session_that_asked_can_prove_the_number(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, asking) = service.signed_up();
    let same_user = service.signed_in(&person);
    let (_, stranger) = service.signed_up();
    let (challenge, code) = changing(&service, &asking, &service.person().phone);

    for tokens in [&same_user, &stranger] {
        verify(&service, tokens, &challenge, &code).refusal(410, "challenge-closed");
    }
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    verify(&service, &asking, &challenge, &code).assert_status(200);
}

fn numbers_that_cannot_be_are_refused_by_name(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let fields = |phone: &str| change(&service, &tokens, phone).refused_fields();
    assert_eq!(fields(&person.phone), [("/phone_number".to_owned(), "same-number".to_owned())]);
    assert_eq!(fields("070 123"), [("/phone_number".to_owned(), "missing-country".to_owned())]);
    change(&service, &tokens, "+46939123456").refusal(422, "destination-not-allowed");
}
