//! The served API description against the service itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::authenticator::Authenticator;

use crate::admin::{ADMIN_KEY, USERS};
use crate::client::{
    Answer, AuthenticatorApp, Database, INTROSPECT, LOG_IN, LOG_OUT, ME, Person, REFRESH, REGISTER,
    REQUEST_OTP, Request, Service, VERIFY_OTP, other_than, tokens_in, until,
};
use crate::passkeys::{OPTIONS, PASSKEYS, SIGN_IN, SIGN_IN_OPTIONS, origin};
use crate::sinch_callbacks::{CALLBACKS, signed};

on_both_databases!(
    every_described_answer_is_given,
    asvs_6_1_3_asvs_6_3_4_tokens_come_only_from_the_ways_to_a_session,
);

const OTP_START: &str = "/api/v1/auth/otp/start";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const PHONE: &str = "/api/v1/me/phone";
const VERIFY_PHONE: &str = "/api/v1/me/phone/verify";
const STEP_UP: &str = "/api/v1/auth/step-up";
const EXPORT: &str = "/api/v1/me/export";
const EVENTS: &str = "/api/v1/me/events";
const PASSWORD: &str = "/api/v1/me/password";
const SESSIONS: &str = "/api/v1/me/sessions";
const TOTP: &str = "/api/v1/me/totp";
const CONFIRM_TOTP: &str = "/api/v1/me/totp/confirm";
const RECOVERY_CODES: &str = "/api/v1/me/recovery-codes";
const ONE_SESSION: &str = "/api/v1/me/sessions/{id}";
const DEVICES: &str = "/api/v1/me/devices";
const ONE_DEVICE: &str = "/api/v1/me/devices/{id}";
const ONE_PASSKEY: &str = "/api/v1/me/passkeys/{id}";

