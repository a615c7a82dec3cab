//! The requests that are sent to Sinch.

use domain::{Channel, Code, Locale, ProviderId, SendReference};
use jiff::SignedDuration;
use ports::CodeRequest;
use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use serde::Serialize;

use crate::wire::{
    CalloutOptions, Identity, ReportBody, SmsOptions, Speech, StartBody, WhatsappOptions, method,
    reference_text,
};

const VERIFICATIONS: &str = "/verification/v1/verifications";

/// One request, still unsigned.
pub(crate) struct Request {
    /// For traces.
    pub(crate) operation: &'static str,
    pub(crate) verb: Method,
    /// From the first slash on, without anything that would need escapes.
    pub(crate) path: String,
    /// Empty for none.
    pub(crate) body: Vec<u8>,
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// Makes and sends a code, in the language asked for or else in `default_locale`.
    pub(crate) fn start(request: &CodeRequest, default_locale: Option<&Locale>) -> Self {
        let locale = request.locale.as_ref().or(default_locale).map(Locale::as_str);
        let body = StartBody {
            identity: Identity { kind: "number", endpoint: request.phone.as_e164() },
            method: method(request.channel),
            reference: reference_text(request.reference),
            sms_options: (request.channel == Channel::Sms)
                .then(|| SmsOptions { code_type: "Numeric", expiry: expiry(request.life) }),
            callout_options: locale
                .filter(|_| request.channel == Channel::Voice)
                .map(|locale| CalloutOptions { speech: Speech { locale } }),
            whatsapp_options: (request.channel == Channel::Whatsapp)
                .then_some(WhatsappOptions { code_type: "Numeric" }),
        };
        let language = locale.and_then(|locale| HeaderValue::from_str(locale).ok());
        Self {
            operation: "start",
            verb: Method::POST,
            path: VERIFICATIONS.to_owned(),
            body: json(&body),
            headers: language.into_iter().map(|language| (ACCEPT_LANGUAGE, language)).collect(),
        }
    }

    /// Reports the code of a verification, by id: a report by number hits the
    /// latest verification of that number, which may be somebody else's.
    pub(crate) fn report(id: &ProviderId, channel: Channel, code: &Code) -> Self {
        Self {
            operation: "report",
            verb: Method::PUT,
            path: format!("{VERIFICATIONS}/id/{}", id.0),
            body: json(&ReportBody::new(channel, code.expose())),
            headers: HeaderMap::new(),
        }
    }

    /// Reads the status of whatever was started under `reference`.
    pub(crate) fn status(reference: SendReference) -> Self {
        Self {
            operation: "status",
            verb: Method::GET,
            path: format!("{VERIFICATIONS}/reference/{}", reference_text(reference)),
            body: Vec::new(),
            headers: HeaderMap::new(),
        }
    }
}

#[expect(clippy::expect_used, reason = "structs of texts under text keys always have a JSON form")]
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("plain texts")
}

/// `HH:MM:SS`, at least a second and at most what two digits hold. Rounded up:
/// the code lives as long as the challenge that it answers.
fn expiry(life: SignedDuration) -> String {
    let rounded = life.as_secs().saturating_add(i64::from(life.subsec_nanos() > 0));
    let seconds = rounded.clamp(1, 99 * 3600 + 59 * 60 + 59);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use domain::PhoneNumber;
    use uuid::Uuid;

    use super::*;

    fn request(channel: Channel, locale: Option<&str>) -> CodeRequest {
        CodeRequest {
            reference: SendReference(Uuid::from_u128(1)),
            phone: PhoneNumber::from_stored("+46701740605").unwrap(),
            purpose: domain::Purpose::Login,
            channel,
            locale: locale.map(|tag| Locale::parse(tag).unwrap()),
            life: SignedDuration::from_secs(3723),
        }
    }

    fn body(request: &Request) -> &str {
        std::str::from_utf8(&request.body).unwrap()
    }

    const REFERENCE: &str = r#""reference":"00000000-0000-0000-0000-000000000001""#;
    const IDENTITY: &str = r#""identity":{"type":"number","endpoint":"+46701740605"}"#;

    #[test]
    fn each_channel_starts_as_documented() {
        let options = [
            (Channel::Sms, "sms", r#","smsOptions":{"codeType":"Numeric","expiry":"01:02:03"}"#),
            (Channel::Voice, "callout", r#","calloutOptions":{"speech":{"locale":"sv-SE"}}"#),
            (Channel::Whatsapp, "whatsapp", r#","whatsappOptions":{"codeType":"Numeric"}"#),
            (Channel::Flashcall, "flashcall", ""),
        ];
        for (channel, method, options) in options {
            let start = Request::start(&request(channel, Some("sv-SE")), None);
            assert_eq!(body(&start), format!(r#"{{{IDENTITY},"method":"{method}",{REFERENCE}{options}}}"#));
            assert_eq!((start.verb, start.path.as_str()), (Method::POST, "/verification/v1/verifications"));
        }
    }

    #[test]
    fn the_language_asked_for_goes_before_the_default() {
        let default = Locale::parse("fr-FR").unwrap();
        let language = |asked: Option<&str>, default: Option<&Locale>| {
            let start = Request::start(&request(Channel::Sms, asked), default);
            start.headers.get(ACCEPT_LANGUAGE).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(language(Some("sv-SE"), Some(&default)).as_deref(), Some("sv-SE"));
        assert_eq!(language(None, Some(&default)).as_deref(), Some("fr-FR"));
        assert_eq!(language(None, None), None);
    }

    #[test]
    fn the_life_of_a_code_is_written_in_whole_seconds() {
        let lives = [
            (SignedDuration::from_secs(300), "00:05:00"),
            (SignedDuration::from_millis(299_001), "00:05:00"),
            (SignedDuration::ZERO, "00:00:01"),
            (SignedDuration::MIN, "00:00:01"),
            (SignedDuration::MAX, "99:59:59"),
        ];
        for (life, text) in lives {
            assert_eq!(expiry(life), text);
        }
    }
}
