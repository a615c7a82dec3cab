//! Callbacks of Sinch: whether they are its, and what they say.
//!
//! Sinch, "Verification / Authentication / Callback signed request": as requests are signed, so are
//! callbacks, with the path of the URL that the dashboard has. The page's own example does not
//! reproduce; the tests hold published values that do.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{CallbackEvent, Currency, Money, PhoneNumber, ProviderId, Quote, ResultStatus, SendReference};
use jiff::{SignedDuration, Timestamp};
use ports::{Callback, CallbackRefused, CallbackVerifier, PresentedCallback, ProvenCallback};
use serde::Deserialize;
use serde_json::Value;

use crate::refusal::find_reason;
use crate::settings::{InvalidSinchSettings, Settings};
use crate::signature::{Signed, text_to_sign};
use crate::wire::{AnsweredIdentity, is_plain_segment, read_object};

/// How far the time of a callback may be from ours (D-19).
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Tells callbacks of a Sinch application from all others.
pub struct SinchCallbacks {
    application_key: String,
    hmac_key: hmac::Key,
    /// Of the URL in the dashboard, whatever a proxy makes of it.
    path: String,
}

impl SinchCallbacks {
    /// Checks the settings. Callbacks are signed, however requests prove who sends them.
    pub fn new(settings: &Settings) -> Result<Self, InvalidSinchSettings> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem);
        }
        let secret = settings.secret().ok_or(InvalidSinchSettings::ApplicationSecret)?;
        Ok(Self::of(&settings.application_key, &secret, &settings.callback_path))
    }

    fn of(application_key: &str, secret: &[u8], path: &str) -> Self {
        Self {
            application_key: application_key.to_owned(),
            hmac_key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            path: path.to_owned(),
        }
    }

    /// The signature of a callback that is Sinch's, and when it was made.
    fn prove(&self, presented: &PresentedCallback) -> Option<([u8; 32], Timestamp)> {
        let (scheme, credentials) = presented.authorization.as_deref()?.split_once(' ')?;
        let (key, signature) = credentials.trim().split_once(':')?;
        if !scheme.eq_ignore_ascii_case("application") {
            return None;
        }
        let timestamp = presented.timestamp.as_deref()?;
        let text = text_to_sign(Signed {
            verb: "POST",
            content_type: &presented.content_type,
            timestamp,
            path: &self.path,
            body: &presented.body,
        });
        verify_slices_are_equal(key.as_bytes(), self.application_key.as_bytes()).ok()?;
        let signature: [u8; 32] = STANDARD.decode(signature).ok()?.try_into().ok()?;
        hmac::verify(&self.hmac_key, text.as_bytes(), &signature).ok()?;
        Some((signature, timestamp.parse().ok()?))
    }
}

impl CallbackVerifier for SinchCallbacks {
    fn verify(
        &self,
        presented: &PresentedCallback,
        now: Timestamp,
    ) -> Result<ProvenCallback, CallbackRefused> {
        let (fingerprint, said_at) = self.prove(presented).ok_or(CallbackRefused::Forged)?;
        if now.duration_since(said_at).abs() > SKEW {
            return Err(CallbackRefused::OutOfTime);
        }
        let event: Option<EventBody> = read_object(&presented.body);
        Ok(event.map_or_else(|| unread(&presented.body), |event| event.read(fingerprint, said_at)))
    }
}

/// What has not the form of an event of ours: no question is left without an answer.
fn unread(body: &[u8]) -> ProvenCallback {
    let kind: Option<EventKind> = read_object(body);
    match kind {
        Some(EventKind { event }) if event == REQUEST => ProvenCallback::QuestionOfOthers,
        _ => ProvenCallback::Other,
    }
}

const REQUEST: &str = "VerificationRequestEvent";

#[derive(Deserialize)]
struct EventKind {
    event: String,
}

/// What events hold, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBody {
    id: String,
    event: String,
    identity: AnsweredIdentity,
    reference: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    sms_result: Option<String>,
    /// Whatever it is, the event counts.
    price: Option<Value>,
}

