//! Passkeys, with an authenticator in software that can also lie.

use serde_json::{Value, json};
use testkit::authenticator::{Authenticator, tamper};

use crate::client::{
    Answer, Challenge, Database, Jwt, ME, Person, Request, Service, Tokens, User, at_once, other_than,
};

on_both_databases!(
    a_passkey_is_enrolled_listed_and_signs_in_alone,
    a_passkey_is_the_second_factor_of_a_sign_in,
    a_passkey_answers_a_step_up,
    asvs_7_4_3_a_removed_passkey_ends_other_sessions_and_opens_nothing,
    tn_06_a_passkey_answers_its_own_site_and_people_only,
    asvs_6_7_2_an_answer_and_a_ceremony_serve_once,
    asvs_6_7_2_of_50_answers_to_one_ceremony_one_opens_a_session,
    asvs_6_3_8_an_unknown_passkey_and_a_wrong_answer_look_alike,
    asvs_6_6_3_wrong_passkeys_use_up_a_challenge,
    a_copied_passkey_is_refused_and_its_owner_told,
    what_was_made_for_others_is_not_added,
    asvs_8_2_1_passkeys_of_others_are_neither_seen_nor_removed,
    asvs_7_4_2_a_deleted_account_takes_its_passkeys_along,
);

pub(crate) const SIGN_IN_OPTIONS: &str = "/api/v1/auth/passkey/options";
pub(crate) const SIGN_IN: &str = "/api/v1/auth/passkey/verify";
pub(crate) const OPTIONS: &str = "/api/v1/me/passkeys/options";
pub(crate) const PASSKEYS: &str = "/api/v1/me/passkeys";

/// Where the pages of a service in development are.
pub(crate) fn origin(service: &Service) -> String {
    format!("http://localhost:{}", service.address().port())
}

/// A ceremony as its client sees it.
struct Ceremony {
    id: String,
    public_key: Value,
}

impl Ceremony {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        answer.assert_status(200);
        let body = answer.json();
        Self { id: body["ceremony_id"].as_str().unwrap().to_owned(), public_key: body["public_key"].clone() }
    }
}

#[track_caller]
fn start_enrolling(service: &Service, tokens: &Tokens) -> Ceremony {
    Ceremony::of(&service.send(&Request::post(OPTIONS).bearer(&tokens.access_token)))
}

fn add(service: &Service, tokens: &Tokens, ceremony: &Ceremony, credential: &Value) -> Answer {
    let body = json!({"ceremony_id": ceremony.id, "credential": credential, "name": "the blue key"});
    service.send(&Request::post(PASSKEYS).bearer(&tokens.access_token).json(&body))
}

/// Enrols the authenticator; the passkey as it was answered.
#[track_caller]
fn enrol(service: &Service, tokens: &Tokens, authenticator: &mut Authenticator) -> Value {
    let ceremony = start_enrolling(service, tokens);
    let made = authenticator.register(&ceremony.public_key);
    let answer = add(service, tokens, &ceremony, &made);
    answer.assert_status(201);
    answer.json()
}

/// Somebody with a passkey.
#[track_caller]
fn enrolled(service: &Service) -> (Person, Tokens, Authenticator) {
    let (person, tokens) = service.signed_up();
    let mut authenticator = Authenticator::es256(&origin(service));
    enrol(service, &tokens, &mut authenticator);
    (person, tokens, authenticator)
}

/// Begins a sign-in, or the answer of a challenge.
#[track_caller]
fn start(service: &Service, challenge: Option<&Challenge>) -> Ceremony {
    let body = challenge.map_or_else(|| json!({}), |challenge| json!({"challenge_id": challenge.id}));
    Ceremony::of(&service.post(SIGN_IN_OPTIONS, &body))
}

fn finish(service: &Service, ceremony: &Ceremony, challenge: Option<&Challenge>, answer: &Value) -> Answer {
    let mut body = json!({"ceremony_id": ceremony.id, "credential": answer});
    if let Some(challenge) = challenge {
        body["challenge_id"] = json!(challenge.id);
    }
    service.post(SIGN_IN, &body)
}

/// A sign-in by passkey, or the answer of a challenge, from the first step to the last.
fn use_passkey(
    service: &Service,
    challenge: Option<&Challenge>,
    authenticator: &mut Authenticator,
) -> Answer {
    let ceremony = start(service, challenge);
    let answer = authenticator.answer(&ceremony.public_key);
    finish(service, &ceremony, challenge, &answer)
}

