//! Requests that the official SDKs sent, replayed byte for byte.

use reqwest::Method;
use serde_json::Value;
use sinch_simulator::{DEVELOPMENT_KEY, Settings};

use crate::support::{Answer, Bench, VERIFICATIONS, read, start_body};

async fn replay(bench: &Bench, recorded: &Value) -> Answer {
    let field = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
    let method = Method::from_bytes(field("verb").as_bytes()).unwrap();
    let request = bench
        .client
        .request(method, bench.url(&field("path")))
        .header("content-type", field("content_type"))
        .header("x-timestamp", field("x_timestamp"))
        .header("authorization", format!("Application {DEVELOPMENT_KEY}:{}", field("signature")))
        .body(field("body"));
    read(request.send().await.unwrap()).await
}

async fn replay_all(file: &str) -> Vec<(Value, Answer)> {
    let bench = Bench::at("2026-11-23T01:25:30Z", Settings::default());
    let mut answers = Vec::new();
    for line in file.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let answer = replay(&bench, &recorded).await;
        answers.push((recorded, answer));
    }
    bench.stop().await;
    answers
}

#[tokio::test]
async fn every_recorded_request_passes_the_signature_check() {
    let node = include_str!("../vectors/node-sdk-1.4.0.jsonl");
    let python = include_str!("../vectors/python-sdk-1.1.4.jsonl");
    for file in [node, python] {
        for (recorded, answer) in replay_all(file).await {
            let expected = match (recorded["verb"].as_str().unwrap(), recorded["path"].as_str().unwrap()) {
                // A reference that is used twice, or a number that cannot be.
                ("POST", _) if recorded["body"].as_str().unwrap().contains("+10000000000") => 400,
                ("POST", _) => 200,
                ("PUT", path) if path.contains("/number/") => 400,
                // Written for ids that only the recording stub knew.
                ("PUT", _) => 404,
                (_, path) if path.ends_with("/nope") || path.contains("/id/") => 404,
                (_, path) if path.ends_with("/ref-1") && file == node => 404,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{recorded} {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_recorded_request_is_refused_when_it_is_old_or_changed() {
    let recorded: Value =
        serde_json::from_str(include_str!("../vectors/node-sdk-1.4.0.jsonl").lines().nth(1).unwrap())
            .unwrap();
    let later = Bench::at("2026-11-23T01:31:00Z", Settings::default());
    assert_eq!(replay(&later, &recorded).await.code(), (401, 40101));
    later.stop().await;

    let bench = Bench::at("2026-11-23T01:25:30Z", Settings::default());
    let mut changed = recorded.clone();
    changed["body"] = start_body("+46709999999", "sms").to_string().into();
    assert_eq!(replay(&bench, &changed).await.code(), (401, 40102));
    assert_eq!(replay(&bench, &recorded).await.status, 200);
    bench.stop().await;
}

#[tokio::test]
async fn a_request_without_credentials_is_refused() {
    let bench = Bench::new();
    let answer = bench.client.get(bench.url(&format!("{VERIFICATIONS}/id/x"))).send().await.unwrap();
    assert_eq!(read(answer).await.code(), (401, 40104));
    bench.stop().await;
}
