//! Remembered devices: `remember_device`, `device_token`, `/api/v1/me/devices`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{
    Answer, Database, Jwt, LOG_IN, ME, Person, Request, Service, Tokens, VERIFY_OTP, at_once,
};

on_both_databases!(
    tn_04_a_remembered_device_signs_in_without_a_code,
    asvs_6_3_3_what_is_no_live_token_of_the_account_leads_to_a_code,
    tn_04_a_device_is_remembered_at_registration_and_step_up_too,
    asvs_7_5_3_a_device_sign_in_never_changes_what_guards_the_account,
    tn_04_a_copied_token_forgets_the_device,
    tn_04_of_20_sign_ins_with_one_token_one_successor_lives,
    d_11_a_remembered_device_gets_in_while_strangers_guess,
    d_11_five_wrong_passwords_forget_the_device,
    a_wrong_password_spends_no_device_token,
    d_20_remembering_can_be_switched_off,
    d_20_the_least_recently_used_device_is_forgotten_beyond_the_limit,
    asvs_6_5_6_devices_are_seen_and_forgotten_at_once,
    asvs_8_2_1_devices_of_others_are_not_found,
    asvs_7_4_3_a_changed_password_forgets_devices_and_closes_sign_ins,
    asvs_9_2_2_a_device_token_is_no_other_token,
);

const DEVICES: &str = "/api/v1/me/devices";
const STEP_UP: &str = "/api/v1/auth/step-up";
const PASSWORD: &str = "/api/v1/me/password";

/// What a sign-in or proof gave on a device that is remembered.
struct OnDevice {
    access_token: String,
    device_token: String,
}

impl OnDevice {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        answer.assert_status(200);
        let text =
            |name: &str| answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        Self { access_token: text("access_token"), device_token: text("device_token") }
    }
}

/// Proves a challenge on a device that shall be remembered.
fn remember(service: &Service, challenge_id: &str, phone: &str) -> Answer {
    let body = json!({"challenge_id": challenge_id, "code": service.code(phone), "remember_device": true});
    service.post(VERIFY_OTP, &body)
}

/// Somebody who registered elsewhere and then signed in on a device that is remembered.
fn remembered(service: &Service) -> (Person, OnDevice) {
    let (person, _) = service.signed_up();
    let challenge = service.challenged(&person);
    let device = OnDevice::of(&remember(service, &challenge.id, &person.phone));
    (person, device)
}

fn log_in_on(service: &Service, person: &Person, password: &str, device_token: &str) -> Answer {
    let body = json!({"email": person.email, "password": password, "device_token": device_token});
    service.post(LOG_IN, &body)
}

#[track_caller]
fn needs_code(answer: &Answer) {
    answer.assert_status(200);
    assert_eq!(answer.json()["status"], "otp_required");
    assert!(!answer.text().contains("_token"));
}

/// A sign-in that the remembered device completes.
#[track_caller]
fn signs_in(service: &Service, person: &Person, device_token: &str) -> OnDevice {
    let answer = log_in_on(service, person, &person.password, device_token);
    assert_eq!(answer.json()["status"], "authenticated", "{}", answer.text());
    OnDevice::of(&answer)
}

fn get(service: &Service, path: &str, access_token: &str) -> Value {
    service.send(&Request::get(path).bearer(access_token)).expect(200)
}

fn delete(service: &Service, path: &str, access_token: &str) -> Answer {
    service.send(&Request::new("DELETE", path).bearer(access_token))
}

fn devices(service: &Service, access_token: &str) -> Vec<Value> {
    get(service, DEVICES, access_token)["devices"].as_array().unwrap().clone()
}

fn names(service: &Service, access_token: &str) -> Vec<String> {
    let events = get(service, "/api/v1/me/events", access_token);
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    events["events"].as_array().unwrap().iter().map(name).collect()
}