fn list(service: &Service, tokens: &Tokens) -> Vec<Value> {
    let answer = service.send(&Request::get(PASSKEYS).bearer(&tokens.access_token));
    answer.json()["passkeys"].as_array().unwrap().clone()
}

fn remove(service: &Service, tokens: &Tokens, id: &Value) -> Answer {
    let path = format!("{PASSKEYS}/{}", id.as_str().unwrap());
    service.send(&Request::new("DELETE", &path).bearer(&tokens.access_token))
}

fn events(service: &Service, tokens: &Tokens) -> Vec<String> {
    let answer = service.send(&Request::get("/api/v1/me/events").bearer(&tokens.access_token)).json();
    let events = answer["events"].as_array().unwrap();
    events.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect()
}

fn amr(tokens: &Tokens) -> Value {
    Jwt::read(&tokens.access_token).claims["amr"].clone()
}

fn a_passkey_is_enrolled_listed_and_signs_in_alone(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    assert_eq!(tokens.user.factors, ["sms"]);
    for (mut authenticator, key) in [
        (Authenticator::es256(&origin(&service)), "hwk"),
        (Authenticator::ed25519(&origin(&service)), "hwk"),
        (Authenticator::synced(&origin(&service)), "swk"),
    ] {
        let passkey = enrol(&service, &tokens, &mut authenticator);
        assert_eq!((&passkey["name"], &passkey["last_used_at"]), (&json!("the blue key"), &json!(null)));
        assert_eq!(passkey["backed_up"], key == "swk");
        assert_eq!(list(&service, &tokens).last(), Some(&passkey));

        let signed_in: Tokens = use_passkey(&service, None, &mut authenticator).expect(200);

        assert_eq!(signed_in.user.factors, ["sms", "passkey"]);
        assert_eq!(signed_in.user.id, tokens.user.id);
        assert_eq!(amr(&signed_in), json!([key, "user", "mfa"]));
        service.user(&signed_in.access_token);
        service.refresh(&signed_in.refresh_token).assert_status(200);
        let used = list(&service, &tokens).pop().unwrap();
        assert!(used["last_used_at"].is_string(), "{used}");
        // What guards the account may be changed: both factors were proven.
        start_enrolling(&service, &signed_in);
    }
    let ceremony = start_enrolling(&service, &tokens);
    assert_eq!(ceremony.public_key["excludeCredentials"].as_array().map(Vec::len), Some(3));
    let user: User = service.user(&tokens.access_token);
    assert_eq!(user.factors, ["sms", "passkey"]);
    let newest = events(&service, &tokens);
    assert_eq!(newest[..2], ["authn_login_success", "authn_passkey_enrolled"]);
}

fn a_passkey_is_the_second_factor_of_a_sign_in(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, mut authenticator) = enrolled(&service);
    // A password came before, so the key alone is enough.
    authenticator.verifies_user = false;
    let challenge = service.challenged(&person);
    assert_eq!(challenge.methods, ["sms", "passkey"]);
    let ceremony = start(&service, Some(&challenge));
    let allowed = &ceremony.public_key["allowCredentials"];
    assert_eq!((allowed.as_array().map(Vec::len), &allowed[0]["id"]), (Some(1), &json!(authenticator.id())));

    let answer = authenticator.answer(&ceremony.public_key);
    let tokens: Tokens = finish(&service, &ceremony, Some(&challenge), &answer).expect(200);

    assert_eq!(amr(&tokens), json!(["pwd", "hwk", "user", "mfa"]));
    service.user(&tokens.access_token);
    service.verify(&challenge, &service.code(&person.phone)).refusal(410, "challenge-closed");
    let closed = service.post(SIGN_IN_OPTIONS, &json!({"challenge_id": challenge.id}));
    closed.refusal(410, "challenge-closed");
}

fn a_passkey_answers_a_step_up(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, old, mut authenticator) = enrolled(&service);
    let body = json!({"password": person.password});
    let step_up = Request::post("/api/v1/auth/step-up").bearer(&old.access_token).json(&body);
    let challenge = Service::challenge_in(&service.send(&step_up), 200);

    let fresh: Tokens = use_passkey(&service, Some(&challenge), &mut authenticator).expect(200);

    assert_eq!(amr(&fresh), json!(["pwd", "hwk", "user", "mfa"]));
    service.me(&old.access_token).refusal(401, "invalid-token");
    assert_eq!(events(&service, &fresh)[0], "authn_step_up");
}

