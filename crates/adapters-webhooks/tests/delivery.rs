//! Deliveries to an endpoint that answers, hangs, resets and lies as it is told.

#![expect(clippy::expect_used, reason = "support of tests")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use adapters_webhooks::{Endpoint, Secret, Webhooks, parse_url};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{EndpointName, EventId, EventName, UserId};
use jiff::Timestamp;
use ports::{Clock, WebhookEvent, WebhookFault, WebhookSender as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

const OLD: &str = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";
/// 2026-03-14T15:09:26Z
const NOW: i64 = 1_773_500_966;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).expect("in range")
    }
}

/// What the endpoint does with every request.
#[derive(Clone)]
enum Do {
    Answer(&'static str),
    Flood,
    Reset,
    Hang,
}

struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn that(does: Do) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, does.clone(), log.clone()));
            }
        });
        Self { url, received }
    }

    fn requests(&self) -> Vec<String> {
        self.received.lock().expect("unpoisoned").clone()
    }
}

async fn serve(mut stream: TcpStream, does: Do, log: Arc<Mutex<Vec<String>>>) {
    let mut bytes = vec![0; 4096];
    let mut text = String::new();
    // The body ends with the data's and its own brace.
    while !text.ends_with("}}") {
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        text.push_str(std::str::from_utf8(bytes.get(..read).unwrap_or_default()).expect("text"));
    }
    log.lock().expect("unpoisoned").push(text);
    match does {
        Do::Answer(head) => drop(stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await),
        Do::Flood => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
            let mut open = stream.write_all(head).await.is_ok();
            while open {
                open = stream.write_all(&[b' '; 4096]).await.is_ok();
            }
        }
        Do::Reset => stream.set_zero_linger().expect("a socket"),
        Do::Hang => std::future::pending().await,
    }
}

fn name(text: &str) -> EndpointName {
    EndpointName::parse(text).expect("a name")
}

fn endpoint(url: &str, previous_secret: Option<&str>) -> Endpoint {
    Endpoint {
        name: name("a"),
        url: parse_url(url, true).expect("a URL"),
        secret: Secret::parse(NEW).expect("a secret"),
        previous_secret: previous_secret.map(|text| Secret::parse(text).expect("a secret")),
    }
}

fn webhooks(endpoint: Endpoint) -> Webhooks {
    let webhooks = Webhooks::new(vec![endpoint], Arc::new(Stopped)).expect("TLS");
    webhooks.with_timeout(Duration::from_millis(500))
}

fn event() -> WebhookEvent {
    WebhookEvent {
        id: EventId(Uuid::from_u128(7)),
        name: EventName::UserCreated,
        user_id: UserId(Uuid::from_u128(8)),
        session_id: None,
        occurred_at: Timestamp::UNIX_EPOCH,
    }
}

async fn deliver(receiver: &Receiver) -> Result<(), WebhookFault> {
    webhooks(endpoint(&receiver.url, None)).deliver(&name("a"), &event()).await
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = |line: &'a str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name));
    request.lines().find_map(line).map(|(_, value)| value).expect("the header")
}

/// As a receiver would do it, by the specification.
fn is_signed(request: &str, signature: &str, secret: &str) -> bool {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).expect("Base64");
    let (_, body) = request.split_once("\r\n\r\n").expect("a body");
    let signed = [header(request, "webhook-id"), header(request, "webhook-timestamp"), body].join(".");
    let tag = BASE64_STANDARD.decode(signature.trim_start_matches("v1,")).expect("Base64");
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).is_ok()
}

#[tokio::test]
async fn a_delivery_is_one_signed_post() {
    let receiver = Receiver::that(Do::Answer("204 No Content")).await;
    assert_eq!(deliver(&receiver).await, Ok(()));

    let [request] = <[String; 1]>::try_from(receiver.requests()).expect("one request");
    assert!(request.starts_with("POST /hooks HTTP/1.1\r\n"));
    assert_eq!(header(&request, "content-type"), "application/json");
    assert_eq!(header(&request, "webhook-id"), Uuid::from_u128(7).to_string());
    assert_eq!(header(&request, "webhook-timestamp"), NOW.to_string());
    let signature = header(&request, "webhook-signature");
    assert!(is_signed(&request, signature, NEW) && !is_signed(&request, signature, OLD));
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign() {
    let receiver = Receiver::that(Do::Answer("200 OK\r\ncontent-length: 0")).await;
    let webhooks = webhooks(endpoint(&receiver.url, Some(OLD)));
    assert_eq!(webhooks.deliver(&name("a"), &event()).await, Ok(()));

    let [request] = <[String; 1]>::try_from(receiver.requests()).expect("one request");
    let (new, old) = header(&request, "webhook-signature").split_once(' ').expect("two signatures");
    assert!(is_signed(&request, new, NEW) && is_signed(&request, old, OLD));
}

#[tokio::test]
async fn only_2xx_is_success() {
    for (head, outcome) in [
        ("200 OK\r\ncontent-length: 0", Ok(())),
        ("202 Accepted\r\ncontent-length: 0", Ok(())),
        ("301 Moved\r\nlocation: /hooks\r\ncontent-length: 0", Err(WebhookFault::Refused(301))),
        ("307 Moved\r\nlocation: /hooks\r\ncontent-length: 0", Err(WebhookFault::Refused(307))),
        ("400 Bad Request\r\ncontent-length: 0", Err(WebhookFault::Refused(400))),
        ("410 Gone\r\ncontent-length: 0", Err(WebhookFault::Gone)),
        ("503 Unavailable\r\ncontent-length: 0", Err(WebhookFault::Refused(503))),
    ] {
        let receiver = Receiver::that(Do::Answer(head)).await;
        assert_eq!(deliver(&receiver).await, outcome, "{head}");
        assert_eq!(receiver.requests().len(), 1, "{head}");
    }
}

#[tokio::test]
async fn asvs_13_1_3_a_hanging_endpoint_costs_no_more_than_the_time_set() {
    let receiver = Receiver::that(Do::Hang).await;
    let begun = Instant::now();
    assert_eq!(deliver(&receiver).await, Err(WebhookFault::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let receiver = Receiver::that(Do::Flood).await;
    assert_eq!(deliver(&receiver).await, Ok(()));
}

#[tokio::test]
async fn a_broken_connection_is_a_fault_that_names_no_url() {
    let receiver = Receiver::that(Do::Reset).await;
    let reset = deliver(&receiver).await;
    let closed =
        webhooks(endpoint("http://127.0.0.1:1/token-in-path", None)).deliver(&name("a"), &event()).await;
    let lying = Receiver::that(Do::Answer("not HTTP at all")).await;
    for fault in [reset, closed, deliver(&lying).await] {
        assert!(
            matches!(&fault, Err(WebhookFault::Unreachable(text)) if !text.contains("token")),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_nobody_configured_is_not_called() {
    let receiver = Receiver::that(Do::Answer("200 OK")).await;
    let webhooks = webhooks(endpoint(&receiver.url, None));
    assert_eq!(webhooks.deliver(&name("b"), &event()).await, Err(WebhookFault::Unknown));
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn a_test_message_is_signed_alike() {
    let receiver = Receiver::that(Do::Answer("200 OK\r\ncontent-length: 0")).await;
    let webhooks = webhooks(endpoint(&receiver.url, None));
    assert_eq!(webhooks.test(&name("a"), Uuid::from_u128(9)).await, Ok(()));
    let [request] = <[String; 1]>::try_from(receiver.requests()).expect("one request");
    assert!(is_signed(&request, header(&request, "webhook-signature"), NEW));
    assert!(request.contains(r#""type":"webhook_test""#));
}
