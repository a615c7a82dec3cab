//! Authenticator apps and recovery codes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{
    Answer, AuthenticatorApp, Challenge, Database, Jwt, Person, Request, Service, Tokens, VERIFY_OTP,
    at_once, until,
};

on_both_databases!(
    asvs_6_6_1_an_app_is_enrolled_and_signs_in,
    a_wrong_code_enrols_nothing_and_may_be_tried_again,
    an_enrolment_begun_again_replaces_the_one_before,
    an_enrolled_app_stays_until_it_is_removed,
    nb_11_a_code_of_the_app_works_once_and_so_does_no_older_one,
    d_16_codes_of_steps_to_come_or_long_gone_are_wrong,
    asvs_6_5_1_of_50_right_codes_of_an_app_one_opens_a_session,
    asvs_6_5_1_a_recovery_code_works_once_however_it_is_typed,
    asvs_6_5_1_of_50_right_recovery_codes_one_opens_a_session,
    d_15_new_recovery_codes_kill_the_old_ones,
    asvs_6_5_2_recovery_codes_of_another_account_open_nothing,
    asvs_6_6_3_wrong_answers_of_all_kinds_share_the_attempts,
    a_method_that_the_user_does_not_have_is_answered_like_a_wrong_code,
    a_registration_takes_the_code_that_was_sent_and_nothing_else,
    a_sign_in_survives_a_dead_provider_where_another_factor_answers,
    a_step_up_takes_the_app_too,
    asvs_6_5_6_asvs_7_4_3_a_removed_app_ends_other_sessions_and_its_codes,
    asvs_6_3_5_what_happens_to_factors_is_in_the_record,
    the_export_tells_of_the_app_and_a_deleted_account_leaves_none,
);

const TOTP: &str = "/api/v1/me/totp";
const CONFIRM: &str = "/api/v1/me/totp/confirm";
const RECOVERY_CODES: &str = "/api/v1/me/recovery-codes";

fn own(service: &Service, method: &str, path: &str, tokens: &Tokens) -> Answer {
    service.send(&Request::new(method, path).bearer(&tokens.access_token))
}

fn begin(service: &Service, tokens: &Tokens) -> AuthenticatorApp {
    AuthenticatorApp::scanned(&own(service, "POST", TOTP, tokens).expect(201))
}

fn confirm(service: &Service, tokens: &Tokens, code: &str) -> Answer {
    service.send(&Request::post(CONFIRM).bearer(&tokens.access_token).json(&json!({ "code": code })))
}

