//! Asks Sinch, within bounds of time, size and number.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use ports::{Clock, ProviderFault};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url, redirect, retry};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tracing::{Span, field};

use crate::breaker::Breaker;
use crate::request::Request;
use crate::settings::{InvalidSinchSettings, Settings};
use crate::signature::{self, Credentials, Signed};
use crate::trace_context;

/// Sinch answers within a kilobyte or two.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The way to Sinch: one connection pool, a number of places, a breaker.
pub(crate) struct Transport {
    client: Client,
    base_url: Url,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
    places: Semaphore,
    breaker: Breaker,
    timeout: Duration,
}

/// A place, and the time until which it may be used.
pub(crate) struct Call<'a> {
    transport: &'a Transport,
    deadline: Instant,
    _place: SemaphorePermit<'a>,
}

/// How long one question of a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Share {
    /// Half of what is left, so that an answer that is lost can be looked for.
    Half,
    /// All that is left.
    Rest,
}

/// A whole answer with any status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// No whole answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The request never left this machine.
    NotAsked(ProviderFault),
    /// Sinch may have done what was asked.
    Lost(ProviderFault),
}

impl NoAnswer {
    pub(crate) fn into_fault(self) -> ProviderFault {
        let (Self::NotAsked(fault) | Self::Lost(fault)) = self;
        fault
    }
}

impl Transport {
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSinchSettings> {
        let checked = settings.check()?;
        let client = http_client(checked.connect_timeout, settings.max_concurrent_calls)
            .map_err(|error| InvalidSinchSettings::Tls(chain(error)))?;
        Ok(Self {
            client,
            base_url: checked.base_url,
            credentials: checked.credentials,
            clock,
            places: Semaphore::new(settings.max_concurrent_calls),
            breaker: Breaker::new(settings.breaker_faults, settings.breaker_open_for),
            timeout: settings.timeout,
        })
    }

    /// Whether Sinch would be asked now.
    pub(crate) fn is_available(&self) -> bool {
        self.breaker.is_passable()
    }

    /// Takes a place. Waits at most half of the call's time for it: whoever
    /// asks with little time left does not learn what came of it.
    pub(crate) async fn begin(&self) -> Result<Call<'_>, NoAnswer> {
        if !self.breaker.is_passable() {
            return Err(away());
        }
        let begun = Instant::now();
        match timeout_at(begun + self.timeout / 2, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(Call { transport: self, deadline: begun + self.timeout, _place: place }),
            Ok(Err(_)) | Err(_) => Err(not_asked("too many calls to Sinch are under way")),
        }
    }

    async fn ask(&self, request: &Request, until: Instant) -> Result<Answer, NoAnswer> {
        let pass = self.breaker.pass().map_err(|_| away())?;
        let answer = match timeout_at(until, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(lost("Sinch did not answer in time")),
        };
        match &answer {
            Ok(answer) if !answer.status.is_server_error() => pass.answered(),
            Ok(_) | Err(_) => pass.failed(),
        }
        answer
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let sent = match self.send(request).await {
            // Refused at once: nothing left, and a second try costs no time. A
            // connection that timed out has had its time.
            Err(error) if error.is_connect() && !error.is_timeout() => self.send(request).await,
            sent => sent,
        };
        let response = sent.map_err(no_answer)?;
        Span::current().record("http.response.status_code", response.status().as_u16());
        Ok(Answer { status: response.status(), body: read(response).await? })
    }

    async fn send(&self, request: &Request) -> reqwest::Result<Response> {
        let mut url = self.base_url.clone();
        url.set_path(&request.path);
        let timestamp = format!("{:.3}", self.clock.now());
        let authorization = self.credentials.headers(Signed {
            verb: request.verb.as_str(),
            content_type: signature::CONTENT_TYPE,
            timestamp: &timestamp,
            path: url.path(),
            body: &request.body,
        });
        let mut call = self
            .client
            .request(request.verb.clone(), url)
            .headers(request.headers.clone())
            .headers(authorization)
            .header(CONTENT_TYPE, HeaderValue::from_static(signature::CONTENT_TYPE));
        if let Some(traceparent) = trace_context::current() {
            call = call.header("traceparent", traceparent);
        }
        if !request.body.is_empty() {
            call = call.body(request.body.clone());
        }
        call.send().await
    }
}

impl Call<'_> {
    /// One question and its whole answer.
    #[tracing::instrument(
        name = "sinch",
        skip_all,
        fields(
            otel.kind = "client",
            sinch.operation = request.operation,
            http.response.status_code = field::Empty,
            duration_ms = field::Empty,
        )
    )]
    pub(crate) async fn ask(&self, request: &Request, share: Share) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        let until = match share {
            Share::Half => begun + self.deadline.saturating_duration_since(begun) / 2,
            Share::Rest => self.deadline,
        };
        let answer = self.transport.ask(request, until).await;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Span::current().record("duration_ms", milliseconds);
        answer
    }
}

/// A client that keeps so many connections open while they are not used.
pub(crate) fn http_client(connect_timeout: Duration, idle: usize) -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(connect_timeout)
        // Nothing but the configured host is ever asked.
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Whether a request may be repeated is decided by its meaning.
        .retry(retry::never())
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(Duration::from_secs(20))
        .user_agent(concat!("otp-login/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The body of an answer, up to 64 KiB of it.
pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(chain(error)))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(lost("Sinch's answer is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_connect() { not_asked(chain(error)) } else { lost(chain(error)) }
}

fn away() -> NoAnswer {
    not_asked("Sinch is down and not asked for a while")
}

fn not_asked(text: impl Into<String>) -> NoAnswer {
    NoAnswer::NotAsked(ProviderFault(text.into()))
}

fn lost(text: impl Into<String>) -> NoAnswer {
    NoAnswer::Lost(ProviderFault(text.into()))
}

/// The error and its causes, without the URL: it names ids and numbers.
pub(crate) fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
