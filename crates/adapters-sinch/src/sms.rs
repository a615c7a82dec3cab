//! Notices as text messages by the [Sinch SMS API](https://developers.sinch.com/docs/sms/).
//!
//! One notice is one batch with one receiver, under the id of its event as
//! `client_reference`. The API does not recognise repetitions by it: who sends a notice again
//! after a lost answer may send it twice.

mod settings;

use std::time::Duration;

use async_trait::async_trait;
use domain::ProductName;
use ports::{Notice, NoticeFault, NoticeSender};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};

pub use self::settings::{InvalidSmsSettings, SmsSettings};
use crate::transport::{chain, http_client, read};

/// Sends notices by Sinch.
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

    async fn exchange(&self, notice: &Notice) -> Result<(), NoticeFault> {
        let phone = notice.phone.as_e164();
        let batch = Batch {
            from: self.from.as_deref(),
            to: [phone],
            body: &notice.kind.text(&self.product, notice.locale.as_ref()),
            r#type: "mt_text",
            client_reference: &notice.id.0.to_string(),
            delivery_report: "none",
        };
        let request = self.client.post(self.batches.clone()).header(AUTHORIZATION, &self.authorization);
        let response = request.json(&batch).send().await.map_err(|error| unavailable(chain(error)))?;
        let status = response.status();
        let body = read(response).await.map_err(|no_answer| unavailable(no_answer.into_fault().0))?;
        match status {
            StatusCode::CREATED | StatusCode::OK if is_about(&body, phone) => Ok(()),
            StatusCode::CREATED | StatusCode::OK => {
                Err(unavailable("Sinch's answer is not about the message"))
            }
            // The message itself cannot be sent; all else may be the fault of settings or of the day.
            StatusCode::BAD_REQUEST => Err(NoticeFault::Refused("status 400".to_owned())),
            status => Err(unavailable(format!("status {}", status.as_u16()))),
        }
    }
}

fn is_about(body: &[u8], phone: &str) -> bool {
    let accepted = serde_json::from_slice::<Accepted>(body);
    let digits = |number: &str| number.trim_start_matches('+').to_owned();
    accepted
        .is_ok_and(|Accepted { id, to }| !id.is_empty() && to.iter().any(|to| digits(to) == digits(phone)))
}

fn unavailable(text: impl Into<String>) -> NoticeFault {
    NoticeFault::Unavailable(text.into())
}

#[async_trait]
impl NoticeSender for SinchSms {
    #[tracing::instrument(name = "sinch_sms", skip_all, fields(otel.kind = "client"))]
    async fn send(&self, notice: &Notice) -> Result<(), NoticeFault> {
        let sent = tokio::time::timeout(self.timeout, self.exchange(notice)).await;
        sent.unwrap_or_else(|_| Err(unavailable("Sinch did not answer in time")))
    }
}
