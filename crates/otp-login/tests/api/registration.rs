//! `POST /api/v1/auth/register`, and what becomes of registrations.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Challenge, Database, Person, REGISTER, Request, Service, Tokens, other_than};

on_both_databases!(
    a_registration_is_answered_with_a_challenge_and_one_message,
    the_right_code_opens_the_account_and_a_session,
    the_same_registration_again_is_the_same_challenge_and_no_second_message,
    every_spelling_of_name_and_number_is_the_same_registration,
    rc_02_another_password_makes_a_separate_registration,
    rc_02_whoever_proves_the_phone_gets_the_password_of_that_challenge,
    rc_03_proving_one_registration_ends_every_other_of_the_number,
    rc_03_proving_one_registration_ends_every_other_of_the_e_mail,
    a_registration_reserves_neither_e_mail_nor_number,
    en_08_only_after_the_right_code_is_a_taken_number_told,
    en_08_only_after_the_right_code_is_a_taken_e_mail_told,
    rc_04_an_e_mail_in_another_case_or_form_is_taken_too,
    en_01_a_registration_looks_alike_for_taken_and_free_names,
    asvs_6_2_4_refused_passwords_give_their_reason,
    asvs_6_2_1_any_other_password_of_8_to_128_characters_is_accepted,
    asvs_2_2_1_every_field_is_checked_and_all_errors_are_told_at_once,
    asvs_15_3_3_unknown_fields_change_nothing,
    a_chosen_locale_is_kept_and_an_accepted_one_is_not,
);

fn a_registration_is_answered_with_a_challenge_and_one_message(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let before = Timestamp::now();
    let challenge = service.registered(&person);
    let after = Timestamp::now();

    assert!(challenge.id.len() >= 22, "128 bits need 22 characters: {}", challenge.id);
    assert_eq!((challenge.purpose.as_str(), challenge.channel.as_str()), ("registration", "sms"));
    assert_eq!(challenge.destination, Some(format!("+46•••••••{}", &person.phone[10..])));
    assert!(challenge.sent);
    assert!(challenge.methods.contains(&"sms".to_owned()));
    assert_eq!(challenge.attempts_left, 5);
    let within = |time: Timestamp, minutes: i64| {
        let life = SignedDuration::from_mins(minutes);
        before + life <= time && time <= after + life
    };
    assert!(within(challenge.expires_at, 10), "{challenge:?}");
    assert!(challenge.resend_available_at.is_some_and(|time| within(time, 2)), "{challenge:?}");
    let codes = service.codes(&person.phone);
    assert!(matches!(codes.as_slice(), [code] if code.len() == 6), "{codes:?}");
}

fn the_right_code_opens_the_account_and_a_session(database: Database) {
    let service = Service::start(database);
    let person = Person { email: " Ann.Smith@Example.com ".to_owned(), ..service.person() };
    let challenge = service.registered(&person);
    let tokens = service.proven(&challenge, &person.phone);

    assert_eq!(tokens.token_type, "Bearer");
    assert_eq!((tokens.expires_in, tokens.refresh_expires_in), (900, 30 * 24 * 3600));
    assert!(tokens.refresh_token.len() >= 43, "256 bits need 43 characters");
    let user = &tokens.user;
    assert_eq!(user.id.get_version_num(), 7);
    assert_eq!(
        (user.email.as_str(), user.phone_number.as_str()),
        ("Ann.Smith@Example.com", person.phone.as_str())
    );
    assert_eq!((user.locale.as_deref(), user.factors.as_slice()), (None, ["sms".to_owned()].as_slice()));
    assert!(Timestamp::now().duration_since(user.phone_verified_at) < SignedDuration::from_mins(1));
    assert_eq!(&service.user(&tokens.access_token), user);
}

fn the_same_registration_again_is_the_same_challenge_and_no_second_message(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let first = service.registered(&person);
    service.verify(&first, &other_than(&service.code(&person.phone))).refusal(401, "invalid-code");
    let again = service.registered(&person);
    assert_eq!(again.id, first.id);
    assert!(!again.sent);
    assert_eq!(again.attempts_left, 4, "starting again gives no more guesses");
    assert_eq!((again.expires_at, again.resend_available_at), (first.expires_at, first.resend_available_at));
    assert_eq!(service.codes(&person.phone).len(), 1);
}

