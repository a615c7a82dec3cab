use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Bench, NUMBER, VERIFICATIONS, start_body};

#[tokio::test]
async fn a_status_says_what_the_documentation_lists() {
    let bench = Bench::new();
    let mut body = start_body(NUMBER, "sms");
    body["reference"] = json!("ref-1");
    let id = bench.send(Method::POST, VERIFICATIONS, &body).await.id();
    let pending = json!({
        "id": id,
        "method": "sms",
        "status": "PENDING",
        "reference": "ref-1",
        "identity": { "type": "number", "endpoint": NUMBER },
        "countryId": "SE",
        "verificationTimestamp": "2026-11-23T12:00:00.1234567",
    });
    assert_eq!(bench.status(&id).await.body, pending);

    bench.report(&id, &bench.code(NUMBER).await).await;
    let mut successful = pending;
    successful["status"] = json!("SUCCESSFUL");
    successful["source"] = json!("manual");
    successful["price"] = json!({ "verificationPrice": { "currencyId": "EUR", "amount": 0.0453 } });
    assert_eq!(bench.status(&id).await.body, successful);
    bench.stop().await;
}

#[tokio::test]
async fn a_status_is_found_by_id_number_and_reference() {
    let bench = Bench::new();
    let mut body = start_body(NUMBER, "sms");
    body["reference"] = json!("ref 1/ü");
    let id = bench.send(Method::POST, VERIFICATIONS, &body).await.id();
    for path in [
        format!("/id/{id}"),
        format!("/sms/number/{NUMBER}"),
        "/SMS/number/%2B46701234567".to_owned(),
        "/reference/ref%201/%C3%BC".to_owned(),
        "/reference/ref%201%2F%C3%BC".to_owned(),
    ] {
        assert_eq!(bench.get(&format!("{VERIFICATIONS}{path}")).await.id(), id, "{path}");
    }
    for path in [
        "/id/nope",
        "/callout/number/+46701234567",
        "/sms/number/+46709999999",
        "/pigeon/number/+46701234567",
        "/reference/none",
    ] {
        assert_eq!(bench.get(&format!("{VERIFICATIONS}{path}")).await.code(), (404, 40400), "{path}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_status_by_number_is_there_for_ten_minutes() {
    let bench = Bench::new();
    let id = bench.start(NUMBER, "sms").await.id();
    bench.clock.forward(Duration::from_secs(599));
    let path = format!("{VERIFICATIONS}/sms/number/{NUMBER}");
    assert_eq!(bench.get(&path).await.outcome(), ("FAIL", "Expired"));
    bench.clock.forward(Duration::from_secs(1));
    assert_eq!(bench.get(&path).await.code(), (404, 40400));
    assert_eq!(bench.status(&id).await.outcome(), ("FAIL", "Expired"));
    bench.stop().await;
}

#[tokio::test]
async fn a_call_tells_how_it_went() {
    let bench = Bench::new();
    let id = bench.start(NUMBER, "callout").await.id();
    let report = json!({ "method": "callout", "callout": { "code": bench.code(NUMBER).await } });
    bench.send(Method::PUT, &format!("{VERIFICATIONS}/id/{id}"), &report).await;
    let status = bench.status(&id).await.body;
    assert_eq!((&status["callComplete"], &status["callResult"]), (&json!(true), &json!("ANSWERED")));
    bench.stop().await;
}

#[tokio::test]
async fn a_handset_that_opens_the_target_completes_a_seamless_verification() {
    let bench = Bench::new();
    let started = bench.start(NUMBER, "seamless").await;
    let target = started.body["seamless"]["targetUri"].as_str().unwrap();
    assert_eq!(bench.client.get(target).send().await.unwrap().status(), 200);
    assert_eq!(bench.status(&started.id()).await.outcome(), ("SUCCESSFUL", ""));
    assert_eq!(bench.client.get(target).send().await.unwrap().status(), 404);
    bench.stop().await;
}
