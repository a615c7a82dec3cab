//! Request bodies, checked as Sinch checks them: everything wrong is 40001.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ApiError;
use crate::numbering;
use crate::verification::{CodeType, Method, Source};

const KNOWN_KEYS: &[&str] = &[
    "identity",
    "method",
    "reference",
    "custom",
    "smsOptions",
    "flashCallOptions",
    "flashcallOptions",
    "calloutOptions",
    "whatsappOptions",
    "metadata",
    "honourEarlyReject",
];

/// Documented.
const LONGEST_CUSTOM: usize = 4096;

/// Unpublished; ours keeps memory bounded.
const LONGEST_REFERENCE: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartBody {
    identity: Option<IdentityBody>,
    method: Option<String>,
    reference: Option<String>,
    custom: Option<String>,
    #[serde(default)]
    sms_options: SmsOptions,
    #[serde(default, alias = "flashcallOptions")]
    flash_call_options: FlashCallOptions,
    #[serde(default)]
    callout_options: CalloutOptions,
    #[serde(default)]
    whatsapp_options: SmsOptions,
}

#[derive(Deserialize)]
struct IdentityBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    endpoint: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SmsOptions {
    code_type: Option<String>,
    expiry: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FlashCallOptions {
    dial_timeout: Option<u64>,
    interception_timeout: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CalloutOptions {
    speech: Speech,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Speech {
    locale: Option<String>,
}

/// A start that is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartRequest {
    pub(crate) number: String,
    pub(crate) method: Method,
    pub(crate) reference: Option<String>,
    pub(crate) custom: Option<String>,
    pub(crate) code_type: CodeType,
    /// Asked for in the request.
    pub(crate) expiry: Option<Duration>,
    pub(crate) interception_timeout: Option<u64>,
    /// Of a spoken code.
    pub(crate) locale: Option<String>,
}

impl StartRequest {
    /// `strict` also refuses unknown top-level keys.
    pub(crate) fn parse(body: &[u8], strict: bool) -> Result<Self, ApiError> {
        let value = object(body)?;
        if strict {
            refuse_unknown_keys(&value)?;
        }
        Self::try_from(typed::<StartBody>(value)?)
    }
}

impl TryFrom<StartBody> for StartRequest {
    type Error = ApiError;

    fn try_from(body: StartBody) -> Result<Self, ApiError> {
        let identity = body.identity.ok_or_else(|| missing("identity"))?;
        let kind = identity.kind.ok_or_else(|| missing("identity.type"))?;
        if !kind.eq_ignore_ascii_case("number") {
            return Err(ApiError::validation("identity.type must be number."));
        }
        let number = identity.endpoint.ok_or_else(|| missing("identity.endpoint"))?;
        numbering::check(&number)?;
        let method = method(body.method)?;
        let options = match method {
            Method::Whatsapp => body.whatsapp_options,
            _ => body.sms_options,
        };
        Ok(Self {
            number,
            method,
            reference: reference(body.reference)?,
            custom: custom(body.custom)?,
            code_type: options.code_type.map_or(Ok(CodeType::default()), |text| code_type(&text))?,
            expiry: options.expiry.map(|text| expiry(&text)).transpose()?,
            interception_timeout: call_timeouts(&body.flash_call_options)?,
            locale: body.callout_options.speech.locale,
        })
    }
}

#[derive(Deserialize)]
struct ReportBody {
    method: Option<String>,
    source: Option<String>,
    sms: Option<CodeBody>,
    #[serde(alias = "flashcall")]
    #[serde(rename = "flashCall")]
    flash_call: Option<CliBody>,
    callout: Option<CodeBody>,
    whatsapp: Option<CodeBody>,
}

#[derive(Deserialize)]
struct CodeBody {
    code: Option<String>,
}

#[derive(Deserialize)]
struct CliBody {
    cli: Option<String>,
}

/// A report that is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportRequest {
    pub(crate) method: Method,
    /// The code, or the number that called.
    pub(crate) code: String,
    pub(crate) source: Source,
}

impl ReportRequest {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: ReportBody = typed(object(body)?)?;
        let method = method(body.method)?;
        let code = match method {
            Method::Sms => body.sms.and_then(|sms| sms.code).ok_or_else(|| missing("sms.code")),
            Method::Callout => body.callout.and_then(|call| call.code).ok_or_else(|| missing("callout.code")),
            Method::Whatsapp => {
                body.whatsapp.and_then(|chat| chat.code).ok_or_else(|| missing("whatsapp.code"))
            }
            Method::Flashcall => {
                body.flash_call.and_then(|call| call.cli).ok_or_else(|| missing("flashCall.cli"))
            }
            Method::Seamless => Err(ApiError::validation("Seamless verifications are not reported.")),
        }?;
        let intercepted =
            body.source.is_some_and(|source| source.to_ascii_lowercase().starts_with("intercept"));
        let source = if intercepted { Source::Intercepted } else { Source::Manual };
        Ok(Self { method, code, source })
    }
}

/// The body as a JSON object.
fn object(body: &[u8]) -> Result<Value, ApiError> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(ApiError::validation("The request body must be a JSON object.")),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_json::from_value(value)
        .map_err(|error| ApiError::validation(format!("Invalid request body: {error}.")))
}

fn refuse_unknown_keys(value: &Value) -> Result<(), ApiError> {
    let mut keys = value.as_object().into_iter().flat_map(serde_json::Map::keys);
    match keys.find(|key| !KNOWN_KEYS.contains(&key.as_str())) {
        Some(key) => Err(ApiError::validation(format!("Unknown parameter {key}."))),
        None => Ok(()),
    }
}

fn missing(parameter: &str) -> ApiError {
    ApiError::validation(format!("Parameter {parameter} is missing."))
}