fn every_spelling_of_name_and_number_is_the_same_registration(database: Database) {
    let service = Service::start(database);
    let register = |email: &str, number: &str, country: Option<&str>, password: &str| {
        let body =
            json!({ "email": email, "password": password, "phone_number": number, "country": country });
        Service::challenge_of(&service.post(REGISTER, &body))
    };
    let first = register("jos\u{e9}@example.com", "+46701740605", None, "p\u{e4}ssage of words");
    let spellings = [
        ("JOS\u{c9}@EXAMPLE.COM", "+46 70-174 06 05", None),
        ("  jose\u{301}@example.com ", "070-174 06 05", Some("SE")),
        ("jos\u{e9}@Example.com", "+46 (70) 174.06.05", Some("SE")),
        ("jos\u{e9}@example.com", "0701740605", Some("SE")),
    ];
    for (email, number, country) in spellings {
        let again = register(email, number, country, "pa\u{308}ssage of words");
        assert_eq!((again.id, again.sent), (first.id.clone(), false), "{email} {number}");
    }
    assert_eq!(service.codes("+46701740605").len(), 1);
}

/// Two registrations of one e-mail and number, by a stranger and then by the owner.
fn stranger_and_owner(service: &Service) -> (Person, Challenge, Person, Challenge) {
    let owner = service.person();
    let stranger = Person { password: "chosen by a stranger".to_owned(), ..owner.clone() };
    let of_stranger = service.registered(&stranger);
    let of_owner = service.registered(&owner);
    (stranger, of_stranger, owner, of_owner)
}

fn rc_02_another_password_makes_a_separate_registration(database: Database) {
    let service = Service::start(database);
    let (stranger, of_stranger, owner, of_owner) = stranger_and_owner(&service);
    assert_ne!(of_owner.id, of_stranger.id);
    assert!(of_stranger.sent && !of_owner.sent, "one message in each cooldown");
    assert_eq!(service.codes(&owner.phone).len(), 1);

    let tokens = service.proven(&of_owner, &owner.phone);
    assert_eq!(tokens.user.email, owner.email);
    service.log_in(&stranger.email, &stranger.password).refusal(401, "invalid-credentials");
    service.challenged(&owner);
}

fn rc_02_whoever_proves_the_phone_gets_the_password_of_that_challenge(database: Database) {
    let service = Service::start(database);
    let (stranger, of_stranger, owner, _) = stranger_and_owner(&service);
    service.proven(&of_stranger, &owner.phone);
    service.log_in(&owner.email, &owner.password).refusal(401, "invalid-credentials");
    service.challenged(&stranger);
}

fn rc_03_proving_one_registration_ends_every_other_of_the_number(database: Database) {
    let service = Service::start(database);
    let owner = service.person();
    let stranger = Person { phone: owner.phone.clone(), ..service.person() };
    let of_stranger = service.registered(&stranger);
    let of_owner = service.registered(&owner);
    let code = service.code(&owner.phone);
    service.verify(&of_owner, &code).expect::<Tokens>(200);

    service.verify(&of_stranger, &code).refusal(410, "challenge-closed");
    service.request_otp(&of_stranger).refusal(410, "challenge-closed");
    service.log_in(&stranger.email, &stranger.password).refusal(401, "invalid-credentials");
}

fn rc_03_proving_one_registration_ends_every_other_of_the_e_mail(database: Database) {
    let service = Service::start(database);
    let owner = service.person();
    let elsewhere =
        Person { phone: service.person().phone, password: "of a stranger".to_owned(), ..owner.clone() };
    let of_stranger = service.registered(&elsewhere);
    let of_owner = service.registered(&owner);
    service.proven(&of_owner, &owner.phone);

    service.verify(&of_stranger, &service.code(&elsewhere.phone)).refusal(410, "challenge-closed");
    service.log_in(&elsewhere.email, &elsewhere.password).refusal(401, "invalid-credentials");
}

fn a_registration_reserves_neither_e_mail_nor_number(database: Database) {
    let service = Service::without_cooldown(database);
    let owner = service.person();
    for place in 0..3 {
        let other = service.person();
        let same_email = Person { email: owner.email.clone(), ..other.clone() };
        let same_phone = Person { phone: owner.phone.clone(), ..other };
        service.registered(&same_email);
        service.registered(&same_phone);
        assert_eq!(service.codes(&owner.phone).len(), place + 1);
    }
    let challenge = service.registered(&owner);
    let tokens = service.proven(&challenge, &owner.phone);
    assert_eq!((tokens.user.email, tokens.user.phone_number), (owner.email, owner.phone));
}

/// Wrong codes tell nothing; the right one tells, once.
fn assert_told_only_after_the_right_code(service: &Service, taken: &Person) {
    let challenge = service.registered(taken);
    assert!(challenge.sent);
    let code = service.code(&taken.phone);
    service.verify(&challenge, &other_than(&code)).refusal(401, "invalid-code");
    service.verify(&challenge, &code).refusal(409, "account-exists");
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
}