fn tn_04_a_remembered_device_signs_in_without_a_code(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = remembered(&service);
    let messages = service.codes(&person.phone).len();

    let answer = log_in_on(&service, &person, &person.password, &first.device_token);

    let second = OnDevice::of(&answer);
    let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    let expected = [
        "access_token",
        "device_token",
        "expires_in",
        "refresh_expires_in",
        "refresh_token",
        "status",
        "token_type",
        "user",
    ];
    assert_eq!(members, expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["status"], "authenticated");
    assert_eq!(answer.json()["user"]["email"], json!(person.email));
    assert_eq!(service.codes(&person.phone).len(), messages, "nothing was sent");
    assert_eq!(second.device_token.len(), 43);
    assert_ne!(second.device_token, first.device_token);
    service.user(&second.access_token);
    signs_in(&service, &person, &second.device_token);
    let by_number = json!({"phone_number": person.phone, "password": person.password});
    needs_code(&service.post(LOG_IN, &by_number));
}

fn asvs_6_3_3_what_is_no_live_token_of_the_account_leads_to_a_code(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, own) = remembered(&service);
    let (stranger, of_stranger) = remembered(&service);
    let long = "a".repeat(2_000);
    for token in ["", "x", "\u{0}", &"a".repeat(43), &long, &of_stranger.device_token, &own.access_token] {
        needs_code(&log_in_on(&service, &person, &person.password, token));
    }
    needs_code(&log_in_on(&service, &stranger, &stranger.password, &own.device_token));
    let with_null = json!({"email": person.email, "password": person.password, "device_token": null});
    needs_code(&service.post(LOG_IN, &with_null));
    for wrong in [json!(7), json!(true), json!([own.device_token]), json!({})] {
        let body = json!({"email": person.email, "password": person.password, "device_token": wrong});
        let fields = service.post(LOG_IN, &body).refused_fields();
        assert_eq!(fields, [("/device_token".to_owned(), "wrong-type".to_owned())]);
    }
    for token in [&own, &of_stranger] {
        let answer = log_in_on(&service, &person, "a wrong password", &token.device_token);
        answer.refusal(401, "invalid-credentials");
    }
    signs_in(&service, &person, &own.device_token);
    signs_in(&service, &stranger, &of_stranger.device_token);
}

fn tn_04_a_device_is_remembered_at_registration_and_step_up_too(database: Database) {
    let service = Service::without_cooldown(database);
    let person = service.person();
    let challenge = service.registered(&person);
    let registered = OnDevice::of(&remember(&service, &challenge.id, &person.phone));
    let request =
        Request::post(STEP_UP).bearer(&registered.access_token).json(&json!({"password": person.password}));
    let challenge = Service::challenge_in(&service.send(&request), 200);
    let stepped_up = OnDevice::of(&remember(&service, &challenge.id, &person.phone));

    for device in [&registered, &stepped_up] {
        signs_in(&service, &person, &device.device_token);
    }
    assert_eq!(devices(&service, &stepped_up.access_token).len(), 2);
    let recorded = names(&service, &stepped_up.access_token);
    assert_eq!(recorded.iter().filter(|name| *name == "authn_device_remembered").count(), 2, "{recorded:?}");
}

fn asvs_7_5_3_a_device_sign_in_never_changes_what_guards_the_account(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    let signed_in = signs_in(&service, &person, &device.device_token);
    let (full, by_device) = (Jwt::read(&device.access_token), Jwt::read(&signed_in.access_token));
    assert_eq!(by_device.claims["amr"], json!(["pwd"]));
    assert_eq!(by_device.claims["auth_time"], full.claims["auth_time"], "no newer proof");

    delete(&service, ME, &signed_in.access_token).refusal(403, "step-up-required");
    let export = service.send(&Request::get("/api/v1/me/export").bearer(&signed_in.access_token));
    export.refusal(403, "step-up-required");
    let change = json!({"current_password": person.password, "new_password": "copper-lantern-river"});
    let change = Request::post(PASSWORD).bearer(&signed_in.access_token).json(&change);
    service.send(&change).refusal(403, "step-up-required");
    let request =
        Request::post(STEP_UP).bearer(&signed_in.access_token).json(&json!({"password": person.password}));
    let challenge = Service::challenge_in(&service.send(&request), 200);
    let fresh = service.proven(&challenge, &person.phone);
    assert_eq!(Jwt::read(&fresh.access_token).claims["amr"], json!(["pwd", "sms", "mfa"]));
    delete(&service, ME, &fresh.access_token).assert_status(204);
}

