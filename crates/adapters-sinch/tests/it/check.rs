//! Checking: what each answer means, and that only one lets anybody in.

use domain::{Channel, ProviderId};
use ports::{CodeCheck, ProviderFault, StartedVerification, VerificationProvider as _};

use crate::scripted::{Do, Received, Scripted};
use crate::world::*;

/// How `check` ends when the report meets the given fate, and how many requests
/// there were.
async fn checked(fate: Do) -> (Result<CodeCheck, ProviderFault>, usize) {
    let server = Scripted::new(move |request: &Received| match request.verb.as_str() {
        "PUT" => fate.clone(),
        // Whoever reads the status after a lost answer would be let in.
        _ => Do::Answer(200, status().replace("PENDING", "SUCCESSFUL")),
    })
    .await;
    let end = adapter(&settings(&server.url())).check(&verification(), &code()).await;
    (end, server.received().len())
}

fn report(rest: &str) -> Do {
    Do::Answer(200, format!(r#"{{"id":"{ID}","method":"sms",{rest}}}"#))
}

#[tokio::test]
async fn a_code_is_reported_by_id() {
    let server = Scripted::new(|_: &Received| report(r#""status":"SUCCESSFUL""#)).await;
    let end = adapter(&settings(&server.url())).check(&verification(), &code()).await;
    assert_eq!(end, Ok(CodeCheck::Accepted));
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].verb, "PUT");
    assert_eq!(received[0].path, format!("/verification/v1/verifications/id/{ID}"));
    assert_eq!(received[0].body, r#"{"method":"sms","sms":{"code":"482913"}}"#);
    assert!(!received[0].headers.contains_key("accept-language"));
}

#[tokio::test]
async fn each_documented_status_has_its_meaning() {
    let verdicts = [
        (r#""status":"SUCCESSFUL""#, Some(CodeCheck::Accepted)),
        (r#""status":"Successful","callComplete":true"#, Some(CodeCheck::Accepted)),
        (r#""status":"FAIL","reason":"Invalid code""#, Some(CodeCheck::Wrong)),
        (r#""status":"fail","reason":"invalid code""#, Some(CodeCheck::Wrong)),
        (r#""status":"FAIL","reason":"Invalid CLI""#, Some(CodeCheck::Wrong)),
        (r#""status":"FAIL","reason":"Expired""#, Some(CodeCheck::Gone)),
        (r#""status":"FAIL","reason":"Hung up without entering valid code""#, Some(CodeCheck::Gone)),
        (r#""status":"ABORTED""#, Some(CodeCheck::Gone)),
        (r#""status":"FAIL","reason":"Fraud""#, None),
        (r#""status":"FAIL""#, None),
        (r#""status":"DENIED","reason":"Blocked""#, None),
        (r#""status":"ERROR","reason":"Internal error""#, None),
        (r#""status":"PENDING""#, None),
        (r#""status":"UNHEARD_OF""#, None),
        (r#""status":"""#, None),
        (r#""status":true"#, None),
        (r#""reason":"Expired""#, None),
    ];
    for (body, verdict) in verdicts {
        let (end, requests) = checked(report(body)).await;
        assert_eq!((end.ok(), requests), (verdict, 1), "{body}");
    }
}

#[tokio::test]
async fn each_documented_error_has_its_meaning() {
    for error_code in DOCUMENTED_ERRORS {
        let verdict = match error_code {
            40003 => Some(CodeCheck::Wrong),
            40400 => Some(CodeCheck::Gone),
            _ => None,
        };
        let (end, requests) = checked(Do::Answer(http_status(error_code), error(error_code))).await;
        assert_eq!((end.ok(), requests), (verdict, 1), "{error_code}");
    }
}

#[tokio::test]
async fn pv_01_an_answer_counts_only_for_the_verification_asked_about() {
    let lies = [
        r#"{"id":"018bdf5b-8e85-1d11-d2ed-710fb8a28610","method":"sms","status":"SUCCESSFUL"}"#.to_owned(),
        format!(r#"{{"id":"{}","method":"sms","status":"SUCCESSFUL"}}"#, ID.to_uppercase()),
        r#"{"method":"sms","status":"SUCCESSFUL"}"#.to_owned(),
        format!(r#"{{"id":["{ID}"],"method":"sms","status":"SUCCESSFUL"}}"#),
        format!(r#"{{"id":"{ID}","status":"SUCCESSFUL"}}"#),
        format!(r#"{{"id":"{ID}","method":"whatsapp","status":"SUCCESSFUL"}}"#),
        format!(
            r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL","identity":{{"type":"number","endpoint":"+46701740606"}}}}"#
        ),
        format!(r#"{{"id":"{ID}","method":"sms","status":"FAIL","status":"SUCCESSFUL"}}"#),
        format!(r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL"}}trailing"#),
        format!(r#"["{ID}","sms","SUCCESSFUL",null,null,null]"#),
        r#""SUCCESSFUL""#.to_owned(),
        "SUCCESSFUL".to_owned(),
        String::new(),
    ];
    for lie in lies {
        let (end, _) = checked(Do::Answer(200, lie.clone())).await;
        assert!(end.is_err(), "{lie}");
    }
}

#[tokio::test]
async fn pv_01_only_200_says_successful() {
    let body = format!(r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL"}}"#);
    for status in [201, 202, 203, 204, 301, 302, 307, 400, 404, 500] {
        let (end, requests) = checked(Do::Answer(status, body.clone())).await;
        assert!(end.is_err() && requests == 1, "{status}");
    }
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_lets_nobody_in() {
    let successful = format!(r#"{{"id":"{ID}","method":"sms","status":"SUCCESSFUL"}}"#);
    for loss in
        [Do::Reset, Do::Hang, Do::Flood, Do::Truncate(200, successful), Do::Answer(502, String::new())]
    {
        let (end, requests) = checked(loss.clone()).await;
        assert!(end.is_err() && requests == 1, "{loss:?}");
    }
}

#[tokio::test]
async fn asvs_1_2_2_an_id_that_sinch_never_gave_is_not_asked_about() {
    let server = Scripted::new(|_: &Received| report(r#""status":"SUCCESSFUL""#)).await;
    let adapter = adapter(&settings(&server.url()));
    for id in ["", "..", "../number/+46701740605", "a?b", "a%2fb"] {
        let foreign = StartedVerification { id: ProviderId(id.to_owned()), ..verification() };
        assert!(adapter.check(&foreign, &code()).await.is_err(), "{id}");
    }
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn each_channel_reports_under_its_name() {
    for (channel, method) in
        [(Channel::Voice, "callout"), (Channel::Whatsapp, "whatsapp"), (Channel::Flashcall, "flashcall")]
    {
        let body = format!(r#"{{"id":"{ID}","method":"{method}","status":"SUCCESSFUL"}}"#);
        let server = Scripted::new(move |_: &Received| Do::Answer(200, body.clone())).await;
        let verification = StartedVerification { channel, ..verification() };
        let end = adapter(&settings(&server.url())).check(&verification, &code()).await;
        assert_eq!(end, Ok(CodeCheck::Accepted));
        assert!(server.received()[0].body.starts_with(&format!(r#"{{"method":"{method}","#)));
    }
}
