//! Twilio Messages.

use async_trait::async_trait;
use ports::{MessageId, NotSent, StartError, TextMessage, TextMessageGateway};
use provider_http::{Method, NoAnswer, ProviderHttp};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::form::{fault, with_form};
use crate::refusal::{Refusal, is_created};
use crate::settings::{Credentials, InvalidTwilioSettings, MessagesSettings, Sender};

/// Sends texts by the Messages API. Twilio recognises no repetitions, so nothing is tried again.
pub struct TwilioMessages {
    http: ProviderHttp,
    credentials: Credentials,
    path: String,
    sender: Sender,
}

#[derive(Deserialize)]
struct Message {
    sid: String,
    to: String,
    status: String,
}

impl TwilioMessages {
    /// Checks the settings and prepares the connection pool; asks nothing yet.
    pub fn new(settings: &MessagesSettings) -> Result<Self, InvalidTwilioSettings> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem);
        }
        let base = settings.base().ok_or(InvalidTwilioSettings::MessagesBaseUrl)?;
        let http = ProviderHttp::new("Twilio", base, settings.timeout)
            .map_err(|error| InvalidTwilioSettings::Tls(error.to_string()))?;
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", settings.account_sid);
        Ok(Self { http, credentials: settings.credentials.clone(), path, sender: settings.sender.clone() })
    }
}

#[async_trait]
impl TextMessageGateway for TwilioMessages {
    #[tracing::instrument(name = "twilio_message", skip_all, fields(otel.kind = "client"))]
    async fn send(&self, message: &TextMessage) -> Result<MessageId, StartError> {
        let phone = message.phone.as_e164();
        let pairs = [("To", phone), self.sender.pair(), ("Body", message.text.expose_secret())];
        let request = with_form(self.http.request(Method::POST, &self.path), &self.credentials, &pairs);
        let answer = match self.http.ask(request, self.http.deadline()).await {
            Ok(answer) => answer,
            Err(NoAnswer::NotAsked(text)) => return Err(StartError::NotSent(NotSent::Fault(fault(text)))),
            Err(NoAnswer::Lost(text)) => return Err(StartError::Unknown(fault(text))),
        };
        if !is_created(&answer) {
            return Err(Refusal::of(&answer).of_send());
        }
        match answer.object::<Message>() {
            // "failed" and the like are documented for later; at once they say that nothing left.
            Some(Message { sid, to, status })
                if to == phone
                    && !sid.is_empty()
                    && !["failed", "canceled", "undelivered"].contains(&status.as_str()) =>
            {
                Ok(MessageId(sid))
            }
            _ => Err(StartError::Unknown(fault("Twilio's answer is not about the message"))),
        }
    }
}
