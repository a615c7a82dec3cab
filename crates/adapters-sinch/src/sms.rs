//! Text messages by the [Sinch SMS API](https://developers.sinch.com/docs/sms/): notices, and
//! the texts of whoever makes codes.
//!
//! One message is one batch with one receiver, under the id of its event or its reference as
//! `client_reference`. The API does not recognise repetitions by it: who sends a message again
//! after a lost answer may send it twice.

mod settings;

use std::time::Duration;

use async_trait::async_trait;
use domain::ProductName;
use ports::{
    MessageId, NotSent, Notice, NoticeFault, NoticeSender, ProviderFault, StartError, TextMessage,
    TextMessageGateway,
};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

pub use self::settings::{InvalidSmsSettings, SmsSettings};
use crate::transport::{chain, http_client, read};

/// Sends texts by Sinch.
pub struct SinchSms {
    client: Client,
    batches: Url,
    authorization: HeaderValue,
    from: Option<String>,
    product: ProductName,
    timeout: Duration,
}

/// A text message to one number.
#[derive(Serialize)]
struct Batch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    to: [&'a str; 1],
    body: &'a str,
    r#type: &'static str,
    client_reference: &'a str,
    delivery_report: &'static str,
}

/// What of the answer tells that it is about our message.
#[derive(Deserialize)]
struct Accepted {
    id: String,
    to: Vec<String>,
}

/// Why a message did not clearly go.
enum Unsent {
    /// The message itself cannot be sent. All of it but the number is ours and checked, so
    /// most likely Sinch does not send to the number.
    Refused(String),
    /// Certainly nothing was sent; the settings or the day are to blame.
    NotSent(String),
    /// It may be on its way.
    Unknown(String),
}

impl SinchSms {
    /// Prepares the client without connecting.
    pub fn new(settings: &SmsSettings) -> Result<Self, InvalidSmsSettings> {
        let checked = settings.check()?;
        Ok(Self {
            client: http_client(Duration::from_secs(2), 8)
                .map_err(|error| InvalidSmsSettings::Tls(chain(error)))?,
            batches: checked.batches,
            authorization: checked.authorization,
            from: checked.from,
            product: settings.product.clone(),
            timeout: settings.timeout,
        })
    }

    /// Hands one message over; its batch id.
    async fn hand_over(&self, phone: &str, text: &str, reference: &str) -> Result<String, Unsent> {
        tokio::time::timeout(self.timeout, self.exchange(phone, text, reference))
            .await
            .unwrap_or_else(|_| Err(Unsent::Unknown("Sinch did not answer in time".to_owned())))
    }

    async fn exchange(&self, phone: &str, text: &str, reference: &str) -> Result<String, Unsent> {
        let batch = Batch {
            from: self.from.as_deref(),
            to: [phone],
            body: text,
            r#type: "mt_text",
            client_reference: reference,
            delivery_report: "none",
        };
        let request = self.client.post(self.batches.clone()).header(AUTHORIZATION, &self.authorization);
        let response = request.json(&batch).send().await.map_err(not_answered)?;
        let status = response.status();
        let body = read(response).await.map_err(|no_answer| Unsent::Unknown(no_answer.into_fault().0))?;
        let told = format!("status {}", status.as_u16());
        match status {
            StatusCode::CREATED | StatusCode::OK => batch_id(&body, phone)
                .ok_or_else(|| Unsent::Unknown("Sinch's answer is not about the message".to_owned())),
            StatusCode::BAD_REQUEST => Err(Unsent::Refused(told)),
            StatusCode::REQUEST_TIMEOUT => Err(Unsent::Unknown(told)),
            status if status.is_client_error() => Err(Unsent::NotSent(told)),
            _ => Err(Unsent::Unknown(told)),
        }
    }
}

fn not_answered(error: reqwest::Error) -> Unsent {
    if error.is_connect() { Unsent::NotSent(chain(error)) } else { Unsent::Unknown(chain(error)) }
}

/// The id of the batch, if the answer is about a message to `phone`.
fn batch_id(body: &[u8], phone: &str) -> Option<String> {
    let Accepted { id, to } = serde_json::from_slice(body).ok()?;
    let digits = |number: &str| number.trim_start_matches('+').to_owned();
    (!id.is_empty() && to.iter().any(|to| digits(to) == digits(phone))).then_some(id)
}

#[async_trait]
impl NoticeSender for SinchSms {
    #[tracing::instrument(name = "sinch_sms", skip_all, fields(otel.kind = "client"))]
    async fn send(&self, notice: &Notice) -> Result<(), NoticeFault> {
        let text = notice.kind.text(&self.product, notice.locale.as_ref());
        let sent = self.hand_over(notice.phone.as_e164(), &text, &notice.id.0.to_string()).await;
        sent.map(drop).map_err(|unsent| match unsent {
            Unsent::Refused(told) => NoticeFault::Refused(told),
            Unsent::NotSent(told) | Unsent::Unknown(told) => NoticeFault::Unavailable(told),
        })
    }
}

#[async_trait]
impl TextMessageGateway for SinchSms {
    #[tracing::instrument(name = "sinch_sms", skip_all, fields(otel.kind = "client"))]
    async fn send(&self, message: &TextMessage) -> Result<MessageId, StartError> {
        let reference = message.reference.0.to_string();
        let sent = self.hand_over(message.phone.as_e164(), message.text.expose_secret(), &reference).await;
        sent.map(MessageId).map_err(|unsent| match unsent {
            Unsent::Refused(told) => StartError::NotSent(NotSent::DestinationRefused(told)),
            Unsent::NotSent(told) => StartError::NotSent(NotSent::Fault(ProviderFault(told))),
            Unsent::Unknown(told) => StartError::Unknown(ProviderFault(told)),
        })
    }
}
