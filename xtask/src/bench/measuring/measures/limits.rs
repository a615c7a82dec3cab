//! What a limit costs, counted in the process and in a Redis that replicas share, and whether
//! replicas that share one keep to it.
//!
//! Each call asks for what a request does at most: the limit of an address, and that of all
//! clients together.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZero, NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use adapters_memory::MemoryLimiter;
use adapters_redis::{RedisLimiter, Settings};
use anyhow::{Context, Result, anyhow, ensure};
use domain::{LimitDemand, LimitKey, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::RateLimiter;
use testkit::redis::RedisServer;
use tokio::runtime;
use tokio::task::JoinSet;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::statistics::Rounds;
use crate::redis;

const REPLICAS: usize = 8;
/// Requests that each replica has under way.
const REQUESTS: u32 = 8;
/// How many clients there are.
const ADDRESSES: u32 = 10_000;
/// As many as the service remembers.
const MOST_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(32_767);
/// Not counted: connections, caches, the script in the server.
const WARM_UP: usize = 1_000;
const LONE_CALLS_IN_MEMORY: usize = 100_000;
const LONE_CALLS_OF_REDIS: usize = 20_000;
/// How many a shared limit allows at once, and how often that is tried.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
const BURSTS: u32 = 5;
/// A busy machine makes it slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one request asks for.
type Demands = [LimitDemand; 2];

/// Without a server of Redis or Valkey its figures are left out.
pub(crate) fn prepare() {
    if let Err(error) = redis::find_or_install() {
        eprintln!("figures of shared limits are left out: {error:#}");
    }
}

pub(crate) fn measure(length: Duration, figures: &mut Figures) -> Result<()> {
    in_memory(length / 10, figures)?;
    if redis::find().is_some() {
        in_redis(length / 5, figures)?;
    }
    Ok(())
}

fn in_memory(length: Duration, figures: &mut Figures) -> Result<()> {
    let limiter = Arc::new(MemoryLimiter::new(MOST_KEYS));
    let lone = alone(|| lone_calls(limiter.clone(), LONE_CALLS_IN_MEMORY))?;
    let cores = thread::available_parallelism().map(NonZero::get)?;
    let clients = Arc::new(clients());
    let calls = at_once(cores, || calls_within(limiter.clone(), clients.clone(), length))?;
    figures.add("limits_memory_p50_micros", lone.median()?);
    figures.add("limits_memory_p99_micros", lone.p99()?);
    figures.add("limits_memory_per_s", rate(&calls, length));
    Ok(())
}

fn in_redis(length: Duration, figures: &mut Figures) -> Result<()> {
    let server = RedisServer::start();
    let url = server.url();
    let lone = alone(|| async { lone_calls(replica(&url)?, LONE_CALLS_OF_REDIS).await })?;
    let clients = Arc::new(clients());
    let calls = at_once(REPLICAS, || requests_within(&url, &clients, length))?;
    figures.add("limits_redis_p50_micros", lone.median()?);
    figures.add("limits_redis_p99_micros", lone.p99()?);
    figures.add("limits_redis_per_s", rate(&calls, length));
    figures.add("limits_admitted_ratio", admitted_ratio(&url)?);
    Ok(())
}

/// As a replica of the service counts; connects when it is first asked.
fn replica(url: &str) -> Result<Arc<RedisLimiter>> {
    let settings =
        Settings { url: url.into(), timeout: PATIENCE, namespace: "bench".to_owned(), key: [7; 32].into() };
    Ok(Arc::new(RedisLimiter::new(&settings)?))
}

/// How long calls take one after the other, in microseconds.
async fn lone_calls(limiter: Arc<impl RateLimiter>, calls: usize) -> Result<Rounds> {
    let clients = clients();
    let mut took = Rounds::new();
    for (number, demands) in clients.iter().cycle().take(WARM_UP + calls).enumerate() {
        let begun = Instant::now();
        let ruling = limiter.take(demands).await;
        let micros = begun.elapsed().as_secs_f64() * 1_000_000.0;
        ensure!(ruling?.is_admitted(), "nobody comes near these limits");
        if number >= WARM_UP {
            took.push(micros);
        }
    }
    Ok(took)
}

/// What a replica counts within `length` for several requests at once.
async fn requests_within(url: &str, clients: &Arc<Vec<Demands>>, length: Duration) -> Result<u32> {
    let limiter = replica(url)?;
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        requests.spawn(calls_within(limiter.clone(), clients.clone(), length));
    }
    requests.join_all().await.into_iter().sum()
}

