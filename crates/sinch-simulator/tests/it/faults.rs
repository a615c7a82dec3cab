use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sinch_simulator::{FaultKind, MAGIC_NUMBERS, MagicNumber, Operation, Settings};

use crate::support::{Answer, Bench, NUMBER, VERIFICATIONS, read, start_body};

fn bench() -> Bench {
    Bench::with(Settings { slow_answer: Duration::from_millis(1), ..Settings::default() })
}

/// What a magic number should come to.
enum Expected {
    Refused(u16, u64),
    Ended(&'static str, &'static str),
    Silence,
    NoJson,
    Fine,
    OtherId,
    WrongIsFail,
}

fn expected(kind: FaultKind) -> Expected {
    match kind {
        FaultKind::NoCredit => Expected::Refused(402, 40200),
        FaultKind::Blacklisted => Expected::Refused(403, 40300),
        FaultKind::DestinationDenied => Expected::Ended("DENIED", "Destination denied"),
        FaultKind::Fraud => Expected::Ended("DENIED", "Fraud"),
        FaultKind::Unreachable => Expected::Ended("ERROR", "Network error or number unreachable"),
        FaultKind::DeliveryFailure => Expected::Ended("ERROR", "SMS delivery failure"),
        FaultKind::ExpiredAtOnce => Expected::Ended("FAIL", "Expired"),
        FaultKind::ApplicationNameless => Expected::Refused(422, 42200),
        FaultKind::NoRoute => Expected::Refused(422, 42201),
        FaultKind::TooQuickly => Expected::Refused(429, 42901),
        FaultKind::CapacityExceeded => Expected::Refused(429, 42900),
        FaultKind::ServerError => Expected::Refused(500, 50000),
        FaultKind::Unavailable => Expected::Refused(503, 50300),
        FaultKind::Misconfigured => Expected::Refused(503, 50301),
        FaultKind::SignatureRefused => Expected::Refused(401, 40102),
        FaultKind::Slow => Expected::Fine,
        FaultKind::Dropped | FaultKind::AnswerLost | FaultKind::Truncated => Expected::Silence,
        FaultKind::Garbage => Expected::NoJson,
        FaultKind::OtherId => Expected::OtherId,
        FaultKind::WrongCodeIsFail => Expected::WrongIsFail,
    }
}

/// `None` when no whole answer came.
async fn try_start(bench: &Bench, number: &str) -> Option<Answer> {
    let request = bench.request(Method::POST, VERIFICATIONS).json(&start_body(number, "sms"));
    whole(request.send().await).await
}

async fn try_report(bench: &Bench, id: &str, code: &str) -> Option<Answer> {
    let body = json!({ "method": "sms", "sms": { "code": code } });
    whole(bench.request(Method::PUT, &format!("{VERIFICATIONS}/id/{id}")).json(&body).send().await).await
}

async fn whole(response: reqwest::Result<reqwest::Response>) -> Option<Answer> {
    let response = response.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}

#[tokio::test]
async fn every_magic_number_spoils_its_start_as_the_table_says() {
    let bench = bench();
    for magic in MAGIC_NUMBERS.iter().filter(|magic| magic.on == Operation::Start) {
        let answer = try_start(&bench, magic.number).await;
        let latest = format!("{VERIFICATIONS}/sms/number/{}", magic.number);
        match expected(magic.kind) {
            Expected::Refused(status, code) => {
                assert_eq!(answer.unwrap().code(), (status, code), "{magic:?}");
            }
            Expected::Ended(status, reason) => {
                let id = answer.unwrap().id();
                assert_eq!(bench.status(&id).await.outcome(), (status, reason), "{magic:?}");
                assert_eq!(bench.report(&id, "none").await.outcome(), (status, reason), "{magic:?}");
            }
            Expected::Silence => assert!(answer.is_none(), "{magic:?}"),
            Expected::NoJson => assert!(answer.unwrap().body.is_string(), "{magic:?}"),
            Expected::Fine => {
                assert_eq!(bench.status(&answer.unwrap().id()).await.outcome(), ("PENDING", ""));
            }
            Expected::OtherId | Expected::WrongIsFail => panic!("{magic:?} is no fault of a start"),
        }
        if magic.kind == FaultKind::Blacklisted {
            assert_eq!(bench.get(&latest).await.outcome(), ("DENIED", "Blocked"));
        }
        assert_eq!(!bench.messages(magic.number).await.is_empty(), delivers(magic.kind), "{magic:?}");
    }
    bench.stop().await;
}

fn delivers(kind: FaultKind) -> bool {
    use FaultKind::{AnswerLost, ExpiredAtOnce, Garbage, Slow, Truncated};
    matches!(kind, AnswerLost | ExpiredAtOnce | Garbage | Slow | Truncated)
}