fn codes_in(answer: &Answer, status: u16) -> Vec<String> {
    let body: Value = answer.expect(status);
    let codes = body["recovery_codes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Enrols an app with the code of the step before, so that the one of now is still good.
fn enrolled(service: &Service, tokens: &Tokens) -> (AuthenticatorApp, Vec<String>) {
    let app = begin(service, tokens);
    let answer = until("a step that does not end meanwhile", || {
        let answer = confirm(service, tokens, &app.code(AuthenticatorApp::now() - 1));
        (answer.status != 422).then_some(answer)
    });
    (app, codes_in(&answer, 200))
}

/// Somebody with an app, and recovery codes.
fn with_app(service: &Service) -> (Person, Tokens, AuthenticatorApp, Vec<String>) {
    let (person, tokens) = service.signed_up();
    let (app, codes) = enrolled(service, &tokens);
    (person, tokens, app, codes)
}

fn answer(service: &Service, challenge: &Challenge, method: &str, code: &str) -> Answer {
    service.post(VERIFY_OTP, &json!({ "challenge_id": challenge.id, "method": method, "code": code }))
}

fn opens(answer: &Answer) -> Tokens {
    answer.expect(200)
}

fn amr(tokens: &Tokens) -> Value {
    Jwt::read(&tokens.access_token).claims["amr"].clone()
}

fn events(service: &Service, tokens: &Tokens) -> Vec<String> {
    let events: Value = own(service, "GET", "/api/v1/me/events", tokens).expect(200);
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    events["events"].as_array().unwrap().iter().map(name).collect()
}

fn asvs_6_6_1_an_app_is_enrolled_and_signs_in(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    assert_eq!((tokens.user.factors.clone(), tokens.user.recovery_codes_left), (vec!["sms".to_owned()], 0));
    let begun: Value = own(&service, "POST", TOTP, &tokens).expect(201);
    let uri = begun["otpauth_uri"].as_str().unwrap();
    assert!(
        uri.starts_with(&format!("otpauth://totp/otp-login:{}?", person.email.replace('@', "%40"))),
        "{uri}"
    );
    let picture = begun["qr_svg"].as_str().unwrap();
    assert!(picture.contains("<svg") && !picture.contains("<script"), "{picture}");

    let (app, codes) = enrolled(&service, &tokens);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
    for code in &codes {
        let symbols = code.replace('-', "");
        assert_eq!((code.len(), symbols.len()), (34, 28), "140 random bits in groups of four");
        assert!(symbols.chars().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c)), "{code}");
    }
    let user = service.user(&tokens.access_token);
    assert_eq!((user.factors, user.recovery_codes_left), (vec!["sms".to_owned(), "totp".to_owned()], 10));

    let challenge = service.challenged(&person);
    assert_eq!(challenge.methods, ["sms", "totp", "recovery_code"]);
    let signed_in = opens(&answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())));
    assert_eq!(amr(&signed_in), json!(["pwd", "otp", "mfa"]));
    assert_eq!(service.user(&signed_in.access_token).id, tokens.user.id);
    service.verify(&challenge, &service.code(&person.phone)).refusal(410, "challenge-closed");
}

fn a_wrong_code_enrols_nothing_and_may_be_tried_again(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    confirm(&service, &tokens, "123456").refusal(409, "totp-not-begun");
    let app = begin(&service, &tokens);
    for _ in 0..7 {
        let problem = confirm(&service, &tokens, &app.wrong_code()).refusal(422, "invalid-code");
        assert_eq!(problem.get("attempts_left"), None);
    }
    assert_eq!(service.user(&tokens.access_token).factors, ["sms"]);
    confirm(&service, &tokens, &app.code(AuthenticatorApp::now())).assert_status(200);
    assert_eq!(service.user(&tokens.access_token).factors, ["sms", "totp"]);
}

fn an_enrolment_begun_again_replaces_the_one_before(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let (first, second) = (begin(&service, &tokens), begin(&service, &tokens));
    let code = first.code(AuthenticatorApp::now());
    confirm(&service, &tokens, &code).refusal(422, "invalid-code");
    own(&service, "DELETE", TOTP, &tokens).assert_status(204);
    let code = second.code(AuthenticatorApp::now());
    confirm(&service, &tokens, &code).refusal(409, "totp-not-begun");
    own(&service, "DELETE", TOTP, &tokens).refusal(404, "not-found");
}

fn an_enrolled_app_stays_until_it_is_removed(database: Database) {
    let service = Service::start(database);
    let (_, tokens, app, _) = with_app(&service);
    own(&service, "POST", TOTP, &tokens).refusal(409, "totp-enabled");
    let code = app.code(AuthenticatorApp::now());
    confirm(&service, &tokens, &code).refusal(409, "totp-enabled");
    own(&service, "DELETE", TOTP, &tokens).assert_status(204);
    let user = service.user(&tokens.access_token);
    assert_eq!((user.factors, user.recovery_codes_left), (vec!["sms".to_owned()], 0));
    enrolled(&service, &tokens);
}

fn nb_11_a_code_of_the_app_works_once_and_so_does_no_older_one(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, app, _) = with_app(&service);
    let step = AuthenticatorApp::now();
    opens(&answer(&service, &service.challenged(&person), "totp", &app.code(step)));
    let challenge = service.challenged(&person);
    for used_or_older in [step, step - 1] {
        answer(&service, &challenge, "totp", &app.code(used_or_older)).refusal(401, "invalid-code");
    }
}

