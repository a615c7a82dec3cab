//! Vonage Verify v2.

use async_trait::async_trait;
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, SendReference};
use jiff::SignedDuration;
use ports::{
    CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification, VerificationProvider,
};
use provider_http::{
    Answer, Deadline, Method, NoAnswer, ProviderHttp, RequestBuilder, StatusCode, header::CONTENT_TYPE,
    is_plain_segment,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::settings::{InvalidVonageSettings, VonageSettings};

const REQUESTS: &str = "/v2/verify";

/// A Vonage account that verifies telephone numbers.
pub struct VonageVerify {
    http: ProviderHttp,
    api_key: String,
    api_secret: SecretString,
    brand: String,
    code_length: u8,
}

#[derive(Serialize)]
struct StartBody<'a> {
    brand: &'a str,
    code_length: u8,
    locale: &'static str,
    /// With one step, the life of the request: seconds.
    channel_timeout: i64,
    client_ref: String,
    workflow: [Step<'a>; 1],
}

#[derive(Serialize)]
struct Step<'a> {
    channel: &'static str,
    /// E.164 without the plus.
    to: &'a str,
}

#[derive(Serialize)]
struct CheckBody<'a> {
    code: &'a str,
}

#[derive(Deserialize)]
struct Started {
    request_id: String,
}

#[derive(Deserialize)]
struct Checked {
    request_id: String,
    status: String,
}

impl VonageVerify {
    /// Checks the settings and prepares the connection pool; asks nothing yet.
    pub fn new(settings: &VonageSettings) -> Result<Self, InvalidVonageSettings> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem);
        }
        let base = settings.base().ok_or(InvalidVonageSettings::BaseUrl)?;
        let http = ProviderHttp::new("Vonage", base, settings.timeout)
            .map_err(|error| InvalidVonageSettings::Tls(error.to_string()))?;
        Ok(Self {
            http,
            api_key: settings.api_key.clone(),
            api_secret: settings.api_secret.clone(),
            brand: settings.brand.clone(),
            code_length: settings.code_length,
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, path).basic_auth(&self.api_key, Some(self.api_secret.expose_secret()))
    }

    async fn post(&self, path: &str, body: &impl Serialize, deadline: Deadline) -> Result<Answer, NoAnswer> {
        let request =
            self.request(Method::POST, path).header(CONTENT_TYPE, "application/json").body(json(body));
        self.http.ask(request, deadline).await
    }

    async fn begin(&self, body: &StartBody<'_>, deadline: Deadline) -> Result<Answer, StartError> {
        self.post(REQUESTS, body, deadline).await.map_err(|no_answer| match no_answer {
            NoAnswer::NotAsked(text) => StartError::NotSent(NotSent::Fault(ProviderFault(text))),
            NoAnswer::Lost(text) => StartError::Unknown(ProviderFault(text)),
        })
    }

    /// Whether the earlier request is over now. Whatever goes wrong here, nothing was sent.
    async fn cancel(&self, id: &str, deadline: Deadline) -> bool {
        let request = self.request(Method::DELETE, &format!("{REQUESTS}/{id}"));
        let status = self.http.status(request, deadline).await;
        status.is_ok_and(|status| status.is_success() || status == StatusCode::NOT_FOUND)
    }
}

#[expect(clippy::expect_used, reason = "structs of texts and numbers always have a JSON form")]
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("plain texts")
}

/// Vonage's name of a channel; `None` when it has no such.
const fn channel_name(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Sms => Some("sms"),
        Channel::Voice => Some("voice"),
        Channel::Whatsapp => Some("whatsapp"),
        Channel::Flashcall => None,
    }
}

/// The closest of Vonage's languages that every channel has; else English.
fn locale_name(locale: Option<&Locale>) -> &'static str {
    let (tag, language) =
        locale.map(|locale| (locale.as_str().to_ascii_lowercase(), locale.language())).unwrap_or_default();
    match (tag.as_str(), language.as_str()) {
        ("en-gb", _) => "en-gb",
        ("es-mx", _) => "es-mx",
        ("pt-br", _) => "pt-br",
        (_, "da") => "da-dk",
        (_, "de") => "de-de",
        (_, "es") => "es-es",
        (_, "fi") => "fi-fi",
        (_, "fr") => "fr-fr",
        (_, "it") => "it-it",
        (_, "nb" | "no") => "nb-no",
        (_, "nl") => "nl-nl",
        (_, "pl") => "pl-pl",
        (_, "pt") => "pt-pt",
        (_, "sv") => "sv-se",
        _ => "en-us",
    }
}

