//! Texts that are handed over by webhook.

#![expect(clippy::unwrap_used, reason = "support of tests")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapters_webhooks::{Secret, TextMessageWebhook, WebhookGateway, parse_url};
use domain::{PhoneNumber, SendReference};
use jiff::Timestamp;
use ports::contract::provider::Trouble;
use ports::{Clock, NotSent, StartError, TextMessage, TextMessageGateway as _};
use testkit::gateway::{GatewayReceiver, REFUSED, SECRET};
use testkit::http::{LocalServer, Reply};
use testkit::troubled::TroubledWay;
use uuid::Uuid;

const PHONE: &str = "+46701740605";
const OTHER: &str = "whsec_b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgISE=";

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn gateway(origin: &str, secret: &str, previous: Option<&str>) -> WebhookGateway {
    let webhook = TextMessageWebhook {
        url: parse_url(&format!("{origin}/texts?token=in-the-url"), true).unwrap(),
        secret: Secret::parse(secret).unwrap(),
        previous_secret: previous.map(|text| Secret::parse(text).unwrap()),
        timeout: Duration::from_millis(500),
    };
    WebhookGateway::new(webhook, Arc::new(Stopped)).unwrap()
}

fn text(number: &str) -> TextMessage {
    TextMessage {
        reference: SendReference(Uuid::from_u128(7)),
        phone: PhoneNumber::from_stored(number).unwrap(),
        text: "Acme: din kod är 123456.".into(),
        expires_at: "2026-03-14T15:09:26Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_text_is_one_signed_post() {
    let receiver = GatewayReceiver::start();
    let id = gateway(receiver.origin(), SECRET, None).send(&text(PHONE)).await.unwrap();
    let reference = Uuid::from_u128(7).to_string();
    assert_eq!(id.0, reference);
    let [request] = <[_; 1]>::try_from(receiver.requests()).unwrap();
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(
        request.body,
        format!(
            r#"{{"id":"{reference}","to":"{PHONE}","text":"Acme: din kod är 123456.","expires_at":"2026-03-14T15:09:26Z"}}"#
        )
    );
    assert_eq!(receiver.texts(PHONE).len(), 1, "its signature is right");
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign() {
    let receiver = GatewayReceiver::start();
    assert!(gateway(receiver.origin(), OTHER, Some(SECRET)).send(&text(PHONE)).await.is_ok());
    let unknown = gateway(receiver.origin(), OTHER, None).send(&text(PHONE)).await;
    assert!(matches!(unknown, Err(StartError::NotSent(NotSent::Fault(_)))), "{unknown:?}");
}

#[tokio::test]
async fn pv_01_every_answer_has_its_meaning_and_no_error_names_number_or_url() {
    let receiver = GatewayReceiver::start();
    let refused = gateway(receiver.origin(), SECRET, None).send(&text(REFUSED)).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{refused:?}");
    for (status, meaning) in [
        (200, "sent"),
        (204, "sent"),
        (400, "fault"),
        (401, "fault"),
        (404, "fault"),
        (429, "too soon"),
        (301, "unknown"),
        (307, "unknown"),
        (408, "unknown"),
        (500, "unknown"),
        (503, "unknown"),
    ] {
        let server = LocalServer::that(move |_| Reply::new(status, &format!("about {PHONE}")));
        let end = gateway(server.origin(), SECRET, None).send(&text(PHONE)).await;
        let told = match &end {
            Ok(_) => "sent",
            Err(StartError::NotSent(NotSent::Fault(_))) => "fault",
            Err(StartError::NotSent(NotSent::TooSoon)) => "too soon",
            Err(StartError::NotSent(NotSent::DestinationRefused(_))) => "refused",
            Err(StartError::Shielded { .. }) => "no gateway says this",
            Err(StartError::Unknown(_)) => "unknown",
        };
        assert_eq!(told, meaning, "{status}");
        let error = end.err().map(|error| format!("{error} {error:?}")).unwrap_or_default();
        assert!(!error.contains("4670") && !error.contains("token"), "{error}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn asvs_13_1_3_a_silent_gateway_costs_no_more_than_the_time_set() {
    let receiver = GatewayReceiver::start();
    let way = TroubledWay::to(receiver.origin());
    let begun = Instant::now();
    for trouble in [Trouble::Hang, Trouble::Reset, Trouble::LoseAnswer] {
        way.trouble(trouble, usize::MAX);
        let end = gateway(way.origin(), SECRET, None).send(&text(PHONE)).await;
        assert!(matches!(end, Err(StartError::Unknown(_))), "{trouble:?}: {end:?}");
    }
    let closed = gateway("http://127.0.0.1:1", SECRET, None).send(&text(PHONE)).await;
    assert!(
        matches!(&closed, Err(StartError::NotSent(NotSent::Fault(fault))) if !fault.0.contains("token")),
        "{closed:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
