//! What Sinch asks and tells by itself, signed as it signs, on the real service.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::admin::ADMIN_KEY;
use crate::client::{Answer, Database, Request, Service, until};

on_both_databases!(
    wh_02_sinch_asks_before_it_sends_and_tells_what_became_of_it,
    wh_02_a_question_about_nothing_that_was_sent_is_denied,
    wh_02_no_callback_signs_anybody_in,
    wh_03_a_callback_of_another_time_is_refused,
    what_sinch_says_that_a_message_costs_comes_before_the_settings,
);

pub(crate) const CALLBACKS: &str = "/webhooks/sinch";
const STATISTICS: &str = "/api/v1/admin/statistics/deliveries";

/// Of the development application.
const KEY: &str = "11111111-2222-3333-4444-555555555555";
const SECRET: &[u8] = b"0123456789abcdef";
const JSON_UTF8: &str = "application/json; charset=utf-8";

const CALLED_BACK: [(&str, &str); 3] = [
    ("OTP_LOGIN__SIMULATOR__CALLBACKS", "true"),
    ("OTP_LOGIN__ADMIN__API_KEY", ADMIN_KEY),
    ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
];

/// A callback as Sinch would sign it now.
pub(crate) fn signed(body: &str) -> Request {
    signed_at(body, Timestamp::now(), CALLBACKS)
}

fn signed_at(body: &str, at: Timestamp, path: &str) -> Request {
    let timestamp = at.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string();
    let digest = STANDARD.encode(Md5::digest(body.as_bytes()));
    let text = format!("POST\n{digest}\n{JSON_UTF8}\nx-timestamp:{timestamp}\n{path}");
    let signature = STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text.as_bytes()));
    Request::post(CALLBACKS)
        .header("content-type", JSON_UTF8)
        .header("x-timestamp", &timestamp)
        .header("authorization", &format!("application {KEY}:{signature}"))
        .body(body)
}

/// An event about something that was never sent.
fn event(name: &str, rest: &Value) -> String {
    let mut event = json!({
        "id": "018c25e1-7163-5677-b8fb-467d7b1cffa5",
        "event": name,
        "method": "sms",
        "identity": {"type": "number", "endpoint": "+46701740605"},
        "reference": "0198511c-d1d1-7bf3-909b-85455d310123",
    });
    let fields = event.as_object_mut().unwrap();
    fields.extend(rest.as_object().unwrap().clone());
    event.to_string()
}

#[track_caller]
fn assert_nothing(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (200, ""));
}

/// Figures of the last hour, of all messages.
fn figures(service: &Service) -> Value {
    let request = Request::get(&format!("{STATISTICS}?by=country,channel,provider&hours=1"));
    let answer = service.send(&request.bearer(ADMIN_KEY));
    answer.assert_status(200);
    answer.json()["groups"][0].clone()
}

fn wh_02_sinch_asks_before_it_sends_and_tells_what_became_of_it(database: Database) {
    let service = Service::with(database, &CALLED_BACK);
    service.signed_up();
    // What Sinch tells comes when it comes.
    let told = until("the message is told to be delivered", || {
        Some(figures(&service)).filter(|figures| figures["delivered"] == 1)
    });
    assert_eq!(
        (&told["country"], &told["channel"], &told["provider"]),
        (&json!("SE"), &json!("sms"), &json!("sinch"))
    );
    assert_eq!((&told["sent"], &told["failed"], &told["entered"]), (&json!(1), &json!(0), &json!(1)));
    assert!(told["time_to_code"]["median_seconds"].as_f64().is_some_and(|median| median > 0.0), "{told}");
    assert_eq!(told["series"].as_array().map(Vec::len), Some(1));
}

fn what_sinch_says_that_a_message_costs_comes_before_the_settings(database: Database) {
    let table = ("OTP_LOGIN__PRICES__SE", "0.01");
    let with = |more: &[(&'static str, &'static str)]| {
        let service = Service::with(database, &[&CALLED_BACK, &[table][..], more].concat());
        service.signed_up();
        let told = until("Sinch has asked and told", || {
            Some(figures(&service)).filter(|figures| figures["delivered"] == 1)
        });
        told["cost"].clone()
    };
    assert_eq!(with(&[]), "0.045300");
    assert_eq!(with(&[("OTP_LOGIN__PRICES__CURRENCY", "SEK")]), "0.010000");
    assert_eq!(with(&[("OTP_LOGIN__PRICES__FROM_PROVIDER", "false")]), "0.010000");
    let by_channel =
        [("OTP_LOGIN__PRICES__FROM_PROVIDER", "false"), ("OTP_LOGIN__PRICES__SMS__DEFAULT", "2")];
    assert_eq!(with(&by_channel), "2.000000");
}