/// Its owner reads that somebody learnt of the account.
fn assert_disclosed_once(service: &Service, owner: &Tokens) {
    let events = service.send(&Request::get("/api/v1/me/events").bearer(&owner.access_token)).json();
    let events = events["events"].as_array().unwrap();
    let disclosed = events.iter().filter(|event| event["name"] == "user_exists_disclosed");
    assert_eq!(disclosed.count(), 1, "{events:?}");
}

fn en_08_only_after_the_right_code_is_a_taken_number_told(database: Database) {
    let service = Service::without_cooldown(database);
    let (owner, tokens) = service.signed_up();
    let newcomer = Person { phone: owner.phone.clone(), ..service.person() };
    assert_told_only_after_the_right_code(&service, &newcomer);
    assert_disclosed_once(&service, &tokens);
    service.log_in(&newcomer.email, &newcomer.password).refusal(401, "invalid-credentials");
    service.signed_in(&owner);
}

fn en_08_only_after_the_right_code_is_a_taken_e_mail_told(database: Database) {
    let service = Service::without_cooldown(database);
    let (owner, tokens) = service.signed_up();
    let newcomer = Person { email: owner.email.clone(), ..service.person() };
    assert_told_only_after_the_right_code(&service, &newcomer);
    assert_disclosed_once(&service, &tokens);
    service.log_in(&newcomer.email, &newcomer.password).refusal(401, "invalid-credentials");
    service.signed_in(&owner);
}

fn rc_04_an_e_mail_in_another_case_or_form_is_taken_too(database: Database) {
    let service = Service::without_cooldown(database);
    let owner = Person { email: "\u{c5}sa.B\u{e9}@example.com".to_owned(), ..service.person() };
    let challenge = service.registered(&owner);
    service.proven(&challenge, &owner.phone);
    for email in ["\u{e5}sa.b\u{e9}@example.com", "A\u{30a}SA.BE\u{301}@EXAMPLE.COM"] {
        let newcomer = Person { email: email.to_owned(), ..service.person() };
        assert_told_only_after_the_right_code(&service, &newcomer);
    }
}

fn en_01_a_registration_looks_alike_for_taken_and_free_names(database: Database) {
    let service = Service::without_cooldown(database);
    let (owner, _) = service.signed_up();
    let free = service.register(&service.person());
    let taken_email = service.register(&Person { email: owner.email.clone(), ..service.person() });
    let taken_phone = service.register(&Person { phone: owner.phone, ..service.person() });
    for taken in [taken_email, taken_phone] {
        assert_eq!(taken.status, free.status);
        assert_eq!(header_names(&taken.headers), header_names(&free.headers));
        assert_eq!(without_what_is_unique(&taken.json()), without_what_is_unique(&free.json()));
        assert_eq!(members(taken.text()), members(free.text()));
    }
}

/// The framework shuffles headers in every answer.
fn header_names(headers: &[(String, String)]) -> BTreeSet<&str> {
    headers.iter().map(|(name, _)| name.as_str()).collect()
}

fn without_what_is_unique(answer: &Value) -> Value {
    let mut challenge = answer["challenge"].clone();
    for member in ["id", "destination", "expires_at", "resend_available_at"] {
        challenge[member] = Value::Null;
    }
    challenge
}

/// The names of all members in the order in which they stand.
fn members(json: &str) -> Vec<&str> {
    let quoted: Vec<&str> = json.split('"').collect();
    let followed = quoted.windows(2).filter(|pair| pair[1].starts_with(':'));
    followed.map(|pair| pair[0]).collect()
}

/// What a registration of `ann.smith@example.com` with `password` is answered.
fn refusal_of_password(service: &Service, password: &str) -> (String, String) {
    let person = Person {
        email: "ann.smith@example.com".to_owned(),
        password: password.to_owned(),
        ..service.person()
    };
    let mut refused = service.register(&person).refused_fields();
    assert_eq!(refused.len(), 1);
    refused.remove(0)
}

