//! Bounds that every adapter on this crate has.

#![expect(clippy::unwrap_used, reason = "support of tests")]

use std::time::{Duration, Instant};

use provider_http::{Method, NoAnswer, ProviderHttp, base_url, is_plain_segment};
use testkit::http::{LocalServer, Reply};

fn http(origin: &str) -> ProviderHttp {
    ProviderHttp::new("Somebody", base_url(origin, false).unwrap(), Duration::from_millis(500)).unwrap()
}

#[tokio::test]
async fn d_18_an_answer_of_64_kib_is_read_and_a_larger_one_is_not() {
    for (bytes, read) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let server = LocalServer::that(move |_| Reply::new(200, &" ".repeat(bytes)));
        let http = http(server.origin());
        let answer = http.ask(http.request(Method::GET, "/"), http.deadline()).await;
        assert_eq!(answer.is_ok(), read);
        let status = http.status(http.request(Method::GET, "/"), http.deadline()).await;
        assert_eq!(status.unwrap(), 200);
    }
}

#[tokio::test]
async fn pv_01_a_request_that_never_left_is_told_from_one_that_may_have() {
    let closed = http("http://127.0.0.1:1");
    let end = closed.ask(closed.request(Method::POST, "/+46701740605"), closed.deadline()).await;
    let Err(NoAnswer::NotAsked(text)) = end else { panic!("it was refused") };
    assert!(!text.contains("4670") && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn asvs_13_1_3_one_deadline_is_for_a_whole_call() {
    let server = LocalServer::that(|_| {
        std::thread::sleep(Duration::from_millis(300));
        Reply::new(200, "{}")
    });
    let http = http(server.origin());
    let (begun, deadline) = (Instant::now(), http.deadline());
    assert!(http.ask(http.request(Method::GET, "/"), deadline).await.is_ok());
    let second = http.ask(http.request(Method::GET, "/"), deadline).await;
    assert!(matches!(second, Err(NoAnswer::Lost(text)) if text == "Somebody did not answer in time"));
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

#[test]
fn asvs_1_2_2_ids_that_would_change_a_path_are_none() {
    for good in ["VE0123", "018bdf5b-8e85-1d11", "a.b_c~d"] {
        assert!(is_plain_segment(good), "{good}");
    }
    for wrong in ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a b", "é", &"a".repeat(129)] {
        assert!(!is_plain_segment(wrong), "{wrong}");
    }
}
