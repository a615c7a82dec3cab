//! Notices and other texts by the Sinch SMS API.

use std::time::{Duration, Instant};

use adapters_sinch::{SinchSms, SmsSettings};
use domain::{EventId, Locale, NoticeKind, ProductName};
use jiff::Timestamp;
use ports::{
    MessageId, NotSent, Notice, NoticeFault, NoticeSender, StartError, TextMessage, TextMessageGateway,
};
use uuid::Uuid;

use crate::scripted::{Do, Received, Scripted};
use crate::world::{PHONE, REFERENCE, phone, reference};

const PLAN: &str = "jd63jf88477ll123ab4567cd89012ef3";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const EVENT: &str = "0198511c-d1d1-7bf3-909b-85455d310123";

fn sms(url: &str) -> SinchSms {
    let settings = SmsSettings {
        base_url: url.to_owned(),
        allow_plain_http: false,
        service_plan_id: PLAN.to_owned(),
        api_token: TOKEN.into(),
        from: "Acme".to_owned(),
        product: ProductName::parse("Acme").expect("a name"),
        timeout: Duration::from_millis(500),
    };
    SinchSms::new(&settings).expect("valid settings")
}

fn notice() -> Notice {
    Notice {
        id: EventId(Uuid::parse_str(EVENT).expect("a UUID")),
        kind: NoticeKind::AccountDeleted,
        phone: phone(),
        locale: Locale::parse("sv-SE").ok(),
        occurred_at: Timestamp::UNIX_EPOCH,
    }
}

fn accepted(to: &str) -> Do {
    Do::Answer(
        201,
        format!(r#"{{"id":"01FC66621XXXXX119Z8PMV1QPQ","to":["{to}"],"type":"mt_text","canceled":false}}"#),
    )
}

async fn send(does: Do) -> (Result<(), NoticeFault>, Vec<Received>) {
    let server = Scripted::new(move |_: &Received| does.clone()).await;
    let sent = NoticeSender::send(&sms(&server.url()), &notice()).await;
    (sent, server.received())
}

#[tokio::test]
async fn nb_06_a_notice_is_one_batch_to_one_number_in_the_language_of_its_owner() {
    let (sent, received) = send(accepted("46701740605")).await;
    assert_eq!(sent, Ok(()));
    let [request] = <[Received; 1]>::try_from(received).expect("one request");
    assert_eq!((request.verb.as_str(), request.path), ("POST", format!("/xms/v1/{PLAN}/batches")));
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(request.headers["content-type"], "application/json");
    let expected = format!(
        r#"{{"from":"Acme","to":["{PHONE}"],"body":"Acme: ditt konto har raderats. Om det inte var du, kontakta oss genast.","type":"mt_text","client_reference":"{EVENT}","delivery_report":"none"}}"#
    );
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn pv_01_only_an_answer_about_the_message_counts() {
    let lies = [
        accepted("46700000000"),
        Do::Answer(201, String::new()),
        Do::Answer(201, "<html>".to_owned()),
        Do::Answer(201, format!(r#"{{"id":"","to":["{PHONE}"]}}"#)),
        Do::Answer(204, String::new()),
        Do::Truncate(201, format!(r#"{{"id":"1","to":["{PHONE}"]"#)),
        Do::Flood,
    ];
    for lie in lies {
        let (sent, _) = send(lie.clone()).await;
        assert!(matches!(sent, Err(NoticeFault::Unavailable(_))), "{lie:?}: {sent:?}");
    }
}

#[tokio::test]
async fn lg_01_what_cannot_be_sent_is_told_from_what_may_be_sent_later() {
    let wrote = format!(r#"{{"code":"syntax_invalid_parameter_format","text":"{PHONE} is no number"}}"#);
    for (status, refused) in
        [(400, true), (401, false), (403, false), (404, false), (429, false), (302, false), (500, false)]
    {
        let (sent, received) = send(Do::Answer(status, wrote.clone())).await;
        let fault = sent.expect_err("a fault");
        assert_eq!(matches!(fault, NoticeFault::Refused(_)), refused, "{status}");
        assert!(
            fault.to_string().contains(&status.to_string()) && !fault.to_string().contains("4670"),
            "{fault}"
        );
        assert_eq!(received.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn asvs_13_1_3_a_silent_or_broken_provider_costs_no_more_than_the_time_set() {
    let begun = Instant::now();
    for trouble in [Do::Hang, Do::Reset, Do::Raw("not HTTP".to_owned())] {
        let (sent, _) = send(trouble).await;
        assert!(matches!(sent, Err(NoticeFault::Unavailable(_))), "{sent:?}");
    }
    let closed = NoticeSender::send(&sms("http://127.0.0.1:1"), &notice()).await;
    assert!(matches!(&closed, Err(NoticeFault::Unavailable(text)) if !text.contains(PLAN)), "{closed:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

async fn hand_over(does: Do) -> (Result<MessageId, StartError>, Vec<Received>) {
    let server = Scripted::new(move |_: &Received| does.clone()).await;
    let message = TextMessage {
        reference: reference(),
        phone: phone(),
        text: "Acme: din kod är 123456.".into(),
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let sent = TextMessageGateway::send(&sms(&server.url()), &message).await;
    (sent, server.received())
}

#[tokio::test]
async fn a_text_of_the_gateway_is_one_batch_as_a_notice_is() {
    let (sent, received) = hand_over(accepted("46701740605")).await;
    assert_eq!(sent, Ok(MessageId("01FC66621XXXXX119Z8PMV1QPQ".to_owned())));
    let [request] = <[Received; 1]>::try_from(received).expect("one request");
    let expected = format!(
        r#"{{"from":"Acme","to":["{PHONE}"],"body":"Acme: din kod är 123456.","type":"mt_text","client_reference":"{REFERENCE}","delivery_report":"none"}}"#
    );
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn rc_06_what_may_have_left_is_told_from_what_certainly_did_not() {
    let wrote = || format!(r#"{{"text":"{PHONE} is no number"}}"#);
    for status in [401, 402, 403, 404, 429] {
        let (sent, _) = hand_over(Do::Answer(status, wrote())).await;
        assert!(matches!(sent, Err(StartError::NotSent(NotSent::Fault(_)))), "{status}: {sent:?}");
    }
    let (refused, _) = hand_over(Do::Answer(400, wrote())).await;
    assert!(matches!(refused, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{refused:?}");
    let lost = [
        Do::Answer(302, wrote()),
        Do::Answer(408, wrote()),
        Do::Answer(500, wrote()),
        Do::Answer(201, wrote()),
        Do::Reset,
        Do::Hang,
        Do::Flood,
    ];
    for lost in lost {
        let (sent, received) = hand_over(lost.clone()).await;
        let error = sent.expect_err("unknown");
        assert!(matches!(error, StartError::Unknown(_)), "{lost:?}: {error:?}");
        assert!(!error.to_string().contains("4670"), "{error}");
        assert_eq!(received.len(), 1, "{lost:?}");
    }
}