fn asvs_6_2_4_refused_passwords_give_their_reason(database: Database) {
    let service = Service::start(database);
    let table = [
        ("seven c", "too-short"),
        ("", "too-short"),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", "too-short"),
        (&"\u{1f980}".repeat(129), "too-long"),
        ("password", "too-common"),
        ("PaSSword", "too-common"),
        ("1234567890", "too-common"),
        ("qwertyuiop", "too-common"),
        ("iloveyou", "too-common"),
        ("football", "too-common"),
        ("ann.smith@example.com", "contains-email"),
        ("ANN.SMITH@example.com", "contains-email"),
        ("ann.smith", "contains-email"),
        ("Ann.Smith1987", "contains-email"),
        ("1ann.smith", "contains-email"),
        ("otp-login", "contains-service-name"),
    ];
    for (password, code) in table {
        let refused = refusal_of_password(&service, password);
        assert_eq!(refused, ("/password".to_owned(), code.to_owned()), "{password:?}");
    }
}

fn asvs_6_2_1_any_other_password_of_8_to_128_characters_is_accepted(database: Database) {
    let service = Service::without_cooldown(database);
    let accepted = [
        "jfkqpwzu",
        "        ",
        "94638201756",
        "ann.smith likes tea",
        "my password is long",
        "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}-\u{438}\u{437}-\u{441}\u{43b}\u{43e}\u{432}",
        "'; DROP TABLE users; --",
        "{{CODE}} %s {} \\ \"",
        &"\u{1f980}".repeat(128),
        &"e\u{301}".repeat(128),
    ];
    for password in accepted {
        let person = Person { password: password.to_owned(), ..service.person() };
        let challenge = service.registered(&person);
        service.proven(&challenge, &person.phone);
        service.challenged(&person);
    }
}

fn asvs_2_2_1_every_field_is_checked_and_all_errors_are_told_at_once(database: Database) {
    let service = Service::start(database);
    let refused = |body: Value| service.post(REGISTER, &body).refused_fields();
    let pointers = |body: Value| refused(body).into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let all = ["/email", "/password", "/phone_number"];
    assert_eq!(pointers(json!({})), all);
    assert_eq!(pointers(json!({ "email": null, "password": null, "phone_number": null })), all);
    assert_eq!(pointers(json!({ "email": 1, "password": ["x"], "phone_number": { "a": "b" } })), all);
    assert_eq!(pointers(json!({ "email": "x", "password": "x", "phone_number": "x" })), all);

    let with = |member: &str, value: Value| {
        let mut body = service.person().registration();
        body[member] = value;
        refused(body)
    };
    let wrong = [
        ("email", json!("ann")),
        ("email", json!("ann@localhost")),
        ("email", json!("@example.com")),
        ("email", json!("ann@example..com")),
        ("email", json!("a b@example.com")),
        ("email", json!("ann\0@example.com")),
        ("email", json!("ann\r\nbcc: x@example.com")),
        ("email", json!("\u{202e}ann@example.com")),
        ("email", json!(format!("{}@example.com", "a".repeat(65)))),
        ("email", json!(format!("a@{}.com", "a.".repeat(2000)))),
        ("email", json!(true)),
        ("password", json!(12_345_678)),
        ("phone_number", json!(46_701_740_605_u64)),
        ("phone_number", json!("+46701740605\0")),
        ("phone_number", json!("+".repeat(5000))),
        ("country", json!("Sweden")),
        ("country", json!("XX")),
        ("country", json!("S\0")),
        ("country", json!(46)),
        ("locale", json!("not a locale")),
        ("locale", json!("sv\0")),
        ("locale", json!("{{CODE}}")),
        ("locale", json!("s".repeat(1000))),
        ("locale", json!(["sv"])),
    ];
    for (member, value) in wrong {
        let refused = with(member, value.clone());
        let pointers: Vec<&str> = refused.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, [format!("/{member}")], "{value}");
    }
}

fn asvs_15_3_3_unknown_fields_change_nothing(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let mut body = person.registration();
    for member in ["id", "phone_verified_at", "factors", "purpose", "attempts_left", "role", "__proto__"] {
        body[member] = json!({ "admin": true });
    }
    let challenge = Service::challenge_of(&service.post(REGISTER, &body));
    assert_eq!(challenge.id, service.registered(&person).id);
    let tokens = service.proven(&challenge, &person.phone);
    assert_eq!(tokens.user.factors, ["sms"]);
}

fn a_chosen_locale_is_kept_and_an_accepted_one_is_not(database: Database) {
    let service = Service::start(database);
    let (with, without) = (service.person(), service.person());
    let mut body = with.registration();
    body["locale"] = json!("sv-SE");
    let challenge = Service::challenge_of(&service.post(REGISTER, &body));
    assert_eq!(service.proven(&challenge, &with.phone).user.locale.as_deref(), Some("sv-SE"));
    let challenge = service.registered(&without);
    assert_eq!(service.proven(&challenge, &without.phone).user.locale, None);
}