#[tokio::test]
async fn every_magic_number_spoils_its_report_as_the_table_says() {
    let bench = bench();
    for magic in MAGIC_NUMBERS.iter().filter(|magic| magic.on == Operation::Report) {
        let id = bench.start(magic.number, "sms").await.id();
        let code = bench.code(magic.number).await;
        spoiled_report(&bench, magic, &id, &code).await;
        assert_eq!(bench.status(&id).await.outcome().0, after(magic.kind), "{magic:?}");
    }
    bench.stop().await;
}

async fn spoiled_report(bench: &Bench, magic: &MagicNumber, id: &str, code: &str) {
    match expected(magic.kind) {
        Expected::Refused(status, error) => {
            assert_eq!(try_report(bench, id, code).await.unwrap().code(), (status, error), "{magic:?}");
        }
        Expected::Silence => assert!(try_report(bench, id, code).await.is_none(), "{magic:?}"),
        Expected::NoJson => assert!(try_report(bench, id, code).await.unwrap().body.is_string()),
        Expected::Fine => assert_eq!(bench.report(id, code).await.outcome(), ("SUCCESSFUL", "")),
        Expected::OtherId => {
            let answer = bench.report(id, code).await;
            assert_eq!(answer.outcome(), ("SUCCESSFUL", ""));
            assert_ne!(answer.id(), id);
        }
        Expected::WrongIsFail => {
            assert_eq!(bench.report(id, "none").await.outcome(), ("FAIL", "Invalid code"));
        }
        Expected::Ended(..) => panic!("{magic:?} is no fault of a report"),
    }
}

fn after(kind: FaultKind) -> &'static str {
    use FaultKind::{Dropped, ServerError, Unavailable, WrongCodeIsFail};
    match kind {
        ServerError | Unavailable | Dropped | WrongCodeIsFail => "PENDING",
        _ => "SUCCESSFUL",
    }
}

#[tokio::test]
async fn a_lost_answer_ends_before_its_head_and_a_truncated_one_after_it() {
    let bench = bench();
    for kind in ["dropped", "answer_lost", "truncated"] {
        bench.plan(json!({ "kind": kind })).await;
        let request = bench.request(Method::POST, VERIFICATIONS).json(&start_body(NUMBER, "sms"));
        let response = request.send().await;
        assert_eq!(response.is_ok(), kind == "truncated", "{kind}");
        if let Ok(response) = response {
            assert_eq!(response.status(), 200);
            assert!(response.text().await.is_err());
        }
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_planned_fault_spoils_the_next_requests_that_fit_and_no_more() {
    let bench = bench();
    bench.plan(json!({ "kind": "server_error", "on": "start", "number": NUMBER, "times": 2 })).await;
    assert_eq!(bench.start("+46707654321", "sms").await.status, 200);
    assert_eq!(bench.start(NUMBER, "sms").await.code(), (500, 50000));
    assert_eq!(bench.start(NUMBER, "callout").await.code(), (500, 50000));
    let id = bench.start(NUMBER, "sms").await.id();

    bench.plan(json!({ "kind": "unavailable" })).await;
    assert_eq!(bench.status(&id).await.code(), (503, 50300));
    assert_eq!(bench.status(&id).await.outcome(), ("PENDING", ""));
    bench.stop().await;
}

#[tokio::test]
async fn planned_faults_are_listed_and_forgotten() {
    let bench = bench();
    bench.plan(json!({ "kind": "answer_lost", "on": "report" })).await;
    let list = bench.get("/faults").await.body;
    assert_eq!(
        list,
        json!({ "faults": [{ "kind": "answer_lost", "on": "report", "number": null, "times": 1 }] })
    );
    assert_eq!(bench.request(Method::DELETE, "/faults").send().await.unwrap().status(), 204);
    assert_eq!(bench.get("/faults").await.body, json!({ "faults": [] }));

    for wrong in [json!({}), json!({ "kind": "unheard_of" }), json!({ "kind": "slow", "after": 1 })] {
        assert_eq!(bench.send(Method::POST, "/faults", &wrong).await.code(), (400, 40001), "{wrong}");
    }
    let as_a_form = bench
        .request(Method::POST, "/faults")
        .header("content-type", "text/plain")
        .body("{\"kind\":\"slow\"}");
    assert_eq!(read(as_a_form.send().await.unwrap()).await.code(), (415, 41500));
    bench.stop().await;
}

#[tokio::test]
async fn magic_numbers_are_served_as_the_table_has_them() {
    let bench = bench();
    let served = bench.get("/magic-numbers").await.body;
    assert_eq!(served, json!({ "magic_numbers": MAGIC_NUMBERS }));
    assert_eq!(served["magic_numbers"][0]["kind"], "no_credit");
    bench.stop().await;
}
