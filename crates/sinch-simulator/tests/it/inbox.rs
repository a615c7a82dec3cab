use reqwest::{Method, StatusCode};
use serde_json::json;
use sinch_simulator::Settings;

use crate::support::{Bench, NUMBER};

#[tokio::test]
async fn the_inbox_shows_messages_as_the_contract_says() {
    let bench = Bench::new();
    let older = bench.start(NUMBER, "sms").await.id();
    let newer = bench.start(NUMBER, "callout").await.id();
    bench.start("+46707654321", "sms").await;
    let messages = bench.messages(NUMBER).await;
    assert_eq!(
        messages.iter().map(|message| message["id"].clone()).collect::<Vec<_>>(),
        [newer, older.clone()]
    );

    let code = messages[1]["code"].as_str().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
    let expected = json!({
        "id": older,
        "number": NUMBER,
        "channel": "sms",
        "code": code,
        "text": format!("Your verification code is {code}. Verified by Sinch"),
        "received_at": "2026-11-23T12:00:00.123Z",
    });
    assert_eq!(messages[1], expected);
    bench.stop().await;
}

#[tokio::test]
async fn a_number_is_found_however_its_plus_is_written() {
    let bench = Bench::new();
    bench.start(NUMBER, "sms").await;
    for spelling in ["+46701234567", "%2B46701234567", "%2b46701234567", "%2046701234567", "46701234567"] {
        assert_eq!(bench.messages(spelling).await.len(), 1, "{spelling}");
    }
    assert_eq!(bench.messages("+46709999999").await.len(), 0);
    let all = bench.client.get(bench.url("/inbox")).send().await.unwrap();
    assert!(all.text().await.unwrap().contains(NUMBER), "no credentials are needed");
    bench.stop().await;
}

#[tokio::test]
async fn an_unchanged_inbox_costs_a_poll_nothing() {
    let bench = Bench::new();
    let poll = async |tag: &str| {
        let request = bench.client.get(bench.url("/inbox")).header("if-none-match", tag);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.headers()["etag"].to_str().unwrap().to_owned())
    };
    let (_, empty) = poll("\"none\"").await;
    assert_eq!(poll(&empty).await.0, StatusCode::NOT_MODIFIED);
    bench.start(NUMBER, "sms").await;
    let (status, full) = poll(&empty).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(bench.request(Method::DELETE, "/inbox").send().await.unwrap().status(), 204);
    assert_eq!(poll(&full).await.0, StatusCode::OK);
    assert_eq!(bench.messages(NUMBER).await.len(), 0);
    bench.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_number() {
    let bench = Bench::new();
    let id = bench.start(NUMBER, "sms").await.id();
    bench.report(&id, "none").await;
    bench.status(&id).await;
    bench.plan(json!({ "kind": "no_route" })).await;
    bench.start(NUMBER, "sms").await;
    let counted = bench.get("/requests?number=%2B46701234567").await.body;
    let expected = json!({ "number": NUMBER, "starts": 2, "messages": 1, "reports": 1, "statuses": 1 });
    assert_eq!(counted, json!({ "requests": [expected] }));
    assert_eq!(bench.get("/requests?number=+46709999999").await.body, json!({ "requests": [] }));
    bench.stop().await;
}

#[tokio::test]
async fn memory_is_bounded_for_messages_and_verifications() {
    let bench = Bench::with(Settings { capacity: 20, ..Settings::default() });
    let first = bench.start(NUMBER, "sms").await.id();
    for n in 0..30 {
        bench.start(&format!("+4670{n:07}"), "sms").await;
    }
    let all = bench.get("/inbox").await.body;
    assert_eq!(all["messages"].as_array().unwrap().len(), 20);
    assert_eq!(bench.get("/inbox?limit=3").await.body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(bench.status(&first).await.code(), (404, 40400));
    bench.stop().await;
}
