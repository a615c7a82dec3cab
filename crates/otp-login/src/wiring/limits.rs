//! What counts requests.

use std::{num::NonZeroUsize, sync::Arc};

use adapters_memory::MemoryLimiter;
use adapters_redis::RedisLimiter;
use anyhow::Context;
use ports::{Dependency, RateLimiter};
use use_cases::AdmitRequest;

use crate::settings::{LimitSettings, Settings};

/// Addresses and names that a process remembers by itself; each takes a few hundred bytes.
const MOST_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(32_767);

/// Limits of requests, and the server that they are shared through.
pub(super) struct Limits {
    pub(super) admit_request: AdmitRequest,
    /// Requests are refused without these.
    pub(super) required: Option<Arc<dyn Dependency>>,
    /// Requests are served without these.
    pub(super) optional: Option<Arc<dyn Dependency>>,
}

pub(super) fn limits(settings: &Settings) -> anyhow::Result<Limits> {
    let LimitSettings { address, everyone, named, redis } = &settings.limits;
    let redis =
        redis.as_ref().map(RedisLimiter::new).transpose().context("Redis cannot be used")?.map(Arc::new);
    // Where each process has limits of its own, http-actix counts addresses if it can.
    let is_governed = cfg!(feature = "governor") && redis.is_none();
    let dependency = redis.clone().map(|redis| redis as Arc<dyn Dependency>);
    let (required, optional) =
        if settings.limits.needs_redis() { (dependency, None) } else { (None, dependency) };
    let admit_request = AdmitRequest {
        shared: redis.map(|redis| redis as Arc<dyn RateLimiter>),
        alone: Arc::new(MemoryLimiter::new(MOST_KEYS)),
        address: (!is_governed).then_some(*address),
        everyone: *everyone,
        named: *named,
        forged_callbacks: Some(*address),
    };
    Ok(Limits { admit_request, required, optional })
}
