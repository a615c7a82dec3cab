use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sinch_simulator::{Settings, WrongCodeAnswer};

use crate::support::{Bench, NUMBER, VERIFICATIONS, start_body};

#[tokio::test]
async fn the_right_code_succeeds_once() {
    let bench = Bench::new();
    let id = bench.start(NUMBER, "sms").await.id();
    let code = bench.code(NUMBER).await;
    let answer = bench.report(&id, &code).await;
    assert_eq!(answer.body, json!({ "id": id, "method": "sms", "status": "SUCCESSFUL" }));
    assert_eq!(bench.report(&id, &code).await.code(), (404, 40400));
    bench.stop().await;
}

#[tokio::test]
async fn a_wrong_code_is_40003_and_may_be_corrected() {
    let bench = Bench::new();
    let id = bench.start(NUMBER, "sms").await.id();
    let wrong = bench.report(&id, "none").await;
    assert_eq!(wrong.code(), (400, 40003));
    assert_eq!(wrong.body["message"], "Invalid identity or code.");
    assert_eq!(bench.status(&id).await.outcome(), ("PENDING", ""));
    assert_eq!(bench.report(&id, &bench.code(NUMBER).await).await.outcome(), ("SUCCESSFUL", ""));
    bench.stop().await;
}

#[tokio::test]
async fn a_wrong_code_may_be_answered_as_fail_instead() {
    let bench = Bench::with(Settings { wrong_code_answer: WrongCodeAnswer::Fail, ..Settings::default() });
    let id = bench.start(NUMBER, "sms").await.id();
    assert_eq!(bench.report(&id, "none").await.outcome(), ("FAIL", "Invalid code"));
    assert_eq!(bench.report(&id, &bench.code(NUMBER).await).await.outcome(), ("SUCCESSFUL", ""));
    bench.stop().await;
}

#[tokio::test]
async fn too_many_wrong_codes_end_it_even_for_the_right_one() {
    let bench = Bench::with(Settings { wrong_codes_allowed: 3, ..Settings::default() });
    let id = bench.start(NUMBER, "sms").await.id();
    for _ in 0..2 {
        assert_eq!(bench.report(&id, "none").await.code(), (400, 40003));
    }
    assert_eq!(bench.report(&id, "none").await.outcome(), ("FAIL", "Invalid code"));
    assert_eq!(bench.report(&id, &bench.code(NUMBER).await).await.outcome(), ("FAIL", "Invalid code"));
    assert_eq!(bench.status(&id).await.outcome(), ("FAIL", "Invalid code"));
    bench.stop().await;
}

#[tokio::test]
async fn a_code_lives_exactly_as_long_as_was_asked() {
    let bench = Bench::new();
    for (expiry, seconds) in [(None, 300), (Some("00:10:00"), 600), (Some("01:00:01"), 3601)] {
        let mut body = start_body(NUMBER, "sms");
        body["smsOptions"] = json!({ "expiry": expiry });
        let id = bench.send(Method::POST, VERIFICATIONS, &body).await.id();
        let code = bench.code(NUMBER).await;
        bench.clock.forward(Duration::from_secs(seconds - 1));
        assert_eq!(bench.status(&id).await.outcome(), ("PENDING", ""));
        bench.clock.forward(Duration::from_secs(1));
        assert_eq!(bench.report(&id, &code).await.outcome(), ("FAIL", "Expired"));
        assert_eq!(bench.status(&id).await.outcome(), ("FAIL", "Expired"));
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_report_by_number_meets_the_latest_of_its_method() {
    let bench = Bench::new();
    let body = |code: &str| json!({ "method": "sms", "sms": { "code": code } });
    for path in ["+46701234567", "%2B46701234567"] {
        let path = format!("{VERIFICATIONS}/number/{path}");
        bench.start(NUMBER, "sms").await;
        let id = bench.start(NUMBER, "sms").await.id();
        let right = body(&bench.code(NUMBER).await);
        bench.start(NUMBER, "callout").await;
        assert_eq!(bench.send(Method::PUT, &path, &body("none")).await.code(), (400, 40003));
        assert_eq!(bench.send(Method::PUT, &path, &right).await.id(), id);
    }
    let nobody = format!("{VERIFICATIONS}/number/+46709999999");
    assert_eq!(bench.send(Method::PUT, &nobody, &body("1")).await.code(), (404, 40400));
    bench.stop().await;
}

#[tokio::test]
async fn calls_are_reported_in_their_own_words() {
    let bench = Bench::new();
    let flash = bench.start(NUMBER, "flashcall").await.id();
    let path = format!("{VERIFICATIONS}/id/{flash}");
    let cli = format!("+{}", bench.code(NUMBER).await);
    let wrong = json!({ "method": "flashcall", "flashcall": { "cli": "+46000000000" } });
    assert_eq!(bench.send(Method::PUT, &path, &wrong).await.code(), (400, 40003));
    let right = json!({ "method": "FlashCall", "flashCall": { "cli": cli } });
    let answer = bench.send(Method::PUT, &path, &right).await;
    assert_eq!(
        answer.body,
        json!({ "id": flash, "method": "flashcall", "status": "SUCCESSFUL", "callComplete": true })
    );

    let chat = bench.start(NUMBER, "whatsapp").await.id();
    let mixed_up = json!({ "method": "sms", "sms": { "code": bench.code(NUMBER).await } });
    let path = format!("{VERIFICATIONS}/id/{chat}");
    assert_eq!(bench.send(Method::PUT, &path, &mixed_up).await.code(), (400, 40003));
    bench.stop().await;
}

#[tokio::test]
async fn what_was_never_started_is_not_found() {
    let bench = Bench::new();
    assert_eq!(bench.report("018bdf5b-8e85-1d11-d2ed-710fb8a2861f", "123456").await.code(), (404, 40400));
    bench.stop().await;
}
