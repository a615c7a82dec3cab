use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sinch_simulator::Settings;

use crate::support::{Bench, NUMBER, VERIFICATIONS, read, start_body};

#[tokio::test]
async fn a_start_answers_as_the_captures_do() {
    let bench = Bench::new();
    let request = bench.request(Method::POST, VERIFICATIONS).header("accept-language", "sv-SE;q=0.9, zh");
    let response = request.json(&start_body(NUMBER, "sms")).send().await.unwrap();
    assert_eq!(response.headers()["content-language"], "sv-SE");
    assert_eq!(response.headers()["expires"], "-1");
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");

    let answer = read(response).await;
    let href = bench.url(&format!("{VERIFICATIONS}/id/{}", answer.id()));
    let expected = json!({
        "id": answer.id(),
        "method": "sms",
        "sms": {
            "template": "Din verifieringskod är {{CODE}}.",
            "interceptionTimeout": 298,
            "codeType": "Numeric",
        },
        "_links": [
            { "rel": "status", "href": href, "method": "GET" },
            { "rel": "report", "href": href, "method": "PUT" },
        ],
    });
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert!(!answer.body.to_string().contains(&bench.code(NUMBER).await));
    bench.stop().await;
}

#[tokio::test]
async fn each_method_answers_with_its_own_object() {
    let bench = Bench::new();
    let flash = bench.start(NUMBER, "flashCall").await.body;
    assert_eq!(flash["method"], "flashcall");
    assert_eq!(
        (&flash["flashCall"]["interceptionTimeout"], &flash["flashCall"]["reportTimeout"]),
        (&json!(45), &json!(75))
    );
    assert!(flash["flashCall"]["cliFilter"].as_str().unwrap().starts_with("(.*)"));
    let callout = bench.start(NUMBER, "callout").await.body;
    assert!(callout["callout"].is_null() && callout["id"].is_string());
    let seamless = bench.start(NUMBER, "seamless").await.body;
    assert!(seamless["seamless"]["targetUri"].as_str().unwrap().starts_with(&bench.url("/seamless/")));
    let whatsapp = bench.start(NUMBER, "whatsapp").await.body;
    assert_eq!(whatsapp["whatsapp"], json!({ "codeType": "Numeric" }));

    let channels: Vec<_> =
        bench.messages(NUMBER).await.into_iter().map(|message| message["channel"].clone()).collect();
    assert_eq!(channels, ["whatsapp", "voice", "flashcall"]);
    bench.stop().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_with_its_documented_code() {
    let bench = Bench::with(Settings { resend_gap: Duration::from_secs(10), ..Settings::default() });
    let refused = bench.start("+4813", "sms").await;
    assert_eq!(refused.code(), (400, 40001));
    assert_eq!(refused.body["message"], "Number +4813 is invalid.  Too short.");
    assert!(refused.body["reference"].is_string());

    let mut named = start_body(NUMBER, "sms");
    named["reference"] = json!("order-17");
    assert_eq!(bench.send(Method::POST, VERIFICATIONS, &named).await.status, 200);
    assert_eq!(bench.send(Method::POST, VERIFICATIONS, &named).await.code(), (409, 40900));
    assert_eq!(bench.start(NUMBER, "sms").await.code(), (429, 42901));
    bench.clock.forward(Duration::from_secs(10));
    assert_eq!(bench.start(NUMBER, "sms").await.status, 200);
    bench.stop().await;
}

#[tokio::test]
async fn a_newer_start_aborts_the_older_of_its_method_and_number() {
    let bench = Bench::new();
    let (older, call) = (bench.start(NUMBER, "sms").await.id(), bench.start(NUMBER, "callout").await.id());
    let code = bench.messages(NUMBER).await[1]["code"].as_str().unwrap().to_owned();
    bench.start(NUMBER, "sms").await;
    assert_eq!(bench.status(&older).await.outcome(), ("ABORTED", ""));
    assert_eq!(bench.status(&call).await.outcome(), ("PENDING", ""));
    assert_eq!(bench.report(&older, &code).await.code(), (404, 40400));
    bench.stop().await;
}

#[tokio::test]
async fn codes_have_the_asked_form() {
    let bench = Bench::with(Settings { code_length: 8, ..Settings::default() });
    let mut body = start_body(NUMBER, "sms");
    body["smsOptions"] = json!({ "codeType": "Alpha" });
    let id = bench.send(Method::POST, VERIFICATIONS, &body).await.id();
    let code = bench.code(NUMBER).await;
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
    assert_eq!(bench.report(&id, &code.to_lowercase()).await.outcome(), ("SUCCESSFUL", ""));
    bench.stop().await;
}

#[tokio::test]
async fn bodies_over_64_kib_and_wrong_methods_get_errors_in_the_providers_shape() {
    let bench = Bench::new();
    let mut large = start_body(NUMBER, "sms");
    large["custom"] = json!("x".repeat(64 * 1024));
    assert_eq!(bench.send(Method::POST, VERIFICATIONS, &large).await.code(), (413, 41300));
    assert_eq!(bench.send(Method::DELETE, VERIFICATIONS, &json!({})).await.code(), (405, 40500));
    assert_eq!(bench.get("/verification/v2/nothing").await.code(), (404, 40400));
    bench.stop().await;
}

#[tokio::test]
async fn analytics_of_mobile_sdks_are_taken() {
    let bench = Bench::new();
    let body = json!({ "method": "flashcall", "data": { "lateCall": true, "noCall": false } });
    let answer = bench.send(Method::PATCH, &format!("{VERIFICATIONS}/number/{NUMBER}"), &body).await;
    assert_eq!((answer.status, answer.body), (200, json!({})));
    bench.stop().await;
}
