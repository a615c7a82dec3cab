//! Whatever Sinch does, a call ends in time and others do not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adapters_sinch::{Auth, Settings, trace_context};
use domain::Channel;
use ports::{CodeCheck, Dependency as _, NotSent, StartError, VerificationProvider as _};

use crate::scripted::{Do, Received, Scripted};
use crate::world::*;

fn successful() -> Do {
    Do::Answer(200, format!(r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL"}}"#))
}

fn impatient(url: &str) -> Settings {
    Settings { timeout: Duration::from_millis(400), ..settings(url) }
}

#[tokio::test]
async fn asvs_13_1_3_a_hanging_provider_costs_no_more_than_the_time_set() {
    let server = Scripted::new(|_: &Received| Do::Hang).await;
    let adapter = adapter(&impatient(&server.url()));
    let begun = Instant::now();
    let (start, found, checked) = tokio::join!(
        async { adapter.start(&request()).await },
        async { adapter.find(reference(), &phone(), Channel::Sms).await },
        async { adapter.check(&verification(), &code()).await },
    );
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(matches!(start, Err(StartError::Unknown(_))));
    assert!(found.is_err() && checked.is_err());
    assert_eq!(server.count("POST"), 1);
}

#[tokio::test]
async fn pv_04_a_provider_that_is_down_is_not_asked_and_comes_back_after_one_probe() {
    let healthy = Arc::new(AtomicBool::new(false));
    let server = Scripted::new({
        let healthy = Arc::clone(&healthy);
        move |_: &Received| {
            if healthy.load(Ordering::SeqCst) { successful() } else { Do::Answer(503, error(50300)) }
        }
    })
    .await;
    let adapter = adapter(&settings(&server.url()));
    for _ in 0..5 {
        assert!(adapter.is_available() && adapter.probe().await.is_ok());
        assert!(adapter.check(&verification(), &code()).await.is_err());
    }
    assert!(!adapter.is_available() && adapter.probe().await.is_err());
    assert_eq!(adapter.name(), "provider");

    let begun = Instant::now();
    for _ in 0..100 {
        assert!(adapter.check(&verification(), &code()).await.is_err());
        assert!(adapter.find(reference(), &phone(), Channel::Sms).await.is_err());
        let start = adapter.start(&request()).await;
        assert!(matches!(start, Err(StartError::NotSent(NotSent::Fault(_)))));
    }
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(server.received().len(), 5);

    // The probe fails: another pause.
    after(Duration::from_secs(10)).await;
    assert!(adapter.check(&verification(), &code()).await.is_err());
    assert!(adapter.check(&verification(), &code()).await.is_err());
    assert_eq!(server.received().len(), 6);

    healthy.store(true, Ordering::SeqCst);
    after(Duration::from_secs(10)).await;
    assert!(adapter.is_available());
    assert_eq!(adapter.check(&verification(), &code()).await, Ok(CodeCheck::Accepted));
    assert!(adapter.probe().await.is_ok());
}

/// Lets time pass without waiting for it.
async fn after(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn refusals_are_answers_and_open_no_breaker() {
    for refusal in [400, 401, 403, 404, 429] {
        let server = Scripted::new(move |_: &Received| Do::Answer(refusal, String::new())).await;
        let adapter = adapter(&settings(&server.url()));
        for _ in 0..10 {
            let _ = adapter.check(&verification(), &code()).await;
        }
        assert!(adapter.is_available());
        assert_eq!(server.received().len(), 10);
    }
}

#[tokio::test]
async fn pv_04_calls_beyond_the_bound_wait_for_half_of_their_time() {
    let server = Scripted::new(|request: &Received| match request.verb.as_str() {
        "GET" => Do::Hang,
        _ => successful(),
    })
    .await;
    let adapter = adapter(&Settings { max_concurrent_calls: 1, ..impatient(&server.url()) });
    let begun = Instant::now();
    let (found, start) =
        tokio::join!(async { adapter.find(reference(), &phone(), Channel::Sms).await }, async {
            adapter.start(&request()).await
        },);
    assert!(found.is_err());
    // No place became free in time: certainly nothing was sent.
    assert!(matches!(start, Err(StartError::NotSent(NotSent::Fault(_)))), "{start:?}");
    assert_eq!(server.count("POST"), 0);
    assert!(begun.elapsed() < Duration::from_secs(2));
    // The place is free again.
    assert_eq!(adapter.check(&verification(), &code()).await, Ok(CodeCheck::Accepted));
}

#[tokio::test]
async fn asvs_15_3_2_redirects_are_not_followed() {
    let elsewhere = Scripted::new(|_: &Received| successful()).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/verification/v1/verifications/id/{ID}", elsewhere.url());
        let server = Scripted::new(move |_: &Received| {
            Do::Raw(format!("HTTP/1.1 {status} X\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"))
        })
        .await;
        assert!(adapter(&settings(&server.url())).check(&verification(), &code()).await.is_err());
        assert_eq!(server.received().len(), 1);
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn an_answer_of_64_kib_is_read_and_a_larger_one_is_not() {
    for (padding, accepted) in [(64 * 1024 - 100, true), (64 * 1024, false)] {
        let body = format!(r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL"{}}}"#, " ".repeat(padding));
        let server = Scripted::new(move |_: &Received| Do::Answer(200, body.clone())).await;
        let end = adapter(&settings(&server.url())).check(&verification(), &code()).await;
        assert_eq!(end.is_ok(), accepted, "{end:?}");
    }
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let server = Scripted::new(|_: &Received| successful()).await;
    let adapter = adapter(&settings(&server.url()));
    for _ in 0..20 {
        assert_eq!(adapter.check(&verification(), &code()).await, Ok(CodeCheck::Accepted));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_trace_context_is_passed_on() {
    let server = Scripted::new(|_: &Received| successful()).await;
    let adapter = adapter(&settings(&server.url()));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    trace_context::scope(traceparent.to_owned(), adapter.check(&verification(), &code()))
        .await
        .expect("an answer");
    adapter.check(&verification(), &code()).await.expect("an answer");
    let received = server.received();
    assert_eq!(received[0].headers.get("traceparent").map(String::as_str), Some(traceparent));
    assert!(!received[1].headers.contains_key("traceparent"));
}

#[tokio::test]
async fn basic_credentials_are_sent_when_asked_for() {
    let server = Scripted::new(|_: &Received| successful()).await;
    let settings = Settings { auth: Auth::Basic, ..settings(&server.url()) };
    adapter(&settings).check(&verification(), &code()).await.expect("an answer");
    let received = server.received();
    assert_eq!(
        received[0].headers.get("authorization").map(String::as_str),
        Some("Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1Ok1ERXlNelExTmpjNE9XRmlZMlJsWmc9PQ==")
    );
    assert!(!received[0].headers.contains_key("x-timestamp"));
}
