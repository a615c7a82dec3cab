//! Texts by the Messages API.

use std::time::{Duration, Instant};

use adapters_twilio::{Credentials, MessagesSettings, Sender, TwilioMessages};
use domain::{PhoneNumber, SendReference};
use jiff::Timestamp;
use ports::contract::provider::Trouble;
use ports::{NotSent, StartError, TextMessage, TextMessageGateway as _};
use testkit::troubled::TroubledWay;
use testkit::twilio::{ACCOUNT, BLOCKED, EXHAUSTED, INVALID, KEY, REFUSED, SECRET, SENDER, TwilioServer};
use uuid::Uuid;

const PHONE: &str = "+46701740605";

fn messages(origin: &str) -> TwilioMessages {
    let settings = MessagesSettings {
        base_url: origin.to_owned(),
        allow_plain_http: false,
        credentials: Credentials { user: KEY.to_owned(), secret: SECRET.into() },
        account_sid: ACCOUNT.to_owned(),
        sender: Sender::read(SENDER),
        timeout: Duration::from_millis(700),
    };
    TwilioMessages::new(&settings).unwrap()
}

fn text(number: &str) -> TextMessage {
    TextMessage {
        reference: SendReference(Uuid::from_u128(1)),
        phone: PhoneNumber::from_stored(number).unwrap(),
        text: "Acmé: 50 % & mer".into(),
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_text_is_one_form_and_arrives_as_it_was_written() {
    let twilio = TwilioServer::start();
    let id = messages(twilio.origin()).send(&text(PHONE)).await.unwrap();
    assert!(id.0.starts_with("SM"));
    assert_eq!(twilio.texts(PHONE), ["Acmé: 50 % & mer"]);
    let [request] = <[_; 1]>::try_from(twilio.requests()).unwrap();
    assert_eq!(request.path, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    assert!(request.body.starts_with("To=%2B46701740605&From=%2B46701740600&Body="), "{}", request.body);
}

#[tokio::test]
async fn pv_01_refusals_are_told_apart_and_repeat_no_number() {
    let twilio = TwilioServer::start();
    for number in [REFUSED, BLOCKED, INVALID] {
        let end = messages(twilio.origin()).send(&text(number)).await.unwrap_err();
        assert!(matches!(end, StartError::NotSent(NotSent::DestinationRefused(_))), "{end:?}");
        assert!(!end.to_string().contains("4670"), "{end}");
    }
    let end = messages(twilio.origin()).send(&text(EXHAUSTED)).await;
    assert!(matches!(end, Err(StartError::NotSent(NotSent::Fault(_)))), "{end:?}");
}

#[tokio::test]
async fn rc_06_a_text_whose_answer_was_lost_is_not_sent_again() {
    let twilio = TwilioServer::start();
    let way = TroubledWay::to(twilio.origin());
    let begun = Instant::now();
    let after = [Trouble::LoseAnswer, Trouble::Truncate, Trouble::Garbage, Trouble::Flood];
    for (sent, trouble) in (1..).zip(after) {
        way.trouble(trouble, usize::MAX);
        let end = messages(way.origin()).send(&text(PHONE)).await;
        assert!(matches!(end, Err(StartError::Unknown(_))), "{trouble:?}: {end:?}");
        assert_eq!(twilio.texts(PHONE).len(), sent, "{trouble:?}");
    }
    for trouble in [Trouble::Hang, Trouble::Reset, Trouble::ServerError, Trouble::Redirect] {
        way.trouble(trouble, usize::MAX);
        assert!(messages(way.origin()).send(&text(PHONE)).await.is_err(), "{trouble:?}");
    }
    assert_eq!(twilio.texts(PHONE).len(), 4);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let closed = messages("http://127.0.0.1:1").send(&text(PHONE)).await;
    assert!(matches!(closed, Err(StartError::NotSent(NotSent::Fault(_)))), "{closed:?}");
}