fn tn_04_a_copied_token_forgets_the_device(database: Database) {
    let leeway = ("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "0");
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), leeway]);
    let (person, first) = remembered(&service);
    let second = signs_in(&service, &person, &first.device_token);

    let copy = log_in_on(&service, &person, "a wrong password", &first.device_token);
    copy.refusal(401, "invalid-credentials");
    let third = signs_in(&service, &person, &second.device_token);
    needs_code(&log_in_on(&service, &person, &person.password, &first.device_token));

    needs_code(&log_in_on(&service, &person, &person.password, &third.device_token));
    assert_eq!(devices(&service, &third.access_token), Vec::<Value>::new());
    assert_eq!(names(&service, &third.access_token)[0], "authn_device_token_reuse");
}

fn tn_04_of_20_sign_ins_with_one_token_one_successor_lives(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    let answers = at_once(20, |_| log_in_on(&service, &person, &person.password, &device.device_token));
    let tokens: Vec<String> = answers
        .iter()
        .filter(|answer| answer.json()["status"] == "authenticated")
        .map(|answer| OnDevice::of(answer).device_token)
        .collect();
    assert!(!tokens.is_empty());
    let live = tokens.iter().filter(|token| {
        log_in_on(&service, &person, &person.password, token).json()["status"] == "authenticated"
    });
    assert_eq!(live.count(), 1);
    assert_eq!(devices(&service, &device.access_token).len(), 1);
}

fn d_11_a_remembered_device_gets_in_while_strangers_guess(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    for _ in 0..6 {
        service.log_in(&person.email, "not the password").refusal(401, "invalid-credentials");
    }
    service.log_in(&person.email, &person.password).refusal(429, "rate-limited");
    log_in_on(&service, &person, &person.password, &"a".repeat(43)).refusal(429, "rate-limited");
    let next = signs_in(&service, &person, &device.device_token);
    log_in_on(&service, &person, "not the password", &next.device_token).refusal(401, "invalid-credentials");
    signs_in(&service, &person, &next.device_token);
}

fn d_11_five_wrong_passwords_forget_the_device(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    for _ in 0..5 {
        log_in_on(&service, &person, "not the password", &device.device_token)
            .refusal(401, "invalid-credentials");
    }
    assert_eq!(devices(&service, &device.access_token), Vec::<Value>::new());
    assert!(names(&service, &device.access_token).contains(&"authn_device_revoked".to_owned()));
    needs_code(&log_in_on(&service, &person, &person.password, &device.device_token));
}

fn a_wrong_password_spends_no_device_token(database: Database) {
    let leeway = ("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "0");
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), leeway]);
    let (person, device) = remembered(&service);
    log_in_on(&service, &person, "not the password", &device.device_token)
        .refusal(401, "invalid-credentials");
    signs_in(&service, &person, &device.device_token);
}

