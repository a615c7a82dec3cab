//! What is Vonage's own.

use adapters_vonage::{VonageSettings, VonageVerify};
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, Purpose, SendReference};
use jiff::SignedDuration;
use ports::contract::provider::{ProviderStage as _, Trouble};
use ports::{CodeCheck, CodeRequest, NotSent, StartError, StartedVerification, VerificationProvider as _};
use testkit::http::{LocalServer, Reply};
use uuid::Uuid;

use crate::contract::{settings, stage};

const PHONE: &str = "+46701740605";
const ID: &str = "c11236f4-00bf-4b89-84ba-88b25df97315";

fn request(channel: Channel) -> CodeRequest {
    CodeRequest {
        reference: SendReference(Uuid::from_u128(1)),
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        purpose: Purpose::Login,
        channel,
        locale: Locale::parse("sv-SE").ok(),
        life: SignedDuration::from_mins(5),
    }
}

fn verification(id: ProviderId) -> StartedVerification {
    StartedVerification { id, phone: request(Channel::Sms).phone, channel: Channel::Sms }
}

#[tokio::test]
async fn each_channel_starts_as_documented() {
    for (channel, name) in [(Channel::Sms, "sms"), (Channel::Voice, "voice"), (Channel::Whatsapp, "whatsapp")]
    {
        let stage = stage();
        stage.verify.start(&request(channel)).await.unwrap();
        let [sent] = <[_; 1]>::try_from(stage.vonage.requests()).unwrap();
        assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v2/verify"));
        assert_eq!(
            sent.body,
            format!(
                r#"{{"brand":"Acme","code_length":6,"locale":"sv-se","channel_timeout":300,"client_ref":"00000000-0000-0000-0000-000000000001","workflow":[{{"channel":"{name}","to":"46701740605"}}]}}"#
            )
        );
    }
    let stage = stage();
    let flash = stage.verify.start(&request(Channel::Flashcall)).await;
    assert!(matches!(flash, Err(StartError::NotSent(NotSent::Fault(_)))), "{flash:?}");
    assert!(stage.vonage.requests().is_empty());
}

#[tokio::test]
async fn a_further_code_cancels_the_request_before_and_is_asked_for_once() {
    let stage = stage();
    let earlier = stage.verify.start(&request(Channel::Sms)).await.unwrap();
    let later = stage.verify.start(&request(Channel::Sms)).await.unwrap();
    assert_ne!(later, earlier);
    let methods: Vec<String> = stage.vonage.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "POST", "DELETE", "POST"]);
    assert_eq!(stage.vonage.texts(PHONE).len(), 2);
    let code = Code::parse(&stage.vonage.code(PHONE).unwrap()).unwrap();
    assert_eq!(stage.verify.check(&verification(earlier), &code).await, Ok(CodeCheck::Gone));
    assert_eq!(stage.verify.check(&verification(later), &code).await, Ok(CodeCheck::Accepted));
}

#[tokio::test]
async fn a_request_that_cannot_be_cancelled_is_too_soon_for_another() {
    let conflict =
        format!(r#"{{"type":"https://developer.vonage.com/api-errors#conflict","request_id":"{ID}"}}"#);
    let server = LocalServer::that(move |request| match request.method.as_str() {
        "POST" => Reply::new(409, &conflict),
        _ => Reply::new(403, "{}"),
    });
    let verify = VonageVerify::new(&settings(server.origin())).unwrap();
    assert_eq!(verify.start(&request(Channel::Sms)).await, Err(StartError::NotSent(NotSent::TooSoon)));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn rc_06_a_start_that_was_lost_is_not_repeated_and_the_next_one_heals() {
    let stage = stage();
    stage.trouble(Trouble::LoseAnswer, 1);
    let lost = stage.verify.start(&request(Channel::Sms)).await;
    assert!(matches!(lost, Err(StartError::Unknown(_))), "{lost:?}");
    assert_eq!(stage.vonage.texts(PHONE).len(), 1);
    let id = stage.verify.start(&request(Channel::Sms)).await.unwrap();
    let code = Code::parse(&stage.vonage.code(PHONE).unwrap()).unwrap();
    assert_eq!(stage.verify.check(&verification(id), &code).await, Ok(CodeCheck::Accepted));
}

#[tokio::test]
async fn asvs_4_1_5_a_wrong_secret_is_a_fault_of_ours_and_nothing_is_sent() {
    let stage = stage();
    let wrong = VonageSettings { api_secret: "another0secret".into(), ..settings(stage.vonage.origin()) };
    let end = VonageVerify::new(&wrong).unwrap().start(&request(Channel::Sms)).await;
    assert!(matches!(end, Err(StartError::NotSent(NotSent::Fault(_)))), "{end:?}");
}

#[tokio::test]
async fn a_request_that_was_guessed_at_too_often_is_gone() {
    let stage = stage();
    let verification = verification(stage.verify.start(&request(Channel::Sms)).await.unwrap());
    let wrong = Code::parse("000000").unwrap();
    for _ in 0..3 {
        assert_eq!(stage.verify.check(&verification, &wrong).await, Ok(CodeCheck::Wrong));
    }
    assert_eq!(stage.verify.check(&verification, &wrong).await, Ok(CodeCheck::Gone));
}

#[tokio::test]
async fn pv_01_an_answer_counts_only_for_the_request_asked_about() {
    for (body, accepted) in [
        (format!(r#"{{"request_id":"{ID}","status":"completed"}}"#), true),
        (format!(r#"{{"request_id":"{}","status":"completed"}}"#, ID.replace('c', "d")), false),
        (format!(r#"{{"request_id":"{ID}","status":"pending"}}"#), false),
        (format!(r#"["{ID}","completed"]"#), false),
        (r#"{"status":"completed"}"#.to_owned(), false),
    ] {
        let server = LocalServer::that({
            let body = body.clone();
            move |_| Reply::new(200, &body)
        });
        let verify = VonageVerify::new(&settings(server.origin())).unwrap();
        let end =
            verify.check(&verification(ProviderId(ID.to_owned())), &Code::parse("123456").unwrap()).await;
        assert_eq!(end.is_ok(), accepted, "{body}: {end:?}");
    }
}