impl EventBody {
    fn read(self, fingerprint: [u8; 32], said_at: Timestamp) -> ProvenCallback {
        let Some(event) = self.kind() else { return ProvenCallback::Other };
        // What we did not write is about nothing of ours.
        let of_others = if event == CallbackEvent::Request {
            ProvenCallback::QuestionOfOthers
        } else {
            ProvenCallback::Other
        };
        let reference = match self.reference.as_deref().map(str::parse) {
            None => None,
            Some(Ok(reference)) => Some(SendReference(reference)),
            Some(Err(_)) => return of_others,
        };
        let quote = self.price.as_ref().and_then(quote);
        match self.identity.phone() {
            Some(phone) if is_plain_segment(&self.id) => ProvenCallback::Known(Callback {
                fingerprint,
                reference,
                provider_id: ProviderId(self.id),
                phone,
                event,
                quote,
                said_at,
            }),
            _ => of_others,
        }
    }

    fn kind(&self) -> Option<CallbackEvent> {
        match self.event.as_str() {
            REQUEST => Some(CallbackEvent::Request),
            "VerificationResultEvent" => Some(CallbackEvent::Result {
                status: status(self.status.as_deref()?)?,
                reason: self.reason.as_deref().and_then(find_reason),
            }),
            "VerificationSmsDeliveredEvent" => is_delivered(self.sms_result.as_deref()?)
                .map(|is_delivered| CallbackEvent::Receipt { is_delivered }),
            _ => None,
        }
    }
}

impl AnsweredIdentity {
    fn phone(&self) -> Option<PhoneNumber> {
        self.number().and_then(|number| PhoneNumber::from_stored(number).ok())
    }
}

/// The text of the number is read, for a price is no binary fraction.
fn quote(price: &Value) -> Option<Quote> {
    let amount = Money::nearest(&price.get("amount")?.as_number()?.to_string())?;
    Quote::new(amount, Currency::parse(price.get("currencyId")?.as_str()?).ok()?)
}

/// The case of statuses changed between versions of the API.
fn status(text: &str) -> Option<ResultStatus> {
    let statuses = [
        ("SUCCESSFUL", ResultStatus::Successful),
        ("FAIL", ResultStatus::Fail),
        ("DENIED", ResultStatus::Denied),
        ("ABORTED", ResultStatus::Aborted),
        ("ERROR", ResultStatus::Error),
    ];
    statuses.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, status)| status)
}

