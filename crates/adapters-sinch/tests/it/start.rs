//! Starting: what each answer means, and that no message is sent twice.

use domain::{Channel, ProviderId};
use ports::{CodeRequest, NotSent, StartError, VerificationProvider as _};

use crate::scripted::{Do, Received, Scripted};
use crate::world::*;

type Started = Result<ProviderId, StartError>;

/// How `start` ends when each POST and each GET meets the given fate, and how
/// many of both there were.
async fn ended(post: Do, get: Do) -> (Started, usize, usize) {
    let server = Scripted::new(move |request: &Received| match request.verb.as_str() {
        "POST" => post.clone(),
        _ => get.clone(),
    })
    .await;
    let end = adapter(&settings(&server.url())).start(&request()).await;
    (end, server.count("POST"), server.count("GET"))
}

fn ok(body: impl Into<String>) -> Do {
    Do::Answer(200, body.into())
}

fn unknown_reference() -> Do {
    Do::Answer(404, UNKNOWN.to_owned())
}

fn word(end: &Started) -> &'static str {
    match end {
        Ok(_) => "started",
        Err(StartError::NotSent(NotSent::DestinationRefused(_))) => "destination",
        Err(StartError::NotSent(NotSent::TooSoon)) => "too soon",
        Err(StartError::NotSent(NotSent::Fault(_))) => "fault",
        Err(StartError::Shielded { .. }) => "no provider says this",
        Err(StartError::Unknown(_)) => "unknown",
    }
}

#[tokio::test]
async fn a_start_is_signed_and_asks_for_what_was_wanted() {
    let server = Scripted::new(|_: &Received| ok(started())).await;
    let id = adapter(&settings(&server.url())).start(&request()).await;
    assert_eq!(id, Ok(ProviderId(ID.to_owned())));
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].verb.as_str(), received[0].path.as_str()),
        ("POST", "/verification/v1/verifications")
    );
    let header = |name: &str| received[0].headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("accept-language"), Some("sv-SE"));
    assert_eq!(header("x-timestamp"), Some("2024-06-04T13:41:58.123Z"));
    // HMAC-SHA-256 computed by hand with Python's hmac and hashlib.
    assert_eq!(
        header("authorization"),
        Some("Application 11111111-2222-3333-4444-555555555555:P1snsbz795DSQsRVUusgg9y4ujx4zYo+Id3/FHYZWXw=")
    );
    assert_eq!(
        received[0].body,
        format!(
            r#"{{"identity":{{"type":"number","endpoint":"{PHONE}"}},"method":"sms","reference":"{REFERENCE}","smsOptions":{{"codeType":"Numeric","expiry":"00:05:00"}}}}"#
        )
    );
}

