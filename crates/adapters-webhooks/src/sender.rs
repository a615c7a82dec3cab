//! The requests.

use std::{collections::BTreeMap, error::Error as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::EndpointName;
use ports::{Clock, WebhookEvent, WebhookFault, WebhookSender};
use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect, retry};
use uuid::Uuid;

use crate::{endpoint::Endpoint, message::Message, secret::signatures};

/// The endpoints, and a way to each of them.
///
/// Each has a client of its own, so that one cannot use up another's connections.
pub struct Webhooks {
    endpoints: BTreeMap<EndpointName, (Endpoint, Client)>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

/// Most often the system has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up; are the system's CA certificates installed?")]
pub struct TlsUnusable(#[source] reqwest::Error);

impl Webhooks {
    /// For a whole delivery (Standard Webhooks proposes 15 to 30 s).
    pub const TIMEOUT: Duration = Duration::from_secs(15);

    /// Prepares a client for each endpoint without connecting.
    pub fn new(endpoints: Vec<Endpoint>, clock: Arc<dyn Clock>) -> Result<Self, TlsUnusable> {
        let with_client = |endpoint: Endpoint| Ok((endpoint.name.clone(), (endpoint, client()?)));
        let endpoints =
            endpoints.into_iter().map(with_client).collect::<Result<_, _>>().map_err(TlsUnusable)?;
        Ok(Self { endpoints, clock, timeout: Self::TIMEOUT })
    }

    /// The same with less patience, for tests.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends a signed message of the type `webhook_test` that tells of nothing.
    pub async fn test(&self, endpoint: &EndpointName, id: Uuid) -> Result<(), WebhookFault> {
        self.send(endpoint, &Message::test(id, self.clock.now())).await
    }

    async fn send(&self, name: &EndpointName, message: &Message) -> Result<(), WebhookFault> {
        let (endpoint, client) = self.endpoints.get(name).ok_or(WebhookFault::Unknown)?;
        let timestamp = self.clock.now().as_second();
        let previous = endpoint.previous_secret.as_ref();
        let signatures = signatures(&endpoint.secret, previous, &message.id, timestamp, &message.body);
        let request = client
            .post(endpoint.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures)
            .body(message.body.clone());
        match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(Ok(response)) => judge(response.status()),
            Ok(Err(error)) => Err(fault(error)),
            Err(_) => Err(WebhookFault::TimedOut),
        }
    }
}

fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Attempts are counted and spread by those who call.
        .retry(retry::never())
        .pool_idle_timeout(Duration::from_secs(20))
        .user_agent(concat!("otp-login/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn judge(status: StatusCode) -> Result<(), WebhookFault> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(WebhookFault::Gone),
        status => Err(WebhookFault::Refused(status.as_u16())),
    }
}

/// The innermost cause says most; the URL may hold a token.
fn fault(error: reqwest::Error) -> WebhookFault {
    if error.is_timeout() {
        return WebhookFault::TimedOut;
    }
    let error = error.without_url();
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    WebhookFault::Unreachable(text)
}

#[async_trait]
impl WebhookSender for Webhooks {
    async fn deliver(&self, endpoint: &EndpointName, event: &WebhookEvent) -> Result<(), WebhookFault> {
        self.send(endpoint, &Message::of(event)).await
    }
}
