//! Text messages by a webhook to whatever sends them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ports::{Clock, MessageId, NotSent, ProviderFault, StartError, TextMessage, TextMessageGateway};
use provider_http::{NoAnswer, ProviderHttp, StatusCode, TlsUnusable, header::CONTENT_TYPE};
use reqwest::Url;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::secret::{Secret, signatures};

/// Where texts are handed over.
#[derive(Clone, Debug)]
pub struct TextMessageWebhook {
    pub url: Url,
    pub secret: Secret,
    /// Still signed with, too, while the receiver learns the new one.
    pub previous_secret: Option<Secret>,
    /// For one message with its answer.
    pub timeout: Duration,
}

/// Hands texts to a URL. `webhook-id` is the reference of the message: a receiver that meets
/// it again has sent that message already.
///
/// | answer | means |
/// |---|---|
/// | 2xx | the receiver takes care of it |
/// | 422 | no text goes to this number |
/// | 429 | too soon after the text before |
/// | other 4xx but 408 | not sent; the settings are to blame |
/// | everything else, or none | whether it was sent is unknown |
pub struct WebhookGateway {
    http: ProviderHttp,
    webhook: TextMessageWebhook,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    to: &'a str,
    text: &'a str,
    expires_at: jiff::Timestamp,
}

impl WebhookGateway {
    /// Prepares the client without connecting.
    pub fn new(webhook: TextMessageWebhook, clock: Arc<dyn Clock>) -> Result<Self, TlsUnusable> {
        let http = ProviderHttp::new("the gateway", webhook.url.clone(), webhook.timeout)?;
        Ok(Self { http, webhook, clock })
    }
}

#[async_trait]
impl TextMessageGateway for WebhookGateway {
    #[tracing::instrument(name = "webhook_gateway", skip_all, fields(otel.kind = "client"))]
    async fn send(&self, message: &TextMessage) -> Result<MessageId, StartError> {
        let id = message.reference.0.to_string();
        let body = body(&id, message);
        let timestamp = self.clock.now().as_second();
        let TextMessageWebhook { secret, previous_secret, .. } = &self.webhook;
        let request = self
            .http
            .post()
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures(secret, previous_secret.as_ref(), &id, timestamp, &body))
            .body(body.to_vec());
        match self.http.status(request, self.http.deadline()).await {
            Ok(status) if status.is_success() => Ok(MessageId(id)),
            Ok(status) => Err(refused(status)),
            Err(NoAnswer::NotAsked(text)) => Err(StartError::NotSent(NotSent::Fault(ProviderFault(text)))),
            Err(NoAnswer::Lost(text)) => Err(StartError::Unknown(ProviderFault(text))),
        }
    }
}

#[expect(clippy::expect_used, reason = "texts and a time under text keys always have a JSON form")]
fn body(id: &str, message: &TextMessage) -> Zeroizing<Vec<u8>> {
    let body = Body {
        id,
        to: message.phone.as_e164(),
        text: message.text.expose_secret(),
        expires_at: message.expires_at,
    };
    Zeroizing::new(serde_json::to_vec(&body).expect("plain texts"))
}

fn refused(status: StatusCode) -> StartError {
    let fault = || ProviderFault(format!("the gateway answered {}", status.as_u16()));
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => {
            StartError::NotSent(NotSent::DestinationRefused("422 of the gateway".to_owned()))
        }
        StatusCode::TOO_MANY_REQUESTS => StartError::NotSent(NotSent::TooSoon),
        StatusCode::REQUEST_TIMEOUT => StartError::Unknown(fault()),
        status if status.is_client_error() => StartError::NotSent(NotSent::Fault(fault())),
        _ => StartError::Unknown(fault()),
    }
}