/// How many calls end within `length`, one after the other.
async fn calls_within(
    limiter: Arc<impl RateLimiter>,
    clients: Arc<Vec<Demands>>,
    length: Duration,
) -> Result<u32> {
    let end = Instant::now() + length;
    let mut calls = 0;
    for demands in clients.iter().cycle() {
        ensure!(limiter.take(demands).await?.is_admitted(), "nobody comes near these limits");
        if Instant::now() >= end {
            break;
        }
        calls += 1;
    }
    Ok(calls)
}

fn rate(calls: &[u32], length: Duration) -> f64 {
    calls.iter().copied().map(f64::from).sum::<f64>() / length.as_secs_f64()
}

/// Admitted against allowed, where replicas ask at once for twice of it: of several bursts the one
/// that is furthest from 1.
fn admitted_ratio(url: &str) -> Result<f64> {
    let mut furthest = 1.0_f64;
    for number in 0..BURSTS {
        let admitted = at_once(REPLICAS, || admitted_of(url, number))?;
        let ratio = f64::from(admitted.iter().sum::<u32>()) / f64::from(BURST.get());
        if (ratio - 1.0).abs() > (furthest - 1.0).abs() {
            furthest = ratio;
        }
    }
    Ok(furthest)
}

/// How many of its share of a burst one replica admits. Nothing comes back meanwhile: another
/// one would be admitted after an hour.
async fn admitted_of(url: &str, burst: u32) -> Result<u32> {
    let limiter = replica(url)?;
    let limit = RateLimit::new(NonZeroU32::MIN, SignedDuration::from_hours(1), BURST);
    let demands = [demand("bursts", address(burst), limit)];
    let mut admitted = 0;
    for _ in (0..2 * BURST.get()).step_by(REPLICAS) {
        admitted += u32::from(limiter.take(&demands).await?.is_admitted());
    }
    Ok(admitted)
}

/// What a request of each client asks for. All are admitted.
fn clients() -> Vec<Demands> {
    let limit = RateLimit::per_minute(NonZeroU32::MAX, NonZeroU32::MAX);
    let of = |subject| demand("requests", subject, limit);
    (0..ADDRESSES).map(|number| [of(address(number)), of(LimitSubject::everyone())]).collect()
}

fn demand(name: &'static str, subject: LimitSubject, limit: RateLimit) -> LimitDemand {
    LimitDemand { key: LimitKey { limit: name, subject }, limit }
}

fn address(number: u32) -> LimitSubject {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    LimitSubject::address(Some(IpAddr::V4(Ipv4Addr::from(first + number))))
}

fn alone<T: Send, F: Future<Output = Result<T>>>(work: impl Fn() -> F + Sync) -> Result<T> {
    at_once(1, work)?.pop().context("nothing was measured")
}

/// The same in several threads, which begin together, each with a runtime of its own.
fn at_once<T: Send, F: Future<Output = Result<T>>>(
    threads: usize,
    work: impl Fn() -> F + Sync,
) -> Result<Vec<T>> {
    let everybody = Barrier::new(threads);
    let once = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        everybody.wait();
        runtime?.block_on(work())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(once)).collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a caller panicked"))?).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn replicas_ask_for_twice_what_a_burst_allows_and_clients_differ() {
        assert_eq!(REPLICAS * (0..2 * BURST.get()).step_by(REPLICAS).count(), 2000);
        let subjects: BTreeSet<LimitKey> = clients().into_iter().map(|[address, _]| address.key).collect();
        assert_eq!(subjects.len(), usize::try_from(ADDRESSES).unwrap());
    }

    #[test]
    fn every_thread_works_and_a_fault_in_one_is_told() {
        assert_eq!(at_once(3, || async { Ok(1) }).unwrap(), [1, 1, 1]);
        assert!(at_once(3, || async { Err::<u32, _>(anyhow!("away")) }).is_err());
    }
}
