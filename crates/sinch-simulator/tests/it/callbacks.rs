use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use md5::{Digest as _, Md5};
use reqwest::Method;
use serde_json::{Value, json};
use sinch_simulator::{DEVELOPMENT_KEY, DEVELOPMENT_SECRET, Settings};
use tokio::sync::mpsc;

use crate::support::{Bench, NUMBER, VERIFICATIONS, start_body};

/// An application that answers request events with `answer` and keeps all
/// events that are signed as they should be.
struct Application {
    answer: Arc<Mutex<String>>,
    events: mpsc::UnboundedReceiver<Value>,
    bench: Bench,
}

impl Application {
    fn new(answer: &str) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let shared = (sender, Arc::clone(&answer));
        let app = move || {
            App::new().app_data(web::Data::new(shared.clone())).route("/hooks/sinch", web::post().to(receive))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        let callback_url = Some(format!("http://{address}/hooks/sinch"));
        Self { answer, events, bench: Bench::with(Settings { callback_url, ..Settings::default() }) }
    }

    fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    /// The next event of that name.
    async fn next(&mut self, name: &str) -> Value {
        let waiting = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if event["event"] == name {
                    return event;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap()
    }
}

type Shared = (mpsc::UnboundedSender<Value>, Arc<Mutex<String>>);

async fn receive(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let string_to_sign = format!(
        "POST\n{}\n{}\nx-timestamp:{}\n/hooks/sinch",
        BASE64_STANDARD.encode(Md5::digest(&body)),
        header("content-type"),
        header("x-timestamp"),
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(DEVELOPMENT_SECRET).unwrap());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, string_to_sign.as_bytes()));
    assert_eq!(header("authorization"), format!("application {DEVELOPMENT_KEY}:{signature}"));
    assert_eq!(header("x-timestamp"), "2026-11-23T12:00:00.1234567Z");

    let event: Value = serde_json::from_slice(&body).unwrap();
    let asks = event["event"] == "VerificationRequestEvent";
    shared.0.send(event).unwrap();
    let answer = if asks { shared.1.lock().unwrap().clone() } else { String::new() };
    HttpResponse::Ok().content_type("application/json").body(answer)
}

#[tokio::test]
async fn an_application_may_choose_the_code_and_hears_the_result() {
    let mut application = Application::new(r#"{"action":"allow","sms":{"code":"0420","expiry":"00:01:00"}}"#);
    let mut body = start_body(NUMBER, "sms");
    body["reference"] = json!("ref-1");
    body["custom"] = json!("åäö");
    let started = application.bench.send(Method::POST, VERIFICATIONS, &body).await;
    assert_eq!(started.body["sms"]["interceptionTimeout"], 58);
    let asked = application.next("VerificationRequestEvent").await;
    let expected = json!({
        "id": started.id(),
        "event": "VerificationRequestEvent",
        "method": "sms",
        "identity": { "type": "number", "endpoint": NUMBER },
        "price": { "amount": 0.0453, "currencyId": "EUR" },
        "rate": { "amount": 0.0, "currencyId": "EUR" },
        "reference": "ref-1",
        "custom": "åäö",
    });
    assert_eq!(asked, expected);
    assert_eq!(application.next("VerificationSmsDeliveredEvent").await["smsResult"], "Successful");

    assert_eq!(application.bench.code(NUMBER).await, "0420");
    application.bench.report(&started.id(), "0420").await;
    let result = application.next("VerificationResultEvent").await;
    assert_eq!((&result["status"], &result["source"]), (&json!("SUCCESSFUL"), &json!("manual")));
    application.bench.stop().await;
}

#[tokio::test]
async fn an_application_may_deny() {
    let mut application = Application::new(r#"{"action":"deny"}"#);
    assert_eq!(application.bench.start(NUMBER, "sms").await.code(), (403, 40303));
    assert_eq!(application.next("VerificationResultEvent").await["reason"], "Denied by callback");
    let status = application.bench.get(&format!("{VERIFICATIONS}/sms/number/{NUMBER}")).await;
    assert_eq!(status.outcome(), ("DENIED", "Denied by callback"));
    assert!(application.bench.messages(NUMBER).await.is_empty());
    application.bench.stop().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_denies() {
    let application = Application::new("");
    for answer in ["", "{}", "[]", r#"{"action":"perhaps"}"#] {
        application.answer(answer);
        assert_eq!(application.bench.start(NUMBER, "sms").await.code(), (422, 42202), "{answer}");
    }
    application.answer(r#"{"action":"allow","sms":{"code":"too long to be one"}}"#);
    assert_eq!(application.bench.start(NUMBER, "sms").await.code(), (400, 40001));
    assert!(application.bench.messages(NUMBER).await.is_empty());
    application.bench.stop().await;
}

#[tokio::test]
async fn a_newer_start_tells_that_the_older_was_aborted() {
    let mut application = Application::new(r#"{"action":"allow"}"#);
    let older = application.bench.start(NUMBER, "sms").await.id();
    application.bench.start(NUMBER, "sms").await;
    let result = application.next("VerificationResultEvent").await;
    assert_eq!((&result["id"], &result["status"]), (&json!(older), &json!("ABORTED")));
    application.bench.stop().await;
}