fn d_16_codes_of_steps_to_come_or_long_gone_are_wrong(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, app, _) = with_app(&service);
    let challenge = service.challenged(&person);
    for (away, left) in [(3, 4), (-3, 3)] {
        let code = app.code(AuthenticatorApp::now() + away);
        let problem = answer(&service, &challenge, "totp", &code).refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left);
    }
    opens(&answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())));
}

const ROOM_FOR_MANY: [(&str, &str); 3] = [
    ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
    ("OTP_LOGIN__OTP__MAX_ATTEMPTS", "100"),
    ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "1000"),
];

fn assert_one_of_50(service: &Service, person: &Person, method: &str, code: &str) {
    let challenge = service.challenged(person);
    let answers = at_once(50, |_| answer(service, &challenge, method, code).status);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 401, 410].contains(status)), "{answers:?}");
    answer(service, &challenge, method, code).refusal(410, "challenge-closed");
}

fn asvs_6_5_1_of_50_right_codes_of_an_app_one_opens_a_session(database: Database) {
    let service = Service::with(database, &ROOM_FOR_MANY);
    let (person, _, app, _) = with_app(&service);
    assert_one_of_50(&service, &person, "totp", &app.code(AuthenticatorApp::now()));
}

fn asvs_6_5_1_of_50_right_recovery_codes_one_opens_a_session(database: Database) {
    let service = Service::with(database, &ROOM_FOR_MANY);
    let (person, tokens, _, codes) = with_app(&service);
    assert_one_of_50(&service, &person, "recovery_code", &codes[0]);
    assert_eq!(service.user(&tokens.access_token).recovery_codes_left, 9);
}

fn asvs_6_5_1_a_recovery_code_works_once_however_it_is_typed(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, _, codes) = with_app(&service);
    let typed = [codes[0].to_lowercase(), codes[1].replace('-', " "), codes[2].replace('-', "")];
    for (code, left) in typed.iter().zip([9, 8, 7]) {
        let tokens = opens(&answer(&service, &service.challenged(&person), "recovery_code", code));
        assert_eq!(tokens.user.recovery_codes_left, left, "nb_09: how many are left is shown");
        assert_eq!(amr(&tokens), json!(["pwd", "mfa"]));
    }
    let challenge = service.challenged(&person);
    for code in typed {
        answer(&service, &challenge, "recovery_code", &code).refusal(401, "invalid-code");
    }
    opens(&answer(&service, &challenge, "recovery_code", &codes[9]));
}

fn d_15_new_recovery_codes_kill_the_old_ones(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens, _, old) = with_app(&service);
    let new = codes_in(&own(&service, "POST", RECOVERY_CODES, &tokens), 201);
    assert_eq!(old.iter().chain(&new).collect::<BTreeSet<_>>().len(), 20);
    let challenge = service.challenged(&person);
    answer(&service, &challenge, "recovery_code", &old[0]).refusal(401, "invalid-code");
    let signed_in = opens(&answer(&service, &challenge, "recovery_code", &new[0]));
    assert_eq!(signed_in.user.recovery_codes_left, 9);

    let (phone_only, tokens) = service.signed_up();
    let codes = codes_in(&own(&service, "POST", RECOVERY_CODES, &tokens), 201);
    let challenge = service.challenged(&phone_only);
    assert_eq!(challenge.methods, ["sms", "recovery_code"]);
    opens(&answer(&service, &challenge, "recovery_code", &codes[5]));
}

fn asvs_6_5_2_recovery_codes_of_another_account_open_nothing(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, ..) = with_app(&service);
    let (stranger, _, of_stranger, codes) = with_app(&service);
    let challenge = service.challenged(&person);
    answer(&service, &challenge, "recovery_code", &codes[0]).refusal(401, "invalid-code");
    answer(&service, &challenge, "totp", &of_stranger.code(AuthenticatorApp::now()))
        .refusal(401, "invalid-code");
    opens(&answer(&service, &service.challenged(&stranger), "recovery_code", &codes[0]));
}

