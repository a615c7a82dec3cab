//! Limits shared by all replicas through one Redis or Valkey server.
//!
//! One script decides about all limits of a call, by the clock of the server. Keys name nobody:
//! what they count is hashed under a secret key. All of them carry one hash tag, so that a
//! cluster keeps them in one place, as a script over several of them needs.

mod count;
mod link;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{LimitDemand, LimitKey, LimitRuling, LimitSubject, RateLimit};
use ports::{Dependency, LimiterUnavailable, RateLimiter, Unready};
use redis::Client;
use secrecy::{ExposeSecret, SecretString};
use tokio::{runtime::Handle, time::timeout};
use zeroize::Zeroizing;

use crate::{count::Count, link::Links};

/// How limits are shared.
pub struct Settings {
    /// `redis://` or, with TLS, `rediss://`; `valkey` in their place, too.
    pub url: SecretString,
    /// How long a call may take, connecting included.
    pub timeout: Duration,
    /// Whose limits they are: services with the same name share them.
    pub namespace: String,
    /// Under which names in keys are hashed; the same for all replicas.
    pub key: Zeroizing<[u8; 32]>,
}

/// The server cannot even be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRedis {
    /// The text may hold a password, so it is not repeated.
    #[error("write redis://host:6379, or rediss://user:password@host:6379 for TLS")]
    InvalidUrl,
    #[error("there is no asynchronous runtime to connect from")]
    NoRuntime,
}

/// Why limits could not be counted.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("Redis did not answer in time")]
    Late,
    #[error("Redis failed a moment ago")]
    Resting,
    #[error("Redis cannot be connected to: {0}")]
    Unconnected(Arc<Fault>),
    #[error("Redis failed or refused: {0}")]
    Refused(redis::RedisError),
    #[error("Redis answered something else than was asked")]
    Nonsense,
}

/// Whether a URL can be used; asks no server.
///
/// # Errors
/// When it cannot be read.
pub fn check_url(url: &str) -> Result<(), UnusableRedis> {
    Client::open(url).map(drop).map_err(|_| UnusableRedis::InvalidUrl)
}

/// Counts in a Redis or Valkey server that all replicas use.
///
/// Connects when it is first needed. A server that fails twice in a row, or does not answer, is
/// left alone for a second, in which every call fails at once.
pub struct RedisLimiter {
    links: Links,
    count: Count,
    timeout: Duration,
}

impl RedisLimiter {
    /// Connects to nothing yet. Connections live on the runtime that this is called from.
    ///
    /// # Errors
    /// When the URL cannot be read, or there is no runtime.
    pub fn new(settings: &Settings) -> Result<Self, UnusableRedis> {
        let client = Client::open(settings.url.expose_secret()).map_err(|_| UnusableRedis::InvalidUrl)?;
        let runtime = Handle::try_current().map_err(|_| UnusableRedis::NoRuntime)?;
        Ok(Self {
            // Connecting and asking have half each.
            links: Links::new(client, runtime, settings.timeout / 2),
            count: Count::new(&settings.namespace, &settings.key),
            timeout: settings.timeout,
        })
    }

    async fn judge(&self, demands: &[LimitDemand]) -> Result<LimitRuling, Fault> {
        if demands.is_empty() {
            return Ok(LimitRuling::judge(Vec::new()));
        }
        let call = self.count.call(demands);
        let answered = timeout(self.timeout, self.links.ask(&call)).await;
        let answer = answered.unwrap_or(Err(Fault::Late))?;
        count::ruling(demands, &answer).ok_or(Fault::Nonsense)
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn take(&self, demands: &[LimitDemand]) -> Result<LimitRuling, LimiterUnavailable> {
        self.judge(demands).await.map_err(|fault| LimiterUnavailable(Box::new(fault)))
    }
}

#[async_trait]
impl Dependency for RedisLimiter {
    fn name(&self) -> &'static str {
        "redis"
    }

    /// Counts something, because a server may answer and yet take no writes.
    async fn probe(&self) -> Result<(), Unready> {
        let key = LimitKey { limit: "probes", subject: LimitSubject::everyone() };
        let limit = RateLimit::per_minute(std::num::NonZeroU32::MAX, std::num::NonZeroU32::MIN);
        let probed = self.judge(&[LimitDemand { key, limit }]).await;
        probed.map(drop).map_err(|fault| Unready(fault.to_string()))
    }
}