#[test]
fn the_description_is_complete_and_refers_to_nothing_that_is_missing() {
    let service = Service::start(Database::Sqlite);
    let document = &service.description().0;
    assert!(
        document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{}",
        document["openapi"]
    );
    let mut references = Vec::new();
    collect_references(document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference to elsewhere");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut names = BTreeSet::new();
    for (method, path) in service.description().operations() {
        let operation = service.description().operation(&Request::new(&method, &path)).unwrap();
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        let needs_token = path.starts_with(ME) || [LOG_OUT, STEP_UP].contains(&path.as_str());
        assert_eq!(operation["security"].is_array(), needs_token, "{method} {path}");
        // Callbacks are read to the byte, whatever they hold.
        let takes_none = [LOG_OUT, TOTP, RECOVERY_CODES, OPTIONS, CALLBACKS].contains(&path.as_str());
        let reads_a_body = ["POST", "PATCH"].contains(&method.as_str()) && !takes_none;
        assert_eq!(operation["requestBody"]["required"] == true, reads_a_body, "{method} {path}");
    }
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[test]
fn exactly_the_described_operations_are_served() {
    let service = Service::start(Database::Sqlite);
    let described: BTreeSet<(String, String)> = service.description().operations().into_iter().collect();
    let in_scope = [
        ("POST", REGISTER),
        ("POST", LOG_IN),
        ("POST", REQUEST_OTP),
        ("POST", VERIFY_OTP),
        ("POST", REFRESH),
        ("POST", LOG_OUT),
        ("POST", STEP_UP),
        ("POST", OTP_START),
        ("POST", FORGOT),
        ("POST", RESET),
        ("POST", PHONE),
        ("POST", VERIFY_PHONE),
        ("GET", ME),
        ("PATCH", ME),
        ("DELETE", ME),
        ("GET", EXPORT),
        ("GET", EVENTS),
        ("POST", PASSWORD),
        ("GET", SESSIONS),
        ("DELETE", SESSIONS),
        ("DELETE", ONE_SESSION),
        ("GET", DEVICES),
        ("DELETE", DEVICES),
        ("DELETE", ONE_DEVICE),
        ("POST", TOTP),
        ("DELETE", TOTP),
        ("POST", CONFIRM_TOTP),
        ("POST", RECOVERY_CODES),
        ("POST", SIGN_IN_OPTIONS),
        ("POST", SIGN_IN),
        ("POST", OPTIONS),
        ("POST", PASSKEYS),
        ("GET", PASSKEYS),
        ("DELETE", ONE_PASSKEY),
        ("POST", CALLBACKS),
        ("GET", "/health"),
        ("GET", "/health/ready"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/openapi.json"),
    ];
    for (method, path) in in_scope {
        assert!(described.contains(&(method.to_owned(), path.to_owned())), "{method} {path}");
    }
    for (method, path) in &described {
        let answer = service.send(&Request::new(method, path));
        assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
    }
}

/// What was answered to each operation.
#[derive(Default)]
struct Observed {
    statuses: BTreeMap<String, BTreeSet<u16>>,
    /// Operations that answered with something that could open a session.
    with_tokens: BTreeSet<String>,
}

impl Observed {
    /// An answer to the only method of a path.
    fn note(&mut self, path: &str, answer: &Answer) {
        let method = if path == ME || !path.starts_with("/api/") { "GET" } else { "POST" };
        self.note_to(method, path, answer);
    }

    fn note_to(&mut self, method: &str, path: &str, answer: &Answer) {
        let operation = format!("{method} {path}");
        if !tokens_in(answer).is_empty() {
            self.with_tokens.insert(operation.clone());
        }
        self.statuses.entry(operation).or_default().insert(answer.status);
    }
}

const INTROSPECTION_KEY: &str = "aW50cm9zcGVjdGlvbi1rZXktb2YtYS1zZXJ2aWNlLTE=";

/// What only time, a defect or an outage of the database brings about.
const NOT_PROVOKED: [u16; 4] = [403, 408, 500, 503];

/// Every request comes from an address of its own, so that one of them can be used up.
const SETTINGS: [(&str, &str); 7] = [
    ("OTP_LOGIN__OTP__PASSWORDLESS", "true"),
    ("OTP_LOGIN__ADMIN__API_KEY", ADMIN_KEY),
    ("OTP_LOGIN__INTROSPECTION__API_KEY", INTROSPECTION_KEY),
    ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
    ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "20"),
    ("OTP_LOGIN__RATE_LIMIT__IP_BURST", "400"),
];

fn every_described_answer_is_given(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let mut observed = Observed::default();
    observe_sign_in(&service, &mut observed);
    observe_account(&service, &mut observed);
    observe_factors(&service, &mut observed);
    observe_recovery(&service, &mut observed);
    observe_phone_change(&service, &mut observed);
    let without = Service::start(database);
    observed.note(OTP_START, &without.post(OTP_START, &json!({"phone_number": "+46701740605"})));
    observe_operators(&service, &mut observed);
    observe_callbacks(&service, &mut observed);
    observe_passkeys(&service, &mut observed);
    observe_faults(&service, &mut observed);
    observe_refusals(&service, &mut observed);

    for (method, path) in service.description().operations() {
        let request = Request::new(&method, &path);
        let described = service.description().operation(&request).unwrap()["responses"].as_object().unwrap();
        let described: BTreeSet<u16> = described.keys().map(|status| status.parse().unwrap()).collect();
        let seen = observed.statuses.remove(&format!("{method} {path}")).unwrap_or_default();
        let missing: Vec<&u16> =
            described.difference(&seen).filter(|status| !NOT_PROVOKED.contains(status)).collect();
        assert!(
            missing.is_empty(),
            "{method} {path} is described to answer {missing:?}, and never did; seen {seen:?}"
        );
        println!("{method} {path}: {seen:?}");
    }
}

/// As every described answer is observed, only that a remembered device signs in besides.
fn asvs_6_1_3_asvs_6_3_4_tokens_come_only_from_the_ways_to_a_session(database: Database) {
    let service = Service::with(database, &SETTINGS);
    let mut observed = Observed::default();
    observe_sign_in(&service, &mut observed);
    observe_remembered_device(&service, &mut observed);
    observe_account(&service, &mut observed);
    observe_factors(&service, &mut observed);
    observe_recovery(&service, &mut observed);
    observe_phone_change(&service, &mut observed);
    observe_operators(&service, &mut observed);
    observe_callbacks(&service, &mut observed);
    observe_passkeys(&service, &mut observed);
    observe_refusals(&service, &mut observed);

    let described: BTreeSet<String> =
        service.description().operations().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let asked: BTreeSet<String> = observed.statuses.into_keys().collect();
    assert_eq!(described.difference(&asked).collect::<Vec<_>>(), Vec::<&String>::new());
    let ways = [LOG_IN, VERIFY_OTP, SIGN_IN, REFRESH].map(|path| format!("POST {path}"));
    // Public keys are as long as tokens, and the description has examples.
    let documents = ["/.well-known/jwks.json", "/openapi.json"].map(|path| format!("GET {path}"));
    assert_eq!(observed.with_tokens, ways.into_iter().chain(documents).collect::<BTreeSet<_>>());
}

fn observe_callbacks(service: &Service, observed: &mut Observed) {
    let large = Request::post(CALLBACKS).body(" ".repeat(20_000));
    for request in [Request::post(CALLBACKS).body("{}"), large] {
        observed.note_to("POST", CALLBACKS, &service.send(&request));
    }
    observed.note_to("POST", CALLBACKS, &signed("{}").send(service.address()));
    let of_one_address = Request::post(CALLBACKS).header("x-forwarded-for", "203.0.113.200").body("{}");
    let mut forged = (0..=400).map(|_| service.send(&of_one_address));
    let limited = forged.find(|answer| answer.status == 429).expect("forged ones count for their address");
    observed.note_to("POST", CALLBACKS, &limited);
}

fn observe_remembered_device(service: &Service, observed: &mut Observed) {
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    let code = service.code(&person.phone);
    let proof = json!({"challenge_id": challenge.id, "code": code, "remember_device": true});
    let remembered = service.post(VERIFY_OTP, &proof);
    observed.note(VERIFY_OTP, &remembered);
    let device = remembered.json()["device_token"].clone();
    let by_device = json!({"email": person.email, "password": person.password, "device_token": device});
    observed.note(LOG_IN, &service.post(LOG_IN, &by_device));
}

fn observe_sign_in(service: &Service, observed: &mut Observed) {
    let person = service.person();
    let registered = service.register(&person);
    observed.note(REGISTER, &registered);
    let challenge = Service::challenge_of(&registered);
    observed.note(REQUEST_OTP, &service.request_otp(&challenge));
    observed.note(VERIFY_OTP, &service.verify(&challenge, &other_than(&service.code(&person.phone))));
    let verified = service.verify(&challenge, &service.code(&person.phone));
    observed.note(VERIFY_OTP, &verified);
    observed.note(VERIFY_OTP, &service.verify(&challenge, "000000"));
    observed.note(REQUEST_OTP, &service.request_otp(&challenge));
    let taken = Person { phone: person.phone.clone(), ..service.person() };
    let second = service.registered(&taken);
    observed.note(VERIFY_OTP, &service.verify(&second, &service.code(&person.phone)));

    observed.note(LOG_IN, &service.log_in(&person.email, &person.password));
    observed.note(LOG_IN, &service.log_in(&person.email, "not the password"));
    let tokens = verified.json();
    let refreshed = service.refresh(tokens["refresh_token"].as_str().unwrap());
    observed.note(REFRESH, &refreshed);
    observed.note(REFRESH, &service.refresh("x"));
    let access_token = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    observed.note(ME, &service.me(&access_token));
    for token in [access_token.as_str(), "unknown"] {
        observed.note(INTROSPECT, &service.introspect(INTROSPECTION_KEY, token));
        observed.note(INTROSPECT, &service.introspect("another", token));
    }
    observed.note(LOG_OUT, &service.log_out(&access_token));
    observed.note(LOG_OUT, &service.log_out(&access_token));
    observed.note(ME, &service.me(&access_token));
    for path in ["/health", "/health/ready", "/.well-known/jwks.json", "/openapi.json"] {
        observed.note(path, &service.get(path));
    }
}

fn observe_account(service: &Service, observed: &mut Observed) {
    let (person, tokens) = service.signed_up();
    let mut send = |method: &str, path: &str, target: &str, body: Option<Value>| {
        let request = Request::new(method, target).bearer(&tokens.access_token);
        let answer = service.send(&body.iter().fold(request, Request::json));
        observed.note_to(method, path, &answer);
    };
    for path in [EXPORT, EVENTS, SESSIONS, DEVICES] {
        send("GET", path, path, None);
    }
    send("GET", EVENTS, &format!("{EVENTS}?before=x"), None);
    send("PATCH", ME, ME, Some(json!({"locale": "sv"})));
    send("PATCH", ME, ME, Some(json!({"locale": "no language"})));
    send("POST", STEP_UP, STEP_UP, Some(json!({"password": person.password})));
    send("POST", STEP_UP, STEP_UP, Some(json!({"password": "a wrong password"})));
    send("POST", STEP_UP, STEP_UP, Some(json!({})));
    let change = |new: &str| Some(json!({"current_password": person.password, "new_password": new}));
    send("POST", PASSWORD, PASSWORD, change("short"));
    send("POST", PASSWORD, PASSWORD, change("copper-lantern-river"));
    send("POST", PASSWORD, PASSWORD, change("another-lantern-river"));
    send("DELETE", SESSIONS, SESSIONS, None);
    send("DELETE", ONE_SESSION, "/api/v1/me/sessions/unknown", None);
    send("DELETE", ONE_DEVICE, "/api/v1/me/devices/unknown", None);
    send("DELETE", DEVICES, DEVICES, None);
    let unreadable = [(STEP_UP, "POST"), (PASSWORD, "POST"), (CONFIRM_TOTP, "POST"), (ME, "PATCH")];
    for (path, method) in unreadable {
        let own = || Request::new(method, path).bearer(&tokens.access_token);
        let json = |body: &str| own().header("content-type", "application/json").body(body);
        for request in [json("{"), json(&" ".repeat(20_000)), own().body("{}")] {
            observed.note_to(method, path, &service.send(&request));
        }
    }
    let list = service.send(&Request::get(SESSIONS).bearer(&tokens.access_token)).json();
    let own = format!("{SESSIONS}/{}", list["sessions"][0]["id"].as_str().unwrap());
    let end = Request::new("DELETE", &own).bearer(&tokens.access_token);
    observed.note_to("DELETE", ONE_SESSION, &service.send(&end));
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    let proof =
        json!({"challenge_id": challenge.id, "code": service.code(&person.phone), "remember_device": true});
    let tokens: Value = service.post(VERIFY_OTP, &proof).expect(200);
    let bearer = tokens["access_token"].as_str().unwrap();
    let list = service.send(&Request::get(DEVICES).bearer(bearer)).json();
    let own = format!("{DEVICES}/{}", list["devices"][0]["id"].as_str().unwrap());
    let forget = Request::new("DELETE", &own).bearer(bearer);
    observed.note_to("DELETE", ONE_DEVICE, &service.send(&forget));
    let (_, tokens) = service.signed_up();
    for _ in 0..2 {
        let delete = Request::new("DELETE", ME).bearer(&tokens.access_token);
        observed.note_to("DELETE", ME, &service.send(&delete));
    }
    for (method, path) in service.description().operations() {
        if path.starts_with(ME) || path == STEP_UP {
            observed.note_to(&method, &path, &service.send(&Request::new(&method, &path)));
        }
    }
}

fn observe_recovery(service: &Service, observed: &mut Observed) {
    let (person, _) = service.signed_up();
    let messages = service.codes(&person.phone).len();
    let forgot = service.post(FORGOT, &json!({"email": person.email}));
    observed.note(FORGOT, &forgot);
    let challenge = Service::challenge_in(&forgot, 202);
    until("the code", || (service.codes(&person.phone).len() > messages).then_some(()));
    let code = service.code(&person.phone);
    let mut reset = |code: &str| {
        let body =
            json!({"challenge_id": challenge.id, "code": code, "new_password": "copper lantern river"});
        observed.note(RESET, &service.post(RESET, &body));
    };
    reset(&other_than(&code));
    reset(&code);
    reset(&code);
    observed.note(OTP_START, &service.post(OTP_START, &json!({"phone_number": person.phone})));
}

fn observe_phone_change(service: &Service, observed: &mut Observed) {
    let (owner, _) = service.signed_up();
    let (_, tokens) = service.signed_up();
    let mut send = |path: &str, body: &Value| {
        let answer = service.send(&Request::post(path).bearer(&tokens.access_token).json(body));
        observed.note_to("POST", path, &answer);
        answer
    };
    for phone in [owner.phone, service.person().phone] {
        let challenge = Service::challenge_in(&send(PHONE, &json!({"phone_number": phone})), 202);
        let code = service.code(&phone);
        for code in [other_than(&code), code.clone(), code] {
            send(VERIFY_PHONE, &json!({"challenge_id": challenge.id, "code": code}));
        }
    }
    for path in [PHONE, VERIFY_PHONE] {
        let own = || Request::post(path).bearer(&tokens.access_token);
        let json = |body: &str| own().header("content-type", "application/json").body(body);
        for request in [json("{}"), json("{"), json(&" ".repeat(20_000)), own().body("{}")] {
            observed.note_to("POST", path, &service.send(&request));
        }
    }
}

fn observe_factors(service: &Service, observed: &mut Observed) {
    let (_, tokens) = service.signed_up();
    let mut send = |method: &str, path: &str, body: Option<Value>| {
        let request = Request::new(method, path).bearer(&tokens.access_token);
        let answer = service.send(&body.iter().fold(request, Request::json));
        observed.note_to(method, path, &answer);
        answer
    };
    let code = |code: &str| Some(json!({ "code": code }));
    send("DELETE", TOTP, None);
    send("POST", CONFIRM_TOTP, code("123456"));
    let app = AuthenticatorApp::scanned(&send("POST", TOTP, None).json());
    send("POST", CONFIRM_TOTP, code(&app.wrong_code()));
    send("POST", CONFIRM_TOTP, code(&app.code(AuthenticatorApp::now())));
    send("POST", TOTP, None);
    send("POST", RECOVERY_CODES, None);
    send("DELETE", TOTP, None);
}

fn observe_operators(service: &Service, observed: &mut Observed) {
    const ALL_EVENTS: &str = "/api/v1/admin/events";
    const STATISTICS: &str = "/api/v1/admin/statistics/deliveries";
    let (_, tokens) = service.signed_up();
    let id = service.me(&tokens.access_token).json()["id"].as_str().unwrap().to_owned();
    let requests = [
        ("GET", USERS.to_owned()),
        ("GET", format!("{USERS}?after=x")),
        ("GET", ALL_EVENTS.to_owned()),
        ("GET", format!("{ALL_EVENTS}?before=x")),
        ("GET", STATISTICS.to_owned()),
        ("GET", format!("{STATISTICS}?by=x")),
        ("GET", format!("{USERS}/{{id}}")),
        ("GET", format!("{USERS}/{{id}}/events")),
        ("GET", format!("{USERS}/{{id}}/events?before=x")),
        ("DELETE", format!("{USERS}/{{id}}/sessions")),
        ("POST", format!("{USERS}/{{id}}/password-reset")),
        ("POST", format!("{USERS}/{{id}}/lock")),
        ("POST", format!("{USERS}/{{id}}/password-reset")),
        ("POST", format!("{USERS}/{{id}}/unlock")),
        ("DELETE", format!("{USERS}/{{id}}")),
    ];
    for (method, target) in requests {
        let path = target.split('?').next().unwrap().to_owned();
        let target = target.replace("{id}", &id);
        let request = Request::new(method, &target).bearer(ADMIN_KEY);
        let request = if path.ends_with("/lock") {
            let json = |body: &str| request.clone().header("content-type", "application/json").body(body);
            for request in [json("{"), json("{}"), json(&" ".repeat(20_000)), request.clone().body("{}")] {
                observed.note_to(method, &path, &service.send(&request));
            }
            json(r#"{"reason":"phone stolen"}"#)
        } else {
            request
        };
        observed.note_to(method, &path, &service.send(&request));
        let elsewhere = request.header("x-forwarded-for", "198.51.100.9");
        observed.note_to(method, &path, &service.send(&elsewhere));
        observed.note_to(method, &path, &service.send(&Request::new(method, &target)));
    }
}

fn observe_passkeys(service: &Service, observed: &mut Observed) {
    let (person, tokens) = service.signed_up();
    // Those who fill an account send more requests than one address may.
    let senders = std::cell::Cell::new(0);
    let mut send = |method: &str, path: &str, target: &str, body: Option<Value>| {
        senders.set(senders.get() + 1);
        let sender = format!("203.0.113.{}", senders.get());
        let request =
            Request::new(method, target).bearer(&tokens.access_token).header("x-forwarded-for", &sender);
        let answer = service.send(&body.iter().fold(request, Request::json));
        observed.note_to(method, path, &answer);
        answer.json_or_null()
    };
    let mut authenticators: Vec<_> = (0..21).map(|_| Authenticator::es256(&origin(service))).collect();
    let mut last = Vec::new();
    for (place, authenticator) in authenticators.iter_mut().enumerate() {
        let options = send("POST", OPTIONS, OPTIONS, None);
        let credential = authenticator.register(&options["public_key"]);
        let body = json!({"ceremony_id": options["ceremony_id"], "credential": credential});
        if place < 19 {
            send("POST", PASSKEYS, PASSKEYS, Some(body));
        } else {
            last.push(body);
        }
    }
    for body in last {
        send("POST", PASSKEYS, PASSKEYS, Some(body));
    }
    send("POST", OPTIONS, OPTIONS, None);
    send("POST", PASSKEYS, PASSKEYS, Some(json!({"ceremony_id": "unknown", "credential": {}})));
    let passkeys = send("GET", PASSKEYS, PASSKEYS, None);
    let own = format!("{PASSKEYS}/{}", passkeys["passkeys"][0]["id"].as_str().unwrap());
    send("DELETE", ONE_PASSKEY, &own, None);
    send("DELETE", ONE_PASSKEY, &own, None);

    let options = send("POST", SIGN_IN_OPTIONS, SIGN_IN_OPTIONS, Some(json!({})));
    let credential = authenticators[1].answer(&options["public_key"]);
    let body = json!({"ceremony_id": options["ceremony_id"], "credential": credential});
    for _ in 0..2 {
        send("POST", SIGN_IN, SIGN_IN, Some(body.clone()));
    }
    let closed = json!({"challenge_id": "unknown", "ceremony_id": "unknown", "credential": {}});
    for path in [SIGN_IN_OPTIONS, SIGN_IN] {
        send("POST", path, path, Some(closed.clone()));
        send("POST", path, path, Some(json!({"challenge_id": 7})));
    }
    for path in [PASSKEYS, SIGN_IN_OPTIONS, SIGN_IN] {
        let asked =
            || Request::post(path).bearer(&tokens.access_token).header("x-forwarded-for", "203.0.113.200");
        let json = |body: &str| asked().header("content-type", "application/json").body(body);
        for request in [json("{"), json(&" ".repeat(20_000)), asked().body("{}")] {
            observed.note_to("POST", path, &service.send(&request));
        }
    }
    drop(person);
}

fn observe_faults(service: &Service, observed: &mut Observed) {
    let person = service.person();
    service.plan_fault(&json!({ "kind": "no_credit", "on": "start", "number": person.phone }));
    observed.note(REGISTER, &service.register(&person));
    let challenge = service.registered(&person);
    service.plan_fault(&json!({ "kind": "no_credit", "on": "start", "number": person.phone }));
    observed.note(REQUEST_OTP, &service.request_otp(&challenge));
    service.plan_fault(&json!({ "kind": "no_credit", "on": "start", "number": person.phone }));
    observed.note(LOG_IN, &service.log_in(&person.email, &person.password));
    service.plan_fault(&json!({ "kind": "server_error", "on": "report", "number": person.phone }));
    observed.note(VERIFY_OTP, &service.verify(&challenge, "000000"));
}

/// What any route with a body refuses, and what any client meets that asks too often.
fn observe_refusals(service: &Service, observed: &mut Observed) {
    for path in [REGISTER, LOG_IN, REQUEST_OTP, VERIFY_OTP, REFRESH, OTP_START, FORGOT, RESET] {
        let json = |body: &str| Request::post(path).header("content-type", "application/json").body(body);
        for request in [json("{}"), json("{"), json(&" ".repeat(20_000)), Request::post(path).body("{}")] {
            observed.note(path, &service.send(&request.header("x-forwarded-for", "198.51.100.1")));
        }
    }
    let ask = || Request::post(INTROSPECT).bearer(INTROSPECTION_KEY);
    for request in
        [ask().form("token"), ask().form("a"), ask().form("a&a"), ask().form(&" ".repeat(20_000)), ask()]
    {
        observed.note(INTROSPECT, &service.send(&request));
    }
    observed.note(INTROSPECT, &service.send(&ask().header("x-forwarded-for", "198.51.100.1")));
    let from_one_address =
        |request: Request| service.send(&request.header("x-forwarded-for", "198.51.100.2"));
    while from_one_address(Request::get("/problems")).status == 200 {}
    for (method, path) in service.description().operations() {
        observed.note_to(&method, &path, &from_one_address(Request::new(&method, &path)));
    }
}