fn asvs_6_6_3_wrong_answers_of_all_kinds_share_the_attempts(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _, app, codes) = with_app(&service);
    let challenge = service.challenged(&person);
    let wrong_recovery_code = "0000-0000-0000-0000-0000-0000-0000";
    let guesses = [
        ("totp", app.wrong_code()),
        ("recovery_code", wrong_recovery_code.to_owned()),
        ("sms", app.wrong_code()),
        ("recovery_code", "not one of ours".to_owned()),
        ("totp", app.wrong_code()),
    ];
    for ((method, code), left) in guesses.iter().zip([4, 3, 2, 1, 0]) {
        let problem = answer(&service, &challenge, method, code).refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left, "{method}");
    }
    answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())).refusal(410, "challenge-closed");
    answer(&service, &challenge, "recovery_code", &codes[0]).refusal(410, "challenge-closed");
    service.verify(&challenge, &service.code(&person.phone)).refusal(410, "challenge-closed");
    assert_eq!(service.challenged(&person).attempts_left, 5);
}

fn a_method_that_the_user_does_not_have_is_answered_like_a_wrong_code(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    assert_eq!(challenge.methods, ["sms"]);
    for (method, left) in [("totp", 4), ("recovery_code", 3)] {
        let problem = answer(&service, &challenge, method, "123456").refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left, "{method}");
    }
    let refused = answer(&service, &challenge, "pigeon", "123456").refused_fields();
    assert_eq!(refused, [("/method".to_owned(), "unknown-method".to_owned())]);
    opens(&answer(&service, &challenge, "sms", &service.code(&person.phone)));
}

fn a_registration_takes_the_code_that_was_sent_and_nothing_else(database: Database) {
    let service = Service::start(database);
    let person = service.person();
    let challenge = service.registered(&person);
    assert_eq!(challenge.methods, ["sms"]);
    let code = service.code(&person.phone);
    for (method, left) in [("totp", 4), ("recovery_code", 3)] {
        let problem = answer(&service, &challenge, method, &code).refusal(401, "invalid-code");
        assert_eq!(problem["attempts_left"], left);
    }
    opens(&answer(&service, &challenge, "sms", &code));
}

fn a_sign_in_survives_a_dead_provider_where_another_factor_answers(database: Database) {
    let settings =
        [("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), ("OTP_LOGIN__SINCH__TIMEOUT_MS", "1500")];
    let service = Service::with(database, &settings);
    let (person, _, app, codes) = with_app(&service);
    let (phone_only, _) = service.signed_up();
    let dead = |kind: &str, person: &Person| {
        service.plan_fault(&json!({ "kind": kind, "number": person.phone, "times": 20 }));
    };

    dead("no_credit", &person);
    let challenge = service.challenged(&person);
    assert!(!challenge.sent);
    assert_eq!((challenge.attempts_left, challenge.methods.len()), (5, 3));
    opens(&answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())));
    dead("dropped", &person);
    let challenge = service.challenged(&person);
    assert!(!challenge.sent, "whether anything was sent is unknown");
    opens(&answer(&service, &challenge, "recovery_code", &codes[0]));

    dead("no_credit", &phone_only);
    service.log_in(&phone_only.email, &phone_only.password).refusal(503, "provider-unavailable");
}

fn a_step_up_takes_the_app_too(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens, app, _) = with_app(&service);
    let step_up = Request::post("/api/v1/auth/step-up").bearer(&tokens.access_token);
    let step_up = service.send(&step_up.json(&json!({ "password": person.password })));
    let challenge = Service::challenge_in(&step_up, 200);
    assert_eq!(challenge.methods, ["sms", "totp", "recovery_code"]);
    let fresh = opens(&answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())));
    assert_eq!(amr(&fresh), json!(["pwd", "otp", "mfa"]));
    service.me(&tokens.access_token).refusal(401, "invalid-token");
    own(&service, "DELETE", TOTP, &fresh).assert_status(204);
}

