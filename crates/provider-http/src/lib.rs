//! Requests to a provider within bounds, for adapters that each speak one provider's language.
//!
//! | what can go wrong | what bounds it |
//! |---|---|
//! | the provider hangs | one deadline for a whole call, two seconds or two fifths of it for a connection |
//! | an endless or foreign answer | 64 KiB, no redirects, no proxies, no other host than the configured one |
//! | a request that is repeated | is not: only whoever knows its meaning may |
//!
//! Errors hold neither the URL, which may name numbers, nor anything that the provider wrote.

mod url;

use std::{error::Error as _, time::Duration};

use reqwest::{Client, Response, redirect, retry};
pub use reqwest::{Method, RequestBuilder, StatusCode, Url, header};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

pub use self::url::base_url;

/// Providers answer within a kilobyte or two.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What timeouts of a call may be.
pub const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);

/// The way to one provider.
pub struct ProviderHttp {
    who: &'static str,
    client: Client,
    base: Url,
    timeout: Duration,
}

/// A whole answer with any status.
pub struct Answer {
    pub status: StatusCode,
    body: Vec<u8>,
}

/// No whole answer. The texts are for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The request never left this machine.
    #[error("{0}")]
    NotAsked(String),
    /// The provider may have done what was asked.
    #[error("{0}")]
    Lost(String),
}

/// Most often the system has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up; are the system's CA certificates installed? {0}")]
pub struct TlsUnusable(String);

/// Until when a call may go on.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl ProviderHttp {
    /// Prepares a connection pool without connecting. `who` is how errors call the provider;
    /// `timeout` is for one call with all that it asks.
    pub fn new(who: &'static str, base: Url, timeout: Duration) -> Result<Self, TlsUnusable> {
        let client = Client::builder()
            // So that a call that could not connect ends knowing it.
            .connect_timeout(Duration::from_secs(2).min(timeout * 2 / 5))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .retry(retry::never())
            .pool_max_idle_per_host(32)
            .pool_idle_timeout(Duration::from_secs(20))
            .user_agent(concat!("otp-login/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| TlsUnusable(chain(error)))?;
        Ok(Self { who, client, base, timeout })
    }

    /// The deadline of a call that begins now.
    pub fn deadline(&self) -> Deadline {
        Deadline(Instant::now() + self.timeout)
    }

    /// A request for `path`, which begins with a slash and is written as it stands.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(path);
        self.client.request(method, url)
    }

    /// A `POST` to the configured URL itself.
    pub fn post(&self) -> RequestBuilder {
        self.client.post(self.base.clone())
    }

    /// Asks once and reads the whole answer.
    pub async fn ask(&self, request: RequestBuilder, deadline: Deadline) -> Result<Answer, NoAnswer> {
        self.within(deadline, async {
            let response = request.send().await.map_err(no_answer)?;
            Ok(Answer { status: response.status(), body: self.read(response).await? })
        })
        .await
    }

    /// Asks once and leaves the body unread.
    pub async fn status(&self, request: RequestBuilder, deadline: Deadline) -> Result<StatusCode, NoAnswer> {
        self.within(deadline, async { Ok(request.send().await.map_err(no_answer)?.status()) }).await
    }

    async fn within<T>(
        &self,
        Deadline(until): Deadline,
        asking: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        timeout_at(until, asking)
            .await
            .unwrap_or_else(|_| Err(NoAnswer::Lost(format!("{} did not answer in time", self.who))))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, NoAnswer> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| NoAnswer::Lost(chain(error)))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(NoAnswer::Lost(format!("the answer of {} is larger than 64 KiB", self.who)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Answer {
    /// The body as a JSON object. Serde alone would take an array of the fields as well.
    pub fn object<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        self.body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(&self.body).ok())?
    }
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_connect() || error.is_builder() {
        NoAnswer::NotAsked(chain(error))
    } else {
        NoAnswer::Lost(chain(error))
    }
}

/// The error and its causes, without the URL.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Whether `text` is one path segment that needs no escapes (RFC 3986 §2.3), short enough to
/// be anybody's id.
pub fn is_plain_segment(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        && !text.bytes().all(|byte| byte == b'.')
}