fn asvs_7_4_3_a_removed_passkey_ends_other_sessions_and_opens_nothing(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens, mut authenticator) = enrolled(&service);
    let other: Tokens = use_passkey(&service, None, &mut authenticator).expect(200);
    let id = list(&service, &tokens)[0]["id"].clone();

    remove(&service, &tokens, &id).assert_status(204);

    service.me(&other.access_token).refusal(401, "invalid-token");
    service.refresh(&other.refresh_token).refusal(401, "invalid-token");
    assert_eq!(service.user(&tokens.access_token).factors, ["sms"]);
    assert_eq!(list(&service, &tokens), Vec::<Value>::new());
    remove(&service, &tokens, &id).refusal(404, "not-found");
    use_passkey(&service, None, &mut authenticator).refusal(401, "invalid-passkey");
    let challenge = service.challenged(&person);
    assert_eq!(challenge.methods, ["sms"]);
    let refused = service.post(SIGN_IN_OPTIONS, &json!({"challenge_id": challenge.id})).refused_fields();
    assert_eq!(refused, [("/challenge_id".to_owned(), "no-passkey".to_owned())]);
    assert_eq!(events(&service, &tokens)[0], "authn_passkey_removed");
}

fn tn_06_a_passkey_answers_its_own_site_and_people_only(database: Database) {
    let service = Service::start(database);
    let (_, tokens, mut authenticator) = enrolled(&service);
    let right = authenticator.origin.clone();
    let refused = |authenticator: &mut Authenticator, spoil: &dyn Fn(&mut Value)| {
        let ceremony = start(&service, None);
        let mut answer = authenticator.answer(&ceremony.public_key);
        spoil(&mut answer);
        finish(&service, &ceremony, None, &answer).refusal(401, "invalid-passkey");
    };
    for phishing in ["http://localhost.evil.example", "https://localhost", "http://localhost", "null"] {
        phishing.clone_into(&mut authenticator.origin);
        refused(&mut authenticator, &|_| {});
    }
    authenticator.origin = right;
    authenticator.relying_party = Some("evil.example".to_owned());
    refused(&mut authenticator, &|_| {});
    authenticator.relying_party = None;
    authenticator.is_in_frame = true;
    refused(&mut authenticator, &|_| {});
    authenticator.is_in_frame = false;
    authenticator.verifies_user = false;
    refused(&mut authenticator, &|_| {});
    authenticator.verifies_user = true;
    authenticator.is_user_present = false;
    refused(&mut authenticator, &|_| {});
    authenticator.is_user_present = true;
    authenticator.names_user = false;
    refused(&mut authenticator, &|_| {});
    authenticator.names_user = true;
    for (member, place) in [("signature", 9), ("authenticatorData", 36), ("authenticatorData", 32)] {
        refused(&mut authenticator, &|answer| tamper(answer, member, place));
    }
    refused(&mut authenticator, &|answer| tamper(answer, "clientDataJSON", 2));
    refused(&mut authenticator, &|answer| answer["response"]["signature"] = json!(""));
    refused(&mut authenticator, &|answer| answer["response"] = json!({}));
    assert!(!events(&service, &tokens).contains(&"authn_login_success".to_owned()));
    use_passkey(&service, None, &mut authenticator).assert_status(200);
}

fn asvs_6_7_2_an_answer_and_a_ceremony_serve_once(database: Database) {
    let service = Service::start(database);
    let (_, _, mut authenticator) = enrolled(&service);
    let ceremony = start(&service, None);
    let answer = authenticator.answer(&ceremony.public_key);
    finish(&service, &ceremony, None, &answer).assert_status(200);
    finish(&service, &ceremony, None, &answer).refusal(401, "invalid-passkey");
    let another = start(&service, None);
    finish(&service, &another, None, &answer).refusal(401, "invalid-passkey");

    let ceremony = start(&service, None);
    let mut wrong = authenticator.answer(&ceremony.public_key);
    let right = wrong.clone();
    tamper(&mut wrong, "signature", 9);
    finish(&service, &ceremony, None, &wrong).refusal(401, "invalid-passkey");
    finish(&service, &ceremony, None, &right).refusal(401, "invalid-passkey");
}

fn asvs_6_7_2_of_50_answers_to_one_ceremony_one_opens_a_session(database: Database) {
    let service = Service::start(database);
    let (_, _, mut authenticator) = enrolled(&service);
    let ceremony = start(&service, None);
    let answers: Vec<Value> = (0..50).map(|_| authenticator.answer(&ceremony.public_key)).collect();

    let outcomes = at_once(50, |place| finish(&service, &ceremony, None, &answers[place]).outcome());

    let opened = outcomes.iter().filter(|(status, _)| *status == 200).count();
    let refused = outcomes.iter().filter(|outcome| **outcome == (401, "invalid-passkey".to_owned())).count();
    assert_eq!((opened, refused), (1, 49), "{outcomes:?}");
}