fn asvs_6_5_6_asvs_7_4_3_a_removed_app_ends_other_sessions_and_its_codes(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first, app, codes) = with_app(&service);
    let second = service.signed_in(&person);
    own(&service, "DELETE", TOTP, &second).assert_status(204);
    service.me(&first.access_token).refusal(401, "invalid-token");
    service.refresh(&first.refresh_token).refusal(401, "invalid-token");
    let challenge = service.challenged(&person);
    assert_eq!(challenge.methods, ["sms"]);
    answer(&service, &challenge, "totp", &app.code(AuthenticatorApp::now())).refusal(401, "invalid-code");
    answer(&service, &challenge, "recovery_code", &codes[0]).refusal(401, "invalid-code");
    service.user(&second.access_token);
}

fn asvs_6_3_5_what_happens_to_factors_is_in_the_record(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens, app, codes) = with_app(&service);
    let challenge = service.challenged(&person);
    answer(&service, &challenge, "totp", &app.wrong_code()).refusal(401, "invalid-code");
    let wrong = crate::client::other_than(&service.code(&person.phone));
    service.verify(&challenge, &wrong).refusal(401, "invalid-code");
    opens(&answer(&service, &challenge, "recovery_code", &codes[0]));
    own(&service, "POST", RECOVERY_CODES, &tokens).assert_status(201);
    own(&service, "DELETE", TOTP, &tokens).assert_status(204);

    let mut names = events(&service, &tokens);
    names.sort();
    let mut expected = [
        "user_created",
        "authn_factor_enrolled",
        "authn_factor_fail",
        "authn_factor_fail",
        "authn_login_success",
        "authn_recovery_code_used",
        "authn_recovery_codes_created",
        "authn_factor_removed",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

fn the_export_tells_of_the_app_and_a_deleted_account_leaves_none(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens, ..) = with_app(&service);
    let export: Value = own(&service, "GET", "/api/v1/me/export", &tokens).expect(200);
    assert!(export["totp"]["begun_at"].is_string() && export["totp"]["confirmed_at"].is_string(), "{export}");
    assert_eq!(export["totp"].as_object().unwrap().len(), 2, "and no secret");
    assert_eq!(export["user"]["recovery_codes_left"], 10);
    own(&service, "DELETE", "/api/v1/me", &tokens).assert_status(204);
    let challenge = service.registered(&person);
    let again = service.proven(&challenge, &person.phone);
    assert_eq!((again.user.factors, again.user.recovery_codes_left), (vec!["sms".to_owned()], 0));
    let export: Value =
        service.send(&Request::get("/api/v1/me/export").bearer(&again.access_token)).expect(200);
    assert!(export["totp"].is_null());
}

/// Neither as it is typed nor as bytes; recovery codes only as hashes.
#[test]
fn asvs_11_3_1_no_secret_stands_in_the_database() {
    let service = Service::start(Database::Sqlite);
    let (_, tokens) = service.signed_up();
    let begun: Value = own(&service, "POST", TOTP, &tokens).expect(201);
    let secret = begun["secret"].as_str().unwrap();
    let app = AuthenticatorApp::typed(secret);
    let codes = codes_in(&confirm(&service, &tokens, &app.code(AuthenticatorApp::now())), 200);

    let files = ["data.sqlite3", "data.sqlite3-wal"].map(|name| service.server.folder().join(name));
    let stored: Vec<u8> = files.iter().filter_map(|file| std::fs::read(file).ok()).flatten().collect();
    let holds = |bytes: &[u8]| stored.windows(bytes.len()).any(|window| window.eq_ignore_ascii_case(bytes));
    assert!(holds(b"A256GCM."), "what is sealed is found");
    let forms = codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]);
    for form in forms.chain([secret.to_owned()]) {
        assert!(!holds(form.as_bytes()), "{form}");
    }
    assert!(!holds(app.key()));
}