/// Rounded up, within Vonage's bounds; the challenge ends on its own time.
fn seconds(life: SignedDuration) -> i64 {
    life.as_secs().saturating_add(i64::from(life.subsec_nanos() > 0)).clamp(60, 900)
}

fn started(answer: &Answer) -> Result<ProviderId, StartError> {
    if !answer.status.is_success() {
        return Err(Refusal::of(answer).of_send());
    }
    let body = answer.object::<Started>().filter(|body| is_plain_segment(&body.request_id));
    body.map(|body| ProviderId(body.request_id)).ok_or_else(|| {
        StartError::Unknown(ProviderFault("Vonage's answer to a start is not understood".to_owned()))
    })
}

#[async_trait]
impl VerificationProvider for VonageVerify {
    #[tracing::instrument(name = "vonage_start", skip_all, fields(otel.kind = "client"))]
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let channel = channel_name(request.channel).ok_or_else(|| {
            StartError::NotSent(NotSent::Fault(ProviderFault("Vonage has no flash calls here".to_owned())))
        })?;
        let body = StartBody {
            brand: &self.brand,
            code_length: self.code_length,
            locale: locale_name(request.locale.as_ref()),
            channel_timeout: seconds(request.life),
            client_ref: request.reference.0.to_string(),
            workflow: [Step { channel, to: request.phone.as_e164().trim_start_matches('+') }],
        };
        let deadline = self.http.deadline();
        let answer = self.begin(&body, deadline).await?;
        if answer.status != StatusCode::CONFLICT {
            return started(&answer);
        }
        let refusal = Refusal::of(&answer);
        let Some(earlier) = refusal.request_id.as_deref().filter(|_| refusal.is_conflict()) else {
            return Err(refusal.of_send());
        };
        if !self.cancel(earlier, deadline).await {
            return Err(StartError::NotSent(NotSent::TooSoon));
        }
        started(&self.begin(&body, deadline).await?)
    }

    /// Vonage tells nothing by a reference of ours, so what was sent stays unknown.
    async fn find(
        &self,
        _reference: SendReference,
        _phone: &PhoneNumber,
        _channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        Err(ProviderFault("Vonage cannot say what came of a start without its id".to_owned()))
    }

    #[tracing::instrument(name = "vonage_check", skip_all, fields(otel.kind = "client"))]
    async fn check(&self, asked: &StartedVerification, code: &Code) -> Result<CodeCheck, ProviderFault> {
        if !is_plain_segment(&asked.id.0) {
            // Started by another provider, before the settings changed.
            return Ok(CodeCheck::Gone);
        }
        let path = format!("{REQUESTS}/{}", asked.id.0);
        let body = CheckBody { code: code.expose() };
        let answer = self
            .post(&path, &body, self.http.deadline())
            .await
            .map_err(|no_answer| ProviderFault(no_answer.to_string()))?;
        if answer.status != StatusCode::OK {
            let refusal = Refusal::of(&answer);
            return refusal.of_check().ok_or_else(|| {
                refusal.report_to_operator();
                ProviderFault(format!("Vonage did not judge a code: {refusal}"))
            });
        }
        match answer.object::<Checked>() {
            Some(body) if body.request_id == asked.id.0 && body.status == "completed" => {
                Ok(CodeCheck::Accepted)
            }
            _ => Err(ProviderFault("Vonage's answer to a check is not about the request".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_language_is_named() {
        let name = |tag: &str| locale_name(Locale::parse(tag).ok().as_ref());
        for (tag, expected) in
            [("sv-FI", "sv-se"), ("en-GB", "en-gb"), ("en-AU", "en-us"), ("pt-BR", "pt-br"), ("mi", "en-us")]
        {
            assert_eq!(name(tag), expected, "{tag}");
        }
        assert_eq!(locale_name(None), "en-us");
    }

    #[test]
    fn the_life_of_a_request_is_within_bounds() {
        for (life, expected) in [
            (SignedDuration::ZERO, 60),
            (SignedDuration::from_millis(300_001), 301),
            (SignedDuration::from_hours(1), 900),
            (SignedDuration::MAX, 900),
        ] {
            assert_eq!(seconds(life), expected);
        }
    }
}