fn asvs_6_3_8_an_unknown_passkey_and_a_wrong_answer_look_alike(database: Database) {
    let service = Service::start(database);
    let (_, _, mut authenticator) = enrolled(&service);
    let mut stranger = Authenticator::es256(&origin(&service));
    let unknown = use_passkey(&service, None, &mut stranger);
    stranger.pretend_to_be(&authenticator);
    let forged = use_passkey(&service, None, &mut stranger);
    let ceremony = start(&service, None);
    let nobodys = Ceremony { id: "x".repeat(43), public_key: ceremony.public_key.clone() };
    let lost = finish(&service, &nobodys, None, &authenticator.answer(&ceremony.public_key));
    let shape = |answer: &Answer| {
        let mut body = answer.refusal(401, "invalid-passkey");
        body["request_id"] = json!(null);
        let names: Vec<String> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
        (body, names)
    };
    assert_eq!(shape(&unknown), shape(&forged));
    assert_eq!(shape(&unknown), shape(&lost));
}

fn asvs_6_6_3_wrong_passkeys_use_up_a_challenge(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, mut authenticator) = enrolled(&service);
    let (_, _, mut of_another) = enrolled(&service);
    let challenge = service.challenged(&person);
    let code = service.code(&person.phone);
    let left = |answer: &Answer, code: &str| answer.refusal(401, code)["attempts_left"].as_u64();

    let others = use_passkey(&service, Some(&challenge), &mut of_another);
    assert_eq!(left(&others, "invalid-passkey"), Some(4));
    assert_eq!(left(&service.verify(&challenge, &other_than(&code)), "invalid-code"), Some(3));
    let alone = start(&service, None);
    let answer = authenticator.answer(&alone.public_key);
    let elsewhere = finish(&service, &alone, Some(&challenge), &answer);
    assert_eq!(left(&elsewhere, "invalid-passkey"), Some(2), "begun without the challenge");
    let ceremony = start(&service, Some(&challenge));
    let answer = authenticator.answer(&ceremony.public_key);
    finish(&service, &ceremony, None, &answer).refusal(401, "invalid-passkey");
    for expected in [1, 0] {
        let ceremony = start(&service, Some(&challenge));
        let mut wrong = authenticator.answer(&ceremony.public_key);
        tamper(&mut wrong, "signature", 9);
        let answer = finish(&service, &ceremony, Some(&challenge), &wrong);
        assert_eq!(left(&answer, "invalid-passkey"), Some(expected));
    }
    let answer = authenticator.answer(&ceremony.public_key);
    finish(&service, &ceremony, Some(&challenge), &answer).refusal(410, "challenge-closed");
    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    // Whoever knows the password may use it up, and the owner signs in without it all the same.
    use_passkey(&service, None, &mut authenticator).assert_status(200);
}

fn a_copied_passkey_is_refused_and_its_owner_told(database: Database) {
    let service = Service::start(database);
    let (_, tokens, mut authenticator) = enrolled(&service);
    authenticator.counter = 10;
    use_passkey(&service, None, &mut authenticator).assert_status(200);
    authenticator.counter = 10;
    use_passkey(&service, None, &mut authenticator).refusal(401, "invalid-passkey");
    authenticator.counter = 0;
    use_passkey(&service, None, &mut authenticator).refusal(401, "invalid-passkey");
    assert_eq!(events(&service, &tokens)[..2], ["authn_passkey_cloned", "authn_passkey_cloned"]);
    authenticator.counter = 11;
    use_passkey(&service, None, &mut authenticator).assert_status(200);
}

fn what_was_made_for_others_is_not_added(database: Database) {
    let service = Service::start(database);
    let (_, tokens, authenticator) = enrolled(&service);
    let (_, thief) = service.signed_up();
    let refused = |answer: Answer| answer.refusal(422, "passkey-not-accepted");

    let ceremony = start_enrolling(&service, &tokens);
    let made = Authenticator::es256(&origin(&service)).register(&ceremony.public_key);
    refused(add(&service, &thief, &ceremony, &made));
    add(&service, &tokens, &ceremony, &made).assert_status(201);
    refused(add(&service, &tokens, &ceremony, &made));

    let ceremony = start_enrolling(&service, &thief);
    let phished = Authenticator::es256("https://evil.example").register(&ceremony.public_key);
    refused(add(&service, &thief, &ceremony, &phished));
    let ceremony = start_enrolling(&service, &thief);
    let mut known = Authenticator::es256(&origin(&service));
    known.pretend_to_be(&authenticator);
    refused(add(&service, &thief, &ceremony, &known.register(&ceremony.public_key)));
    let sign_in = start(&service, None);
    refused(add(&service, &thief, &sign_in, &made));
    assert_eq!(list(&service, &thief), Vec::<Value>::new());
}

