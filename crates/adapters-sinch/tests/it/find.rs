//! Finding what an earlier start came to.

use domain::{Channel, ProviderId};
use ports::{ProviderFault, VerificationProvider as _};

use crate::scripted::{Do, Received, Scripted};
use crate::world::*;

async fn found(fate: Do) -> Result<Option<ProviderId>, ProviderFault> {
    let server = Scripted::new(move |_: &Received| fate.clone()).await;
    let end = adapter(&settings(&server.url())).find(reference(), &phone(), Channel::Sms).await;
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].verb, "GET");
    assert_eq!(received[0].path, format!("/verification/v1/verifications/reference/{REFERENCE}"));
    end
}

#[tokio::test]
async fn a_verification_is_found_by_its_reference() {
    assert_eq!(found(Do::Answer(200, status())).await, Ok(Some(ProviderId(ID.to_owned()))));
}

#[tokio::test]
async fn an_unknown_reference_is_none() {
    assert_eq!(found(Do::Answer(404, UNKNOWN.to_owned())).await, Ok(None));
    assert_eq!(found(Do::Answer(400, error(40003))).await, Ok(None));
}

#[tokio::test]
async fn every_other_error_leaves_it_open() {
    for code in DOCUMENTED_ERRORS.into_iter().filter(|code| ![40003, 40400].contains(code)) {
        assert!(found(Do::Answer(http_status(code), error(code))).await.is_err(), "{code}");
    }
    // A wrong host or path answers 404 as well.
    for body in ["", "<html>not found</html>", r#"{"errorCode":40003}"#] {
        assert!(found(Do::Answer(404, body.to_owned())).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn pv_01_another_verification_is_not_believed() {
    let lies = [
        status().replace(REFERENCE, "0198511c-d1d1-7bf3-909b-85455d310124"),
        status().replace(&format!(r#""reference":"{REFERENCE}","#), ""),
        status().replace(PHONE, "+46701740606"),
        status().replace(r#""type":"number""#, r#""type":"name""#),
        status().replace(r#""identity""#, r#""other""#),
        status().replace(r#""method":"sms""#, r#""method":"callout""#),
        status().replace(r#""method":"sms","#, ""),
        status().replace(ID, ""),
        status().replace(ID, "a/b"),
        "[]".to_owned(),
    ];
    for lie in lies {
        assert!(found(Do::Answer(200, lie.clone())).await.is_err(), "{lie}");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_it_open() {
    for loss in
        [Do::Reset, Do::Hang, Do::Flood, Do::Truncate(200, status()), Do::Truncate(404, UNKNOWN.to_owned())]
    {
        assert!(found(loss.clone()).await.is_err(), "{loss:?}");
    }
}