fn method(text: Option<String>) -> Result<Method, ApiError> {
    let text = text.ok_or_else(|| missing("method"))?;
    Method::parse(&text).ok_or_else(|| ApiError::validation("Unknown verification method."))
}

fn reference(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > LONGEST_REFERENCE => {
            Err(ApiError::validation("reference is too long."))
        }
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}

fn custom(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > LONGEST_CUSTOM => {
            Err(ApiError::validation("custom must be at most 4096 characters."))
        }
        other => Ok(other),
    }
}

pub(crate) fn code_type(text: &str) -> Result<CodeType, ApiError> {
    CodeType::parse(text).ok_or_else(|| ApiError::validation("Unknown codeType."))
}

/// `HH:MM:SS`, more than nothing.
pub(crate) fn expiry(text: &str) -> Result<Duration, ApiError> {
    let invalid = || ApiError::validation("expiry must have the form HH:MM:SS.");
    let fields: Vec<u64> = text.split(':').map(two_digits).collect::<Option<_>>().ok_or_else(invalid)?;
    match fields.as_slice() {
        [hours, minutes @ 0..60, seconds @ 0..60] if hours + minutes + seconds > 0 => {
            Ok(Duration::from_secs(hours * 3600 + minutes * 60 + seconds))
        }
        _ => Err(invalid()),
    }
}

fn two_digits(text: &str) -> Option<u64> {
    let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Both are 5 to 120 s; the second is the life of a flash call.
fn call_timeouts(options: &FlashCallOptions) -> Result<Option<u64>, ApiError> {
    let given = [options.dial_timeout, options.interception_timeout];
    if given.into_iter().flatten().all(|seconds| (5..=120).contains(&seconds)) {
        return Ok(options.interception_timeout);
    }
    Err(ApiError::validation("Timeouts of flash calls must be 5 to 120 seconds."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn start(body: &Value) -> Result<StartRequest, ApiError> {
        StartRequest::parse(body.to_string().as_bytes(), false)
    }

    fn with(key: &str, value: &Value) -> Value {
        let mut body = json!({"identity": {"type": "number", "endpoint": "+46701234567"}, "method": "sms"});
        body[key] = value.clone();
        body
    }

    #[test]
    fn what_is_wrong_with_a_start_is_40001() {
        for body in [
            json!([]),
            json!({}),
            with("identity", &json!(null)),
            with("identity", &json!({"endpoint": "+46701234567"})),
            with("identity", &json!({"type": "email", "endpoint": "+46701234567"})),
            with("identity", &json!({"type": "number"})),
            with("identity", &json!({"type": "number", "endpoint": "46701234567"})),
            with("method", &json!("pigeon")),
            with("method", &json!(null)),
            with("reference", &json!("x".repeat(257))),
            with("reference", &json!(17)),
            with("custom", &json!("å".repeat(4097))),
            with("smsOptions", &json!({"codeType": "Emoji"})),
            with("smsOptions", &json!({"expiry": "5 minutes"})),
            with("smsOptions", &json!({"expiry": "00:60:00"})),
            with("smsOptions", &json!({"expiry": "00:00:00"})),
            with("flashCallOptions", &json!({"dialTimeout": 4})),
            with("flashCallOptions", &json!({"interceptionTimeout": 121})),
        ] {
            assert_eq!(start(&body).unwrap_err().code(), 40001, "{body}");
        }
    }

    #[test]
    fn a_start_is_read_as_every_sdk_spells_it() {
        let python = include_str!("../tests/vectors/python-sdk-1.1.4.jsonl").lines();
        let node = include_str!("../tests/vectors/node-sdk-1.4.0.jsonl").lines();
        let sent: Vec<Value> = python.chain(node).map(|line| serde_json::from_str(line).unwrap()).collect();
        let starts = sent.iter().filter(|request| request["verb"] == "POST");
        let refused = starts.filter(|request| {
            StartRequest::parse(request["body"].as_str().unwrap().as_bytes(), false).is_err()
        });
        assert_eq!(refused.count(), 2, "only the two with +10000000000");
        let reports = sent.iter().filter(|request| request["verb"] == "PUT");
        for report in reports {
            assert!(ReportRequest::parse(report["body"].as_str().unwrap().as_bytes()).is_ok(), "{report}");
        }
    }

    #[test]
    fn options_of_the_method_count() {
        let request =
            start(&with("smsOptions", &json!({"expiry": "01:02:03", "codeType": "Alphanumeric"}))).unwrap();
        assert_eq!(request.expiry, Some(Duration::from_secs(3723)));
        assert_eq!(request.code_type, CodeType::Alphanumeric);
    }

    #[test]
    fn unknown_keys_are_refused_only_when_asked_to() {
        let body = with("expiry", &json!("00:05:00")).to_string();
        assert!(StartRequest::parse(body.as_bytes(), false).is_ok());
        assert_eq!(StartRequest::parse(body.as_bytes(), true).unwrap_err().code(), 40001);
    }

    #[test]
    fn a_report_needs_the_object_of_its_method() {
        for body in [
            json!({}),
            json!({"method": "sms"}),
            json!({"method": "sms", "callout": {"code": "1"}}),
            json!({"method": "seamless"}),
            json!({"method": "sms", "sms": {"code": 1}}),
        ] {
            assert_eq!(
                ReportRequest::parse(body.to_string().as_bytes()).unwrap_err().code(),
                40001,
                "{body}"
            );
        }
        let report = ReportRequest::parse(
            br#"{"method":"flashCall","flashcall":{"cli":"+4681234567"},"source":"intercept"}"#,
        );
        let expected = ReportRequest {
            method: Method::Flashcall,
            code: "+4681234567".into(),
            source: Source::Intercepted,
        };
        assert_eq!(report, Ok(expected));
    }
}