fn d_20_remembering_can_be_switched_off(database: Database) {
    let url = database.url();
    let on = [("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), ("OTP_LOGIN__DEVICES__TTL_DAYS", "0")];
    let service = Service::at(&url, &on);
    let (person, tokens) = service.signed_up();
    let challenge = service.challenged(&person);
    let answer = remember(&service, &challenge.id, &person.phone);
    answer.assert_status(200);
    assert_eq!(answer.json()["device_token"], Value::Null);
    assert!(!answer.text().contains("device_token"));
    assert_eq!(devices(&service, &tokens.access_token), Vec::<Value>::new());
    needs_code(&log_in_on(&service, &person, &person.password, &"a".repeat(43)));
}

fn d_20_the_least_recently_used_device_is_forgotten_beyond_the_limit(database: Database) {
    let limit = ("OTP_LOGIN__DEVICES__MAX_PER_USER", "2");
    let service = Service::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"), limit]);
    let (person, first) = remembered(&service);
    let more = || {
        let challenge = service.challenged(&person);
        OnDevice::of(&remember(&service, &challenge.id, &person.phone))
    };
    let second = more();
    let first = signs_in(&service, &person, &first.device_token);
    let third = more();
    needs_code(&log_in_on(&service, &person, &person.password, &second.device_token));
    signs_in(&service, &person, &first.device_token);
    signs_in(&service, &person, &third.device_token);
}

fn asvs_6_5_6_devices_are_seen_and_forgotten_at_once(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = remembered(&service);
    let challenge = service.challenged(&person);
    let second = OnDevice::of(&remember(&service, &challenge.id, &person.phone));

    let listed = devices(&service, &second.access_token);
    assert_eq!(listed.len(), 2);
    for device in &listed {
        let members: Vec<&String> = device.as_object().unwrap().keys().collect();
        assert_eq!(members, ["created_at", "expires_at", "id", "ip", "last_used_at", "user_agent"]);
        assert_eq!(device["ip"], "127.0.0.1");
        let time = |name: &str| device[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(time("expires_at").duration_since(time("created_at")).as_hours(), 30 * 24);
        assert_eq!(time("last_used_at"), time("created_at"));
    }
    let export = get(&service, "/api/v1/me/export", &second.access_token);
    assert_eq!(export["devices"], json!(listed));

    let newest = format!("{DEVICES}/{}", listed[0]["id"].as_str().unwrap());
    delete(&service, &newest, &first.access_token).assert_status(204);
    delete(&service, &newest, &first.access_token).refusal(404, "not-found");
    needs_code(&log_in_on(&service, &person, &person.password, &second.device_token));
    service.user(&second.access_token);

    delete(&service, DEVICES, &first.access_token).assert_status(204);
    delete(&service, DEVICES, &first.access_token).assert_status(204);
    needs_code(&log_in_on(&service, &person, &person.password, &first.device_token));
    assert_eq!(devices(&service, &first.access_token), Vec::<Value>::new());
    let recorded = names(&service, &first.access_token);
    assert_eq!(recorded.iter().filter(|name| *name == "authn_device_revoked").count(), 2, "{recorded:?}");
}

fn asvs_8_2_1_devices_of_others_are_not_found(database: Database) {
    let service = Service::without_cooldown(database);
    let (owner, device) = remembered(&service);
    let (_, stranger) = service.signed_up();
    let id = devices(&service, &device.access_token)[0]["id"].as_str().unwrap().to_owned();
    for id in [id.as_str(), &Uuid::nil().to_string(), "1", "not-an-id", "%00"] {
        let answer = delete(&service, &format!("{DEVICES}/{id}"), &stranger.access_token);
        answer.refusal(404, "not-found");
    }
    delete(&service, DEVICES, &stranger.access_token).assert_status(204);
    for method in ["GET", "DELETE"] {
        service.send(&Request::new(method, DEVICES)).refusal(401, "invalid-token");
    }
    signs_in(&service, &owner, &device.device_token);
}

fn asvs_7_4_3_a_changed_password_forgets_devices_and_closes_sign_ins(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    let challenge = service.challenged(&person);
    let code = service.code(&person.phone);
    let new = "copper-lantern-river";
    let change = json!({"current_password": person.password, "new_password": new});
    let change = Request::post(PASSWORD).bearer(&device.access_token).json(&change);
    service.send(&change).assert_status(204);

    service.verify(&challenge, &code).refusal(410, "challenge-closed");
    assert_eq!(devices(&service, &device.access_token), Vec::<Value>::new());
    needs_code(&log_in_on(&service, &person, new, &device.device_token));
    let person = Person { password: new.to_owned(), ..person };
    service.signed_in(&person);
}

fn asvs_9_2_2_a_device_token_is_no_other_token(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, device) = remembered(&service);
    let tokens: Tokens = service.signed_in(&person);
    service.refresh(&device.device_token).refusal(401, "invalid-token");
    service.me(&device.device_token).refusal(401, "invalid-token");
    needs_code(&log_in_on(&service, &person, &person.password, &tokens.refresh_token));
    signs_in(&service, &person, &device.device_token);
}