#[tokio::test]
async fn each_channel_is_started_under_its_name() {
    let channels = [
        (Channel::Sms, "sms"),
        (Channel::Voice, "callout"),
        (Channel::Whatsapp, "whatsapp"),
        (Channel::Flashcall, "flashCall"),
    ];
    for (channel, method) in channels {
        let body = format!(r#"{{"id":"{ID}","method":"{method}"}}"#);
        let server = Scripted::new(move |_: &Received| ok(body.clone())).await;
        let request = CodeRequest { channel, ..request() };
        let end = adapter(&settings(&server.url())).start(&request).await;
        assert_eq!(word(&end), "started", "{channel:?}");
    }
}

#[tokio::test]
async fn each_documented_error_has_its_meaning() {
    for code in DOCUMENTED_ERRORS {
        // What the caller gets; how many starts and questions it costs.
        let (expected, starts, questions) = match code {
            40001 | 40002 | 40003 | 40005 | 40300 | 42201 => ("destination", 1, 0),
            42901 => ("too soon", 1, 0),
            40900 => ("unknown", 1, 1),
            42900 | 50000 | 50300 | 50200 | 50400 => ("unknown", 2, 2),
            _ => ("fault", 1, 0),
        };
        let end = ended(Do::Answer(http_status(code), error(code)), unknown_reference()).await;
        assert_eq!((word(&end.0), end.1, end.2), (expected, starts, questions), "{code}");
    }
}

#[tokio::test]
async fn an_error_code_may_be_a_text() {
    let body = r#"{"errorCode":"42201","message":"No route to destination.","status":"422 X"}"#;
    let end = ended(Do::Answer(422, body.to_owned()), unknown_reference()).await;
    assert_eq!(word(&end.0), "destination");
}

#[tokio::test]
async fn what_is_not_sinch_refuses_no_destination() {
    for status in [400, 403, 404, 413, 422] {
        let end = ended(Do::Answer(status, "<html>no</html>".to_owned()), unknown_reference()).await;
        assert_eq!((word(&end.0), end.1), ("fault", 1), "{status}");
    }
    // A code that does not belong to the status is no code.
    let end = ended(Do::Answer(400, error(40300)), unknown_reference()).await;
    assert_eq!(word(&end.0), "fault");
    for status in [408, 429, 500, 502, 503, 504] {
        let end = ended(Do::Answer(status, "<html>no</html>".to_owned()), unknown_reference()).await;
        assert_eq!((word(&end.0), end.1), ("unknown", 2), "{status}");
    }
}

#[tokio::test]
async fn the_text_of_a_refused_destination_has_no_number() {
    let end = ended(Do::Answer(400, error(40001)), unknown_reference()).await;
    assert_eq!(end.0, Err(StartError::NotSent(NotSent::DestinationRefused("400/40001".to_owned()))));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_reference_and_nothing_is_sent_again() {
    let losses = [
        Do::Reset,
        Do::Hang,
        Do::Truncate(200, started()),
        Do::Flood,
        Do::Raw("garbage\r\n\r\n".to_owned()),
        Do::Answer(500, error(50000)),
        Do::Answer(503, error(50300)),
        Do::Answer(429, error(42900)),
        Do::Answer(409, error(40900)),
        Do::Answer(200, "no JSON".to_owned()),
        Do::Answer(301, String::new()),
        Do::Answer(204, String::new()),
    ];
    for loss in losses {
        let end = ended(loss.clone(), ok(status())).await;
        assert_eq!(end, (Ok(ProviderId(ID.to_owned())), 1, 1), "{loss:?}");
    }
}

#[tokio::test]
async fn a_start_that_never_arrived_is_made_again_under_the_same_reference() {
    for loss in [Do::Reset, Do::Truncate(200, started()), Do::Answer(503, error(50300))] {
        let server = Scripted::new({
            let loss = loss.clone();
            let first = std::sync::atomic::AtomicBool::new(true);
            move |request: &Received| match request.verb.as_str() {
                "POST" if first.swap(false, std::sync::atomic::Ordering::SeqCst) => loss.clone(),
                "POST" => ok(started()),
                _ => unknown_reference(),
            }
        })
        .await;
        let end = adapter(&settings(&server.url())).start(&request()).await;
        assert_eq!(end, Ok(ProviderId(ID.to_owned())), "{loss:?}");
        let received = server.received();
        let verbs: Vec<&str> = received.iter().map(|request| request.verb.as_str()).collect();
        assert_eq!(verbs, ["POST", "GET", "POST"]);
        assert_eq!(received[0].body, received[2].body);
        assert_eq!(received[1].path, format!("/verification/v1/verifications/reference/{REFERENCE}"));
    }
}

/// Answers like Sinch, and loses the first answer: the message is out, and the
/// first question comes before Sinch knows of it.
#[tokio::test]
async fn a_start_that_arrives_late_is_sent_once() {
    let server = Scripted::new({
        let posts = std::sync::atomic::AtomicUsize::new(0);
        move |request: &Received| {
            let posted = match request.verb.as_str() {
                "POST" => posts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1,
                _ => posts.load(std::sync::atomic::Ordering::SeqCst),
            };
            match (request.verb.as_str(), posted) {
                ("POST", 1) => Do::Reset,
                ("POST", _) => Do::Answer(409, error(40900)),
                (_, 1) => unknown_reference(),
                _ => ok(status()),
            }
        }
    })
    .await;
    let end = adapter(&settings(&server.url())).start(&request()).await;
    assert_eq!(end, Ok(ProviderId(ID.to_owned())));
    assert_eq!((server.count("POST"), server.count("GET")), (2, 2));
}

#[tokio::test]
async fn a_refusal_of_the_second_request_does_not_speak_for_the_first() {
    for (code, expected) in
        [(42901, "unknown"), (40200, "unknown"), (40102, "unknown"), (42201, "destination")]
    {
        let server = Scripted::new({
            let first = std::sync::atomic::AtomicBool::new(true);
            move |request: &Received| match request.verb.as_str() {
                "POST" if first.swap(false, std::sync::atomic::Ordering::SeqCst) => Do::Reset,
                "POST" => Do::Answer(http_status(code), error(code)),
                _ => unknown_reference(),
            }
        })
        .await;
        let end = adapter(&settings(&server.url())).start(&request()).await;
        assert_eq!(word(&end), expected, "{code}");
    }
}

#[tokio::test]
async fn pv_01_an_answer_without_id_or_about_another_method_is_not_believed() {
    let lies = [
        r#"{"method":"sms"}"#.to_owned(),
        r#"{"id":"","method":"sms"}"#.to_owned(),
        r#"{"id":"../status","method":"sms"}"#.to_owned(),
        r#"{"id":7,"method":"sms"}"#.to_owned(),
        format!(r#"{{"id":"{ID}"}}"#),
        format!(r#"{{"id":"{ID}","method":"callout"}}"#),
        format!(r#"{{"id":"{ID}","method":null}}"#),
        format!(r#"["{ID}"]"#),
        String::new(),
    ];
    for lie in lies {
        let end = ended(ok(lie.clone()), unknown_reference()).await;
        // Something may be out: it is looked for, and never sent again.
        assert_eq!((word(&end.0), end.1, end.2), ("unknown", 1, 1), "{lie}");
    }
}

#[tokio::test]
async fn pv_01_a_recovered_verification_of_another_number_is_not_believed() {
    let end = ended(Do::Reset, ok(status().replace(PHONE, "+46701740606"))).await;
    assert_eq!((word(&end.0), end.1), ("unknown", 1));
}

#[tokio::test]
async fn without_a_connection_certainly_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let end = adapter(&settings(&format!("http://{address}"))).start(&request()).await;
    assert_eq!(word(&end), "fault");
}