/// Sinch says that there may be further results.
fn is_delivered(text: &str) -> Option<bool> {
    [("Successful", true), ("Failed", false)]
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, is_delivered)| is_delivered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11111111-2222-3333-4444-555555555555";
    const SECRET: &[u8] = b"0123456789abcdef";
    const JSON_UTF8: &str = "application/json; charset=utf-8";
    const ID: &str = "018c25e1-7163-5677-b8fb-467d7b1cffa5";
    const REFERENCE: &str = "0198511c-d1d1-7bf3-909b-85455d310123";

    fn presented(key: &str, signature: &str, timestamp: &str, body: &str) -> PresentedCallback {
        PresentedCallback {
            authorization: Some(format!("application {key}:{signature}")),
            timestamp: Some(timestamp.to_owned()),
            content_type: JSON_UTF8.to_owned(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn sinch() -> SinchCallbacks {
        SinchCallbacks::of(KEY, SECRET, "/hooks/sinch")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOW: &str = "2024-06-04T13:41:58.1234567Z";

    /// As Sinch would sign it.
    fn signed(body: &str, timestamp: &str) -> PresentedCallback {
        let text = text_to_sign(Signed {
            verb: "POST",
            content_type: JSON_UTF8,
            timestamp,
            path: "/hooks/sinch",
            body: body.as_bytes(),
        });
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text.as_bytes());
        presented(KEY, &STANDARD.encode(tag), timestamp, body)
    }

    fn event(name: &str, rest: &str) -> String {
        format!(
            r#"{{"id":"{ID}","event":"{name}","method":"sms","identity":{{"type":"number","endpoint":"+46700000000"}},"reference":"{REFERENCE}"{rest}}}"#
        )
    }

    fn read(body: &str) -> ProvenCallback {
        sinch().verify(&signed(body, NOW), at(NOW)).unwrap()
    }

    #[test]
    fn wh_01_signatures_published_by_sinch_are_accepted() {
        // The callback tests of the official Node and Java SDKs, and the page of Sinch Voice.
        let node = r#"{"id":"018d2104-aaa-bbbb-1234","price":{"amount":0.0308},"rate":{"amount":0.0}}"#;
        let java = r#"{"id":"018c25e1-7163-5677-b8fb-467d7b1cffa5","event":"VerificationResultEvent","method":"sms","identity":{"verified":false,"type":"number","endpoint":"+33628254417"},"status":"FAIL","reason":"Expired"}"#;
        let voice = r#"{"event":"ace","callid":"822aa4b7-05b4-4d83-87c7-1f835ee0b6f6_257","timestamp":"2014-09-24T10:59:41Z","version":1}"#;
        let cases = [
            (
                SinchCallbacks::of("app-key", &[0x6a, 0x9a, 0x7e, 0xb1, 0xe7, 0x2b, 0x7a], "/webhook"),
                presented(
                    "app-key",
                    "p7hUz20oz16Fhfogs4Z0X+VA/Nhuu505I1alXYqwlKw=",
                    "2024-01-19T09:19:28.9372196Z",
                    node,
                ),
            ),
            (
                SinchCallbacks::of(
                    "789",
                    &[0xf7, 0xce, 0xfa, 0xe7, 0x8d, 0xf6, 0xd7],
                    "/VerificationRequestEvent",
                ),
                presented(
                    "789",
                    "xfKhO0XvlRNJraahUBEJzzi1f3Fn3pYO41/ZzwOHPaQ=",
                    "2023-12-01T15:01:20.0406449Z",
                    java,
                ),
            ),
            (
                SinchCallbacks::of(
                    "669E367E-6BBA-48AB-AF15-266871C28135",
                    &STANDARD.decode("BeIukql3pTKJ8RGL5zo0DA==").unwrap(),
                    "/sinch/callback/ace",
                ),
                PresentedCallback {
                    content_type: "application/json".to_owned(),
                    ..presented(
                        "669E367E-6BBA-48AB-AF15-266871C28135",
                        "Tg6fMyo8mj9pYfWQ9ssbx3Tc1BNC87IEygAfLbJqZb4=",
                        "2014-09-24T10:59:41Z",
                        voice,
                    )
                },
            ),
        ];
        for (sinch, presented) in cases {
            let now = at(presented.timestamp.as_deref().unwrap());
            sinch.verify(&presented, now).unwrap();
        }
    }

    #[test]
    fn wh_01_signatures_agree_with_the_official_sdks() {
        // Made-up credentials; the Node and Python SDKs compute the same.
        let request = r#"{"id":"018c25e1-7163-5677-b8fb-467d7b1cffa5","event":"VerificationRequestEvent","method":"sms","identity":{"type":"number","endpoint":"+46700000000"},"price":{"amount":0.0453,"currencyId":"EUR"},"rate":{"amount":0.0,"currencyId":"EUR"},"reference":"ref-1","custom":"åäö"}"#;
        let result = r#"{"id":"018c25e1-7163-5677-b8fb-467d7b1cffa5","event":"VerificationResultEvent","method":"sms","identity":{"type":"number","endpoint":"+46700000000"},"status":"SUCCESSFUL","reference":"ref-1","source":"manual"}"#;
        let request = presented(KEY, "osfMUDWQebJsU/9GrvWNXKEGs8rIlyKP5s7EE2t+ylY=", NOW, request);
        assert_eq!(sinch().verify(&request, at(NOW)), Ok(ProvenCallback::QuestionOfOthers));
        let later = "2024-06-04T13:42:30.0000000Z";
        let result = presented(KEY, "2fmH7cRIPO41mf8SkTlaLlI37lFDut7M1k0wk2BCVWA=", later, result);
        assert_eq!(sinch().verify(&result, at(later)), Ok(ProvenCallback::Other));
    }

    #[test]
    fn wh_01_whatever_the_signature_covers_may_not_change() {
        let good = signed(&event("VerificationRequestEvent", ""), NOW);
        sinch().verify(&good, at(NOW)).unwrap();
        let authorization = good.authorization.clone().unwrap();
        let with = |authorization: &str| PresentedCallback {
            authorization: Some(authorization.to_owned()),
            ..good.clone()
        };
        let mut body = good.body.clone();
        body.push(b' ');
        let forged = [
            PresentedCallback { body, ..good.clone() },
            PresentedCallback { body: Vec::new(), ..good.clone() },
            PresentedCallback { content_type: "application/json".to_owned(), ..good.clone() },
            PresentedCallback { content_type: String::new(), ..good.clone() },
            PresentedCallback { timestamp: Some("2024-06-04T13:41:58.1234568Z".to_owned()), ..good.clone() },
            PresentedCallback { timestamp: None, ..good.clone() },
            PresentedCallback { authorization: None, ..good.clone() },
            with(""),
            with(&authorization.replace("application", "basic")),
            with(&authorization.replace(KEY, "11111111-2222-3333-4444-555555555556")),
            with(&authorization.replace(':', " ")),
            with(&format!("application {KEY}:")),
            with(&format!("application {KEY}:{}", STANDARD.encode([0; 32]))),
            with(&format!("application {KEY}:{}", STANDARD.encode([0; 31]))),
            with(&format!("application {KEY}")),
            PresentedCallback::default(),
        ];
        for (number, forged) in forged.iter().enumerate() {
            assert_eq!(sinch().verify(forged, at(NOW)), Err(CallbackRefused::Forged), "case {number}");
        }
        let elsewhere = SinchCallbacks::of(KEY, SECRET, "/webhooks/sinch");
        assert_eq!(elsewhere.verify(&good, at(NOW)), Err(CallbackRefused::Forged));
        let scheme = with(&authorization.replace("application", "Application"));
        sinch().verify(&scheme, at(NOW)).unwrap();
    }

    #[test]
    fn wh_03_a_callback_counts_within_five_minutes_of_its_time() {
        let callback = signed(&event("VerificationRequestEvent", ""), "2024-06-04T13:40:00Z");
        for (now, counts) in [
            ("2024-06-04T13:40:00Z", true),
            ("2024-06-04T13:45:00Z", true),
            ("2024-06-04T13:35:00Z", true),
            ("2024-06-04T13:45:00.001Z", false),
            ("2024-06-04T13:34:59.999Z", false),
        ] {
            let answer = sinch().verify(&callback, at(now));
            assert_eq!(answer.is_ok(), counts, "{now}");
            assert!(counts || answer == Err(CallbackRefused::OutOfTime));
        }
        let timeless = signed(&event("VerificationRequestEvent", ""), "yesterday");
        assert_eq!(sinch().verify(&timeless, at(NOW)), Err(CallbackRefused::Forged));
    }

    #[test]
    fn each_event_is_read() {
        let failed = |status, reason| CallbackEvent::Result { status, reason };
        let cases = [
            (event("VerificationRequestEvent", ""), CallbackEvent::Request),
            (
                event("VerificationResultEvent", r#","status":"SUCCESSFUL","source":"manual""#),
                failed(ResultStatus::Successful, None),
            ),
            (
                event("VerificationResultEvent", r#","status":"fail","reason":"Expired""#),
                failed(ResultStatus::Fail, Some("Expired")),
            ),
            (
                event("VerificationResultEvent", r#","status":"DENIED","reason":"+46701234567""#),
                failed(ResultStatus::Denied, None),
            ),
            (event("VerificationResultEvent", r#","status":"ABORTED""#), failed(ResultStatus::Aborted, None)),
            (event("VerificationResultEvent", r#","status":"ERROR""#), failed(ResultStatus::Error, None)),
            (
                event("VerificationSmsDeliveredEvent", r#","smsResult":"Successful""#),
                CallbackEvent::Receipt { is_delivered: true },
            ),
            (
                event("VerificationSmsDeliveredEvent", r#","smsResult":"Failed""#),
                CallbackEvent::Receipt { is_delivered: false },
            ),
        ];
        for (body, expected) in cases {
            let ProvenCallback::Known(callback) = read(&body) else { panic!("{body} is not read") };
            assert_eq!(callback.event, expected);
            assert_eq!(callback.reference, Some(SendReference(REFERENCE.parse().unwrap())));
            assert_eq!(callback.provider_id, ProviderId(ID.to_owned()));
            assert_eq!(callback.phone.as_e164(), "+46700000000");
            assert_eq!(callback.said_at, at(NOW));
        }
    }

    #[test]
    fn what_a_message_costs_is_read_to_the_millionth() {
        // The first one is the published example.
        for (price, amount, currency) in [
            (r#"{"amount":10.5,"currencyId":"USD"}"#, 10_500_000, "USD"),
            (r#"{"amount":0.0453,"currencyId":"EUR"}"#, 45_300, "EUR"),
            (r#"{"currencyId":"eur","amount":0.1,"more":[]}"#, 100_000, "EUR"),
            (r#"{"amount":5.5e-6,"currencyId":"EUR"}"#, 6, "EUR"),
            (r#"{"amount":0,"currencyId":"SEK"}"#, 0, "SEK"),
            (r#"{"amount":3,"currencyId":"SEK"}"#, 3_000_000, "SEK"),
        ] {
            let body = event("VerificationRequestEvent", &format!(r#","price":{price}"#));
            let ProvenCallback::Known(callback) = read(&body) else { panic!("{body} is not read") };
            let expected = Quote::new(Money(amount), Currency::parse(currency).unwrap());
            assert!(expected.is_some());
            assert_eq!(callback.quote, expected, "{price}");
        }
    }

    #[test]
    fn a_price_that_is_none_changes_nothing_about_its_event() {
        for price in [
            "null",
            "0.0453",
            "{}",
            "[]",
            r#"{"amount":0.0453}"#,
            r#"{"currencyId":"EUR"}"#,
            r#"{"amount":-0.0453,"currencyId":"EUR"}"#,
            r#"{"amount":"0.0453","currencyId":"EUR"}"#,
            r#"{"amount":1e300,"currencyId":"EUR"}"#,
            r#"{"amount":100000.01,"currencyId":"EUR"}"#,
            r#"{"amount":null,"currencyId":"EUR"}"#,
            r#"{"amount":0.0453,"currencyId":"euros"}"#,
            r#"{"amount":0.0453,"currencyId":978}"#,
        ] {
            let body = event("VerificationRequestEvent", &format!(r#","price":{price}"#));
            let ProvenCallback::Known(callback) = read(&body) else { panic!("{body} is not read") };
            assert_eq!((callback.event, callback.quote), (CallbackEvent::Request, None), "{price}");
        }
    }

    #[test]
    fn what_is_not_known_is_nothing_and_foreign_questions_are_told_apart() {
        let request = event("VerificationRequestEvent", "");
        for foreign in [
            request.replace(REFERENCE, "order-17"),
            request.replace("+46700000000", "46700000000"),
            request.replace("+46700000000", ""),
            request.replace(ID, "a/b"),
        ] {
            assert_eq!(read(&foreign), ProvenCallback::QuestionOfOthers, "{foreign}");
        }
        for unknown in [
            event("VerificationResultEvent", ""),
            event("VerificationResultEvent", r#","status":"PENDING""#),
            event("VerificationSmsDeliveredEvent", r#","smsResult":"Postponed""#),
            event("SomethingNewEvent", ""),
            event("VerificationResultEvent", r#","status":"FAIL""#).replace(REFERENCE, "order-17"),
            "{}".to_owned(),
            "[]".to_owned(),
            "not JSON".to_owned(),
            r#"{"id":1}"#.to_owned(),
        ] {
            assert_eq!(read(&unknown), ProvenCallback::Other, "{unknown}");
        }
    }
}