fn asvs_8_2_1_passkeys_of_others_are_neither_seen_nor_removed(database: Database) {
    let service = Service::start(database);
    let (_, owner, mut authenticator) = enrolled(&service);
    let (_, stranger) = service.signed_up();
    let id = list(&service, &owner)[0]["id"].clone();

    assert_eq!(list(&service, &stranger), Vec::<Value>::new());
    let of_owner = remove(&service, &stranger, &id).refusal(404, "not-found");
    let unknown = remove(&service, &stranger, &json!("01980000-0000-7000-8000-000000000000"));
    assert_eq!(of_owner["detail"], unknown.refusal(404, "not-found")["detail"]);
    remove(&service, &stranger, &json!("1%27%20OR%20%271%27=%271")).assert_status(404);
    use_passkey(&service, None, &mut authenticator).assert_status(200);
}

fn asvs_7_4_2_a_deleted_account_takes_its_passkeys_along(database: Database) {
    let service = Service::start(database);
    let (_, tokens, mut authenticator) = enrolled(&service);
    let export = service.send(&Request::get("/api/v1/me/export").bearer(&tokens.access_token)).json();
    assert_eq!(export["passkeys"][0]["name"], "the blue key");
    let begun = start(&service, None);
    service.send(&Request::new("DELETE", ME).bearer(&tokens.access_token)).assert_status(204);

    let answer = authenticator.answer(&begun.public_key);
    finish(&service, &begun, None, &answer).refusal(401, "invalid-passkey");
    use_passkey(&service, None, &mut authenticator).refusal(401, "invalid-passkey");
}

/// Production has no domain unless it is given one.
const PRODUCTION: [(&str, &str); 9] = [
    ("OTP_LOGIN_ENV", "production"),
    ("OTP_LOGIN__SERVER__HOST", "127.0.0.1"),
    ("OTP_LOGIN__SINCH__APPLICATION_KEY", "5f2b1e0a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"),
    ("OTP_LOGIN__SINCH__APPLICATION_SECRET", "c2VjcmV0LW9mLW5vYm9keQ=="),
    ("OTP_LOGIN__SIMULATOR__ENABLED", "false"),
    ("OTP_LOGIN__SECRETS__DATA_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("OTP_LOGIN__PASSWORD__PEPPER", "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="),
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "10"),
    ("OTP_LOGIN__LOG__FORMAT", "json"),
];

#[test]
fn without_a_domain_passkeys_do_not_exist() {
    let service = Service::with(Database::Sqlite, &PRODUCTION);
    for path in [SIGN_IN_OPTIONS, SIGN_IN, OPTIONS, PASSKEYS] {
        service.send(&Request::post(path).json(&json!({}))).refusal(404, "not-found");
        assert!(service.description().0["paths"].get(path).is_none(), "{path}");
    }
    service.send(&Request::get("/health")).assert_status(200);
}

#[test]
fn pages_under_the_domain_are_served_by_exact_origins() {
    let settings = [
        ("OTP_LOGIN__PASSKEYS__RP_ID", "example.com"),
        ("OTP_LOGIN__PASSKEYS__RP_NAME", "Example"),
        ("OTP_LOGIN__PASSKEYS__ORIGINS", "https://login.example.com,https://example.com:8443"),
    ];
    let service = Service::with(Database::Sqlite, &settings);
    let (_, tokens) = service.signed_up();
    for origin in ["https://login.example.com", "https://example.com:8443"] {
        let mut authenticator = Authenticator::es256(origin);
        enrol(&service, &tokens, &mut authenticator);
        use_passkey(&service, None, &mut authenticator).assert_status(200);
    }
    let ceremony = start_enrolling(&service, &tokens);
    assert_eq!(ceremony.public_key["rp"], json!({"id": "example.com", "name": "Example"}));
    let made = Authenticator::es256("https://example.com").register(&ceremony.public_key);
    add(&service, &tokens, &ceremony, &made).refusal(422, "passkey-not-accepted");
}
