//! What is Twilio's own.

use adapters_twilio::{Credentials, TwilioVerify, VerifySettings};
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, Purpose, SendReference};
use jiff::SignedDuration;
use ports::{CodeCheck, CodeRequest, NotSent, StartError, StartedVerification, VerificationProvider as _};
use testkit::http::{LocalServer, Reply};
use testkit::twilio::{BLOCKED, EXHAUSTED, INVALID, SERVICE};
use uuid::Uuid;

use crate::contract::{settings, stage};

const PHONE: &str = "+46701740605";

fn request(number: &str, channel: Channel) -> CodeRequest {
    CodeRequest {
        reference: SendReference(Uuid::from_u128(1)),
        phone: PhoneNumber::from_stored(number).unwrap(),
        purpose: Purpose::Login,
        channel,
        locale: Locale::parse("sv-SE").ok(),
        life: SignedDuration::from_mins(5),
    }
}

#[tokio::test]
async fn each_channel_starts_as_documented() {
    let stage = stage();
    for (channel, name) in [(Channel::Sms, "sms"), (Channel::Voice, "call"), (Channel::Whatsapp, "whatsapp")]
    {
        stage.verify.start(&request(PHONE, channel)).await.unwrap();
        let sent = stage.twilio.requests().pop().unwrap();
        assert_eq!(
            (sent.method.as_str(), sent.path),
            ("POST", format!("/v2/Services/{SERVICE}/Verifications"))
        );
        assert_eq!(sent.body, format!("To=%2B46701740605&Channel={name}&Locale=sv"));
    }
    let flash = stage.verify.start(&request(PHONE, Channel::Flashcall)).await;
    assert!(matches!(flash, Err(StartError::NotSent(NotSent::Fault(_)))), "{flash:?}");
    assert_eq!(stage.twilio.requests().len(), 3);
}

#[tokio::test]
async fn pv_01_documented_refusals_of_a_start_are_told_apart() {
    let stage = stage();
    for number in [BLOCKED, INVALID] {
        let end = stage.verify.start(&request(number, Channel::Sms)).await;
        assert!(matches!(end, Err(StartError::NotSent(NotSent::DestinationRefused(_)))), "{end:?}");
    }
    let end = stage.verify.start(&request(EXHAUSTED, Channel::Sms)).await;
    assert_eq!(end, Err(StartError::NotSent(NotSent::TooSoon)));
}

#[tokio::test]
async fn asvs_4_1_5_a_wrong_secret_is_a_fault_of_ours_and_nothing_is_sent() {
    let stage = stage();
    let right = settings(stage.twilio.origin());
    let secret = "another0secret0of0tests".into();
    let wrong = VerifySettings { credentials: Credentials { secret, ..right.credentials.clone() }, ..right };
    let end = TwilioVerify::new(&wrong).unwrap().start(&request(PHONE, Channel::Sms)).await;
    assert!(matches!(end, Err(StartError::NotSent(NotSent::Fault(_)))), "{end:?}");
}

#[tokio::test]
async fn a_verification_that_was_checked_too_often_is_gone() {
    let stage = stage();
    let id = stage.verify.start(&request(PHONE, Channel::Sms)).await.unwrap();
    let verification =
        StartedVerification { id, phone: request(PHONE, Channel::Sms).phone, channel: Channel::Sms };
    let wrong = Code::parse("000000").unwrap();
    for _ in 0..5 {
        assert_eq!(stage.verify.check(&verification, &wrong).await, Ok(CodeCheck::Wrong));
    }
    assert_eq!(stage.verify.check(&verification, &wrong).await, Ok(CodeCheck::Gone));
}

#[tokio::test]
async fn pv_01_an_answer_counts_only_for_the_verification_asked_about() {
    const SID: &str = "VE0123456789abcdef0123456789abcdef";
    let approved = |sid: &str, to: &str, status: &str, valid: bool| {
        format!(r#"{{"sid":"{sid}","to":"{to}","channel":"sms","status":"{status}","valid":{valid}}}"#)
    };
    let other = SID.replace('0', "1");
    for (body, accepted) in [
        (approved(SID, PHONE, "approved", true), true),
        (approved(&other, PHONE, "approved", true), false),
        (approved(SID, "+46701740606", "approved", true), false),
        (approved(SID, PHONE, "approved", false), false),
        (approved(SID, PHONE, "pending", true), false),
        (approved(SID, PHONE, "denied", true), false),
        (format!(r#"["{SID}","{PHONE}","approved",true]"#), false),
        ("{}".to_owned(), false),
    ] {
        let server = LocalServer::that({
            let body = body.clone();
            move |_| Reply::new(200, &body)
        });
        let verify = TwilioVerify::new(&settings(server.origin())).unwrap();
        let asked = StartedVerification {
            id: ProviderId(SID.to_owned()),
            phone: PhoneNumber::from_stored(PHONE).unwrap(),
            channel: Channel::Sms,
        };
        let end = verify.check(&asked, &Code::parse("123456").unwrap()).await;
        assert_eq!(end == Ok(CodeCheck::Accepted), accepted, "{body}");
        assert!(accepted || end.is_err(), "{body}: {end:?}");
    }
}

#[tokio::test]
async fn a_verification_of_another_provider_is_gone_without_a_question() {
    let stage = stage();
    let foreign = StartedVerification {
        id: ProviderId("018bdf5b-8e85-1d11-d2ed-710fb8a2861f".to_owned()),
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        channel: Channel::Sms,
    };
    let end = stage.verify.check(&foreign, &Code::parse("123456").unwrap()).await;
    assert_eq!(end, Ok(CodeCheck::Gone));
    assert!(stage.twilio.requests().is_empty());
}
