//! The values that all tests use.

use std::sync::Arc;
use std::time::Duration;

use adapters_sinch::{Settings, SinchVerification};
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, SendReference};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, CodeRequest, StartedVerification};
use uuid::Uuid;

pub(crate) const KEY: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
pub(crate) const PHONE: &str = "+46701740605";
pub(crate) const ID: &str = "018bdf5b-8e85-1d11-d2ed-710fb8a2861f";
pub(crate) const REFERENCE: &str = "0198511c-d1d1-7bf3-909b-85455d310123";
pub(crate) const UNKNOWN: &str =
    r#"{"errorCode":40400,"message":"Requested resource was not found.","reference":"a2028355-5164"}"#;

/// 2024-06-04T13:41:58.123456Z, for ever.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(1_717_508_518_123_456).expect("in range")
    }
}

pub(crate) fn settings(url: &str) -> Settings {
    Settings { timeout: Duration::from_secs(2), ..Settings::new(url, KEY, SECRET.into()) }
}

pub(crate) fn adapter(settings: &Settings) -> SinchVerification {
    SinchVerification::new(settings, Arc::new(Stopped)).expect("valid settings")
}

pub(crate) fn phone() -> PhoneNumber {
    PhoneNumber::from_stored(PHONE).expect("a number")
}

pub(crate) fn reference() -> SendReference {
    SendReference(Uuid::parse_str(REFERENCE).expect("a UUID"))
}

pub(crate) fn code() -> Code {
    Code::parse("482913").expect("a code")
}

pub(crate) fn request() -> CodeRequest {
    CodeRequest {
        reference: reference(),
        phone: phone(),
        purpose: domain::Purpose::Login,
        channel: Channel::Sms,
        locale: Some(Locale::parse("sv-SE").expect("a tag")),
        life: SignedDuration::from_secs(300),
    }
}

pub(crate) fn verification() -> StartedVerification {
    StartedVerification { id: ProviderId(ID.to_owned()), phone: phone(), channel: Channel::Sms }
}

/// As Sinch answers a start.
pub(crate) fn started() -> String {
    format!(
        r#"{{"id":"{ID}","method":"sms","sms":{{"template":"{{{{CODE}}}}","interceptionTimeout":298}},"_links":[{{"rel":"status","href":"https://dc-euc1-std.verification.api.sinch.com/verification/v1/verifications/id/{ID}","method":"GET"}}]}}"#
    )
}

/// As Sinch answers a question for the status of what [`request`] started.
pub(crate) fn status() -> String {
    format!(
        r#"{{"id":"{ID}","method":"sms","status":"PENDING","reference":"{REFERENCE}","identity":{{"type":"number","endpoint":"{PHONE}","verified":false}},"countryId":"SE"}}"#
    )
}

pub(crate) fn error(code: u32) -> String {
    format!(
        r#"{{"errorCode":{code},"message":"Number {PHONE} is invalid.  Too short.","reference":"a2028355"}}"#
    )
}

/// Every row of Sinch's page on errors, and the codes of its mobile SDKs.
pub(crate) const DOCUMENTED_ERRORS: [u32; 33] = [
    40001, 40002, 40003, 40004, 40005, 40100, 40101, 40102, 40103, 40104, 40105, 40106, 40107, 40108, 40200,
    40300, 40301, 40302, 40303, 40400, 40900, 42200, 42201, 42202, 42900, 42901, 50000, 50100, 50101, 50300,
    50301, 50200, 50400,
];

pub(crate) fn http_status(error_code: u32) -> u16 {
    u16::try_from(error_code / 100).expect("three digits")
}