fn wh_02_a_question_about_nothing_that_was_sent_is_denied(database: Database) {
    let service = Service::start(database);
    let question =
        event("VerificationRequestEvent", &json!({"price": {"amount": 0.05, "currencyId": "EUR"}}));
    for question in [question.clone(), question.replace("0198511c-d1d1-7bf3-909b-85455d310123", "order 17")] {
        let answer = service.send(&signed(&question));
        assert_eq!((answer.status, answer.json()), (200, json!({"action": "deny"})));
    }
}

fn wh_02_no_callback_signs_anybody_in(database: Database) {
    let service = Service::with(database, &CALLED_BACK);
    let person = service.person();
    let challenge = service.registered(&person);
    let result = event("VerificationResultEvent", &json!({"status": "SUCCESSFUL", "source": "manual"}));
    assert_nothing(&signed(&result.replace("+46701740605", &person.phone)).send(service.address()));
    let wrong = service.verify(&challenge, "000000").refusal(401, "invalid-code");
    assert_eq!(wrong["attempts_left"], 4);
    assert_eq!(figures(&service)["entered"], 0);
    service.proven(&challenge, &person.phone);
}

fn wh_03_a_callback_of_another_time_is_refused(database: Database) {
    let service = Service::start(database);
    let body = event("VerificationRequestEvent", &json!({}));
    for (minutes, status) in [(-6, 401), (-4, 200), (4, 200), (6, 401)] {
        let at = Timestamp::now() + SignedDuration::from_mins(minutes);
        let answer = service.send(&signed_at(&body, at, CALLBACKS));
        assert_eq!(answer.status, status, "{minutes}: {}", answer.text());
    }
}

#[test]
fn wh_01_what_sinch_did_not_sign_is_refused() {
    let service = Service::start(Database::Sqlite);
    let body = event("VerificationRequestEvent", &json!({}));
    let forged = [
        Request::post(CALLBACKS).body(body.as_str()),
        Request::post(CALLBACKS).json(&json!({})),
        signed(&body).body(format!("{body} ")),
        signed(&body).header("x-timestamp", "2024-06-04T13:41:58Z"),
        signed_at(&body, Timestamp::now(), "/hooks"),
    ];
    for request in forged {
        service.send(&request).refusal(401, "invalid-signature");
    }
    for unknown in ["{}", "[]", "not JSON", &event("SomethingNewEvent", &json!({}))] {
        assert_nothing(&signed(unknown).send(service.address()));
    }
}

#[test]
fn wh_01_the_signed_path_is_that_of_the_dashboard() {
    let path = ("OTP_LOGIN__SINCH__CALLBACK_PATH", "/auth/hooks/sinch");
    let service = Service::with(Database::Sqlite, &[path]);
    let body = event("VerificationRequestEvent", &json!({}));
    service.send(&signed_at(&body, Timestamp::now(), path.1)).assert_status(200);
    service.send(&signed(&body)).refusal(401, "invalid-signature");
}

#[test]
fn lg_01_metrics_tell_of_messages_and_of_nobody() {
    let service = Service::with(Database::Sqlite, &[CALLED_BACK[2]]);
    let (person, _) = service.signed_up();
    let address = service.server.metrics_url().trim_start_matches("http://").parse().unwrap();
    let metrics = Request::get("/metrics").send(address);
    metrics.assert_status(200);
    let labels = r#"{provider="sinch",channel="sms",country="SE"} 1"#;
    for name in ["messages_sent_total", "time_to_code_seconds_count"] {
        let line = format!("otp_login_{name}{labels}");
        assert!(metrics.text().lines().any(|told| told == line), "{line} is not in\n{}", metrics.text());
    }
    let tail = person.phone.get(6..).unwrap();
    assert!(!metrics.text().contains(tail) && !metrics.text().contains(&person.email));
    service.get("/metrics").refusal(404, "not-found");
}
