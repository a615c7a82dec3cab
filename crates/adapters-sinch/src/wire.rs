//! The JSON of the Sinch Verification API.

use domain::{Channel, PhoneNumber, SendReference};
use serde::{Deserialize, Serialize};

/// Sinch's name of a channel.
pub(crate) const fn method(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "sms",
        Channel::Voice => "callout",
        Channel::Flashcall => "flashcall",
        Channel::Whatsapp => "whatsapp",
    }
}

/// Whether `text` names the method of `channel`. Older answers write `flashCall`.
pub(crate) fn is_method(text: &str, channel: Channel) -> bool {
    text.eq_ignore_ascii_case(method(channel))
}

/// The body of a start.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartBody<'a> {
    pub(crate) identity: Identity<'a>,
    pub(crate) method: &'static str,
    pub(crate) reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sms_options: Option<SmsOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callout_options: Option<CalloutOptions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whatsapp_options: Option<WhatsappOptions>,
}

#[derive(Serialize)]
pub(crate) struct Identity<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) endpoint: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SmsOptions {
    pub(crate) code_type: &'static str,
    /// `HH:MM:SS`.
    pub(crate) expiry: String,
}

#[derive(Serialize)]
pub(crate) struct CalloutOptions<'a> {
    pub(crate) speech: Speech<'a>,
}

#[derive(Serialize)]
pub(crate) struct Speech<'a> {
    pub(crate) locale: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhatsappOptions {
    pub(crate) code_type: &'static str,
}

/// The body of a report: the code, under the name of the method.
#[derive(Serialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub(crate) enum ReportBody<'a> {
    Sms {
        sms: Typed<'a>,
    },
    Callout {
        callout: Typed<'a>,
    },
    Whatsapp {
        whatsapp: Typed<'a>,
    },
    Flashcall {
        #[serde(rename = "flashCall")]
        flash_call: Caller,
    },
}

#[derive(Serialize)]
pub(crate) struct Typed<'a> {
    pub(crate) code: &'a str,
}

/// The number that called, in E.164.
#[derive(Serialize)]
pub(crate) struct Caller {
    pub(crate) cli: String,
}

impl<'a> ReportBody<'a> {
    pub(crate) fn new(channel: Channel, code: &'a str) -> Self {
        match channel {
            Channel::Sms => Self::Sms { sms: Typed { code } },
            Channel::Voice => Self::Callout { callout: Typed { code } },
            Channel::Whatsapp => Self::Whatsapp { whatsapp: Typed { code } },
            Channel::Flashcall => Self::Flashcall { flash_call: Caller { cli: format!("+{code}") } },
        }
    }
}

/// What start, report and status answer, as far as it matters. What is absent
/// is `None`; what has another type is no answer at all.
#[derive(Deserialize)]
pub(crate) struct VerificationBody {
    pub(crate) id: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) identity: Option<AnsweredIdentity>,
}

#[derive(Deserialize)]
pub(crate) struct AnsweredIdentity {
    #[serde(rename = "type")]
    kind: String,
    endpoint: String,
}

impl AnsweredIdentity {
    /// The number, if it is one.
    pub(crate) fn number(&self) -> Option<&str> {
        self.kind.eq_ignore_ascii_case("number").then_some(self.endpoint.as_str())
    }

    pub(crate) fn is(&self, phone: &PhoneNumber) -> bool {
        self.kind.eq_ignore_ascii_case("number") && self.endpoint == phone.as_e164()
    }
}

/// Reads a body that is a JSON object. Serde alone would take an array of the
/// fields as well.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok())?
}

/// What errors answer. The message is left out on purpose: it repeats numbers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    error_code: NumberOrText,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u32),
    /// As the `OpenAPI` document has it.
    Text(String),
}

/// The error code in `body`, if there is one that belongs to `http_status`:
/// its first three digits are the status.
pub(crate) fn error_code(http_status: u16, body: &[u8]) -> Option<u32> {
    let code = match read_object::<ErrorBody>(body)?.error_code {
        NumberOrText::Number(code) => code,
        NumberOrText::Text(text) => text.parse().ok()?,
    };
    (code / 100 == u32::from(http_status)).then_some(code)
}

/// A reference as one path segment that needs no escapes.
pub(crate) fn reference_text(reference: SendReference) -> String {
    reference.0.to_string()
}

/// Whether `id` is one path segment that needs no escapes (RFC 3986 §2.3).
///
/// Sinch's own clients disagree about which form of an escaped path is signed,
/// so other ids are refused rather than guessed at.
pub(crate) fn is_plain_segment(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        && !id.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_read_as_number_and_as_text() {
        assert_eq!(error_code(404, br#"{"errorCode":40400,"message":"x","reference":"y"}"#), Some(40400));
        assert_eq!(error_code(404, br#"{"errorCode":"40400"}"#), Some(40400));
    }

    #[test]
    fn an_error_code_of_another_status_is_none() {
        for body in [
            &br#"{"errorCode":40003}"#[..],
            br#"{"errorCode":-40400}"#,
            br#"{"errorCode":"forty"}"#,
            br#"{"errorCode":null}"#,
            b"{}",
            b"<html>",
            b"",
            b"[40400]",
        ] {
            assert_eq!(error_code(404, body), None);
        }
    }

    #[test]
    fn asvs_1_2_2_ids_that_would_change_the_path_are_refused() {
        for good in ["018bdf5b-8e85-1d11-d2ed-710fb8a2861f", "1234567890", "a.b_c~d"] {
            assert!(is_plain_segment(good), "{good}");
        }
        for wrong in ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a b", "é", &"a".repeat(129)] {
            assert!(!is_plain_segment(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_channel_reports_the_code_under_its_own_name() {
        let bodies = [
            (Channel::Sms, r#"{"method":"sms","sms":{"code":"1234"}}"#),
            (Channel::Voice, r#"{"method":"callout","callout":{"code":"1234"}}"#),
            (Channel::Whatsapp, r#"{"method":"whatsapp","whatsapp":{"code":"1234"}}"#),
            (Channel::Flashcall, r#"{"method":"flashcall","flashCall":{"cli":"+1234"}}"#),
        ];
        for (channel, json) in bodies {
            assert_eq!(serde_json::to_string(&ReportBody::new(channel, "1234")).unwrap(), json);
        }
    }
}
