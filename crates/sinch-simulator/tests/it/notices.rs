use reqwest::Method;
use serde_json::{Value, json};
use sinch_simulator::{DEVELOPMENT_SMS_PLAN, DEVELOPMENT_SMS_TOKEN};

use crate::support::{Bench, NUMBER};

async fn send(bench: &Bench, plan: &str, token: &str, body: String) -> (u16, Value) {
    let request = bench.client.request(Method::POST, bench.url(&format!("/xms/v1/{plan}/batches")));
    let request =
        request.header("authorization", token).header("content-type", "application/json").body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn bearer() -> String {
    format!("Bearer {DEVELOPMENT_SMS_TOKEN}")
}

fn batch() -> Value {
    json!({ "from": "Acme", "to": [NUMBER], "body": "Acme: hej", "type": "mt_text", "client_reference": "an-event" })
}

#[tokio::test]
async fn a_batch_reaches_its_numbers_and_is_no_code() {
    let bench = Bench::new();
    bench.start(NUMBER, "sms").await;
    let codes = bench.messages(NUMBER).await;

    let (status, accepted) = send(&bench, DEVELOPMENT_SMS_PLAN, &bearer(), batch().to_string()).await;

    assert_eq!(
        (status, &accepted["to"], &accepted["client_reference"]),
        (201, &json!(["46701234567"]), &json!("an-event"))
    );
    let notices = bench.get("/notices?number=%2B46701234567").await.body;
    let expected = json!({
        "id": accepted["id"],
        "number": NUMBER,
        "channel": "sms",
        "text": "Acme: hej",
        "received_at": "2026-11-23T12:00:00.123Z",
    });
    assert_eq!(notices, json!({ "notices": [expected] }));
    assert_eq!(bench.get("/notices?number=+46709999999").await.body, json!({ "notices": [] }));
    assert_eq!(bench.messages(NUMBER).await, codes, "who reads codes reads codes only");
    assert_eq!(bench.request(Method::DELETE, "/inbox").send().await.unwrap().status(), 204);
    assert_eq!(bench.get("/notices").await.body, json!({ "notices": [] }));
    bench.stop().await;
}

#[tokio::test]
async fn only_the_token_of_the_service_plan_sends() {
    let bench = Bench::new();
    for (plan, token) in [
        (DEVELOPMENT_SMS_PLAN, String::new()),
        (DEVELOPMENT_SMS_PLAN, "Bearer another".to_owned()),
        (DEVELOPMENT_SMS_PLAN, DEVELOPMENT_SMS_TOKEN.to_owned()),
        ("another", bearer()),
    ] {
        assert_eq!(send(&bench, plan, &token, batch().to_string()).await.0, 401, "{plan} {token}");
    }
    assert_eq!(bench.get("/notices").await.body, json!({ "notices": [] }));
    bench.stop().await;
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let bench = Bench::new();
    let with = |field: &str, value: Value| {
        let mut batch = batch();
        batch[field] = value;
        batch.to_string()
    };
    let wrong = [
        "no JSON".to_owned(),
        "{}".to_owned(),
        with("to", json!([])),
        with("to", json!(["number"])),
        with("to", json!(NUMBER)),
        with("body", json!("")),
        with("body", json!("x".repeat(2001))),
        with("type", json!("mt_binary")),
    ];
    for body in wrong {
        assert_eq!(send(&bench, DEVELOPMENT_SMS_PLAN, &bearer(), body.clone()).await.0, 400, "{body}");
    }
    bench.stop().await;
}
