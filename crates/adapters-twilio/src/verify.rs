//! Twilio Verify.

use async_trait::async_trait;
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, SendReference};
use ports::{
    CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification, VerificationProvider,
};
use provider_http::{Answer, Method, NoAnswer, ProviderHttp, StatusCode, is_plain_segment};
use serde::Deserialize;

use crate::form::{fault, with_credentials, with_form};
use crate::refusal::{Refusal, is_created};
use crate::settings::{Credentials, InvalidTwilioSettings, VerifySettings};

/// A Verify service of Twilio.
pub struct TwilioVerify {
    http: ProviderHttp,
    credentials: Credentials,
    service: String,
}

/// What start, fetch and check answer, as far as it matters.
#[derive(Deserialize)]
struct Verification {
    sid: String,
    to: String,
    status: String,
    #[serde(default)]
    valid: bool,
}

impl TwilioVerify {
    /// Checks the settings and prepares the connection pool; asks nothing yet.
    pub fn new(settings: &VerifySettings) -> Result<Self, InvalidTwilioSettings> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem);
        }
        let base = settings.base().ok_or(InvalidTwilioSettings::VerifyBaseUrl)?;
        let http = ProviderHttp::new("Twilio", base, settings.timeout)
            .map_err(|error| InvalidTwilioSettings::Tls(error.to_string()))?;
        let service = format!("/v2/Services/{}", settings.service_sid);
        Ok(Self { http, credentials: settings.credentials.clone(), service })
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Answer, NoAnswer> {
        let request = self.http.request(Method::POST, &format!("{}/{path}", self.service));
        self.http.ask(with_form(request, &self.credentials, pairs), self.http.deadline()).await
    }
}

/// What `answer` tells of a verification of `phone`.
fn verification(answer: &Answer, phone: &PhoneNumber) -> Result<Verification, ProviderFault> {
    let read: Verification = answer.object().ok_or_else(|| fault("Twilio's answer is not understood"))?;
    let is_ours = read.to == phone.as_e164() && is_plain_segment(&read.sid);
    is_ours
        .then_some(read)
        .ok_or_else(|| fault("Twilio answered about another verification than was asked about"))
}

/// Twilio's name of a channel; `None` when it has no such.
const fn channel_name(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Sms => Some("sms"),
        Channel::Voice => Some("call"),
        Channel::Whatsapp => Some("whatsapp"),
        Channel::Flashcall => None,
    }
}

/// Twilio's name of a language that it writes; otherwise it chooses by the number.
fn locale_name(locale: &Locale) -> Option<String> {
    const LANGUAGES: [&str; 34] = [
        "af", "ar", "ca", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hr", "hu", "id", "it",
        "ja", "ko", "ms", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "th", "tl", "tr", "uk", "vi", "zh", "et",
    ];
    match locale.as_str().to_ascii_lowercase().as_str() {
        "en-gb" => return Some("en-GB".to_owned()),
        "pt-br" => return Some("pt-BR".to_owned()),
        "zh-cn" => return Some("zh-CN".to_owned()),
        "zh-hk" => return Some("zh-HK".to_owned()),
        _ => {}
    }
    LANGUAGES.contains(&locale.language().as_str()).then(|| locale.language())
}

#[async_trait]
impl VerificationProvider for TwilioVerify {
    #[tracing::instrument(name = "twilio_start", skip_all, fields(otel.kind = "client"))]
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let channel = channel_name(request.channel)
            .ok_or_else(|| StartError::NotSent(NotSent::Fault(fault("Twilio has no flash calls"))))?;
        let locale = request.locale.as_ref().and_then(locale_name);
        let mut pairs = vec![("To", request.phone.as_e164()), ("Channel", channel)];
        pairs.extend(locale.as_deref().map(|locale| ("Locale", locale)));
        let answer = self.post("Verifications", &pairs).await.map_err(|no_answer| match no_answer {
            NoAnswer::NotAsked(text) => StartError::NotSent(NotSent::Fault(fault(text))),
            NoAnswer::Lost(text) => StartError::Unknown(fault(text)),
        })?;
        if !is_created(&answer) {
            return Err(Refusal::of(&answer).of_send());
        }
        let started = verification(&answer, &request.phone).map_err(StartError::Unknown)?;
        if started.status != "pending" {
            return Err(StartError::Unknown(fault("Twilio started something that is over already")));
        }
        Ok(ProviderId(started.sid))
    }

    #[tracing::instrument(name = "twilio_find", skip_all, fields(otel.kind = "client"))]
    async fn find(
        &self,
        _reference: SendReference,
        phone: &PhoneNumber,
        _channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let path = format!("{}/Verifications/{}", self.service, phone.as_e164());
        let request = with_credentials(self.http.request(Method::GET, &path), &self.credentials);
        let answer =
            self.http.ask(request, self.http.deadline()).await.map_err(|error| fault(error.to_string()))?;
        if answer.status == StatusCode::OK {
            let found = verification(&answer, phone)?;
            return Ok((found.status == "pending").then_some(ProviderId(found.sid)));
        }
        let refusal = Refusal::of(&answer);
        if refusal.is_not_found() {
            return Ok(None);
        }
        refusal.report_to_operator();
        Err(fault(format!("Twilio did not tell of a verification: {refusal}")))
    }

    #[tracing::instrument(name = "twilio_check", skip_all, fields(otel.kind = "client"))]
    async fn check(&self, asked: &StartedVerification, code: &Code) -> Result<CodeCheck, ProviderFault> {
        if !asked.id.0.starts_with("VE") || !is_plain_segment(&asked.id.0) {
            // Started by another provider, before the settings changed.
            return Ok(CodeCheck::Gone);
        }
        let pairs = [("VerificationSid", asked.id.0.as_str()), ("Code", code.expose())];
        let answer =
            self.post("VerificationCheck", &pairs).await.map_err(|error| fault(error.to_string()))?;
        if answer.status != StatusCode::OK {
            let refusal = Refusal::of(&answer);
            return refusal.of_check().ok_or_else(|| {
                refusal.report_to_operator();
                fault(format!("Twilio did not judge a code: {refusal}"))
            });
        }
        let judged = verification(&answer, &asked.phone)?;
        if judged.sid != asked.id.0 {
            return Err(fault("Twilio answered about another verification than was asked about"));
        }
        match (judged.status.as_str(), judged.valid) {
            ("approved", true) => Ok(CodeCheck::Accepted),
            ("pending", false) => Ok(CodeCheck::Wrong),
            ("canceled" | "expired" | "deleted" | "failed" | "max_attempts_reached", false) => {
                Ok(CodeCheck::Gone)
            }
            _ => Err(fault("Twilio answered with a status that is not documented")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_that_twilio_writes_are_named_and_others_left_to_it() {
        let name = |tag: &str| locale_name(&Locale::parse(tag).unwrap());
        for (tag, expected) in [
            ("sv-SE", "sv"),
            ("en-GB", "en-GB"),
            ("en-US", "en"),
            ("pt-br", "pt-BR"),
            ("de-AT", "de"),
            ("zh-Hant-TW", "zh"),
        ] {
            assert_eq!(name(tag).as_deref(), Some(expected), "{tag}");
        }
        assert_eq!(name("mi"), None);
    }
}
