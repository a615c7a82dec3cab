//! Clients that ask over and over, and clients that ask at a fixed rate.

use std::num::NonZero;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::statistics::{median, percentile};

/// The system may wake a sleeper that much late, 50 µs unless told.
const TIMER_SLACK_NANOS: NonZero<u64> = NonZero::<u64>::MIN;

/// One answer: when it was there and how long it took.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) latency: Duration,
}

/// Answers, all of them 200.
#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn since(self, begin: Instant) -> Self {
        Self(self.0.into_iter().filter(|sample| sample.at >= begin).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn count_until(&self, end: Instant) -> usize {
        self.0.iter().filter(|sample| sample.at <= end).count()
    }

    /// Answers a second, between the first answer and the last before `end`: while
    /// everybody was still asking.
    pub(crate) fn rate_until(&self, end: Instant) -> Result<f64> {
        let times = || self.0.iter().map(|sample| sample.at).filter(|at| *at <= end);
        let (first, last) = times().min().zip(times().max()).context("no answer in time")?;
        let between = last.duration_since(first).as_secs_f64();
        ensure!(between > 0.0, "one answer in time is no rate");
        Ok((as_f64(times().count()) - 1.0) / between)
    }

    pub(crate) fn p99_ms(&self) -> Result<f64> {
        percentile(&self.latencies_ms(), 0.99)
    }

    pub(crate) fn p50_ms(&self) -> Result<f64> {
        median(&self.latencies_ms())
    }

    fn latencies_ms(&self) -> Vec<f64> {
        self.0.iter().map(|sample| sample.latency.as_secs_f64() * 1000.0).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// Clients with a kept connection each, that ask again once they are answered.
pub(crate) struct Crowd(Vec<Client>);

struct Client {
    connection: Connection,
    request: Vec<u8>,
}

impl Crowd {
    /// Connects a client for each request. They had better ask soon: the service
    /// closes a connection on which nothing is asked for ten seconds.
    pub(crate) async fn gather(port: u16, requests: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        let mut clients = Vec::new();
        for request in requests {
            clients.push(Client { connection: Connection::open(port).await?, request });
        }
        Ok(Self(clients))
    }

    /// Everybody asks, at least once, and again until it is `end`; gives all
    /// answers, also those that came later.
    pub(crate) async fn ask_until(&mut self, end: Instant) -> Result<Samples> {
        let mut asking = JoinSet::new();
        for client in self.0.drain(..) {
            asking.spawn(client.ask_until(end));
        }
        let mut all = Samples::default();
        while let Some(asked) = asking.join_next().await {
            let (client, samples) = asked??;
            self.0.push(client);
            all.merge(samples);
        }
        Ok(all)
    }

    pub(crate) async fn ask_once(&mut self) -> Result<Samples> {
        self.ask_until(Instant::now()).await
    }
}

impl Client {
    async fn ask_until(mut self, end: Instant) -> Result<(Self, Samples)> {
        let mut samples = Vec::new();
        loop {
            let asked = Instant::now();
            samples.push(ask(&mut self.connection, &self.request, asked).await?);
            if Instant::now() >= end {
                return Ok((self, Samples(samples)));
            }
        }
    }
}

async fn ask(connection: &mut Connection, request: &[u8], since: Instant) -> Result<Sample> {
    let answer = connection.exchange(request).await?;
    let at = Instant::now();
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(Sample { at, latency: at.duration_since(since) })
}

/// Requests at fixed times, whether or not the service keeps up: a latency counts
/// from when the request was due, so that a stall is seen by all who would have
/// asked meanwhile.
pub(crate) struct Metronome(Vec<JoinHandle<Result<Samples>>>);

impl Metronome {
    /// Starts a thread for each connection: one that sleeps exactly needs its own.
    pub(crate) fn start(
        port: u16,
        requests: &[Vec<u8>],
        per_second: u32,
        begin: Instant,
        end: Instant,
    ) -> Self {
        let mut due = begin;
        let connections = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let step = Duration::from_secs(1) / per_second;
        let threads = requests.iter().map(|request| {
            let beat = Beat { port, request: request.clone(), first: due, every: step * connections, end };
            due += step;
            thread::spawn(move || beat.run())
        });
        Self(threads.collect())
    }

    /// Waits for the end.
    pub(crate) fn finish(self) -> Result<Samples> {
        let mut all = Samples::default();
        for thread in self.0 {
            all.merge(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok(all)
    }
}

struct Beat {
    port: u16,
    request: Vec<u8>,
    first: Instant,
    every: Duration,
    end: Instant,
}

impl Beat {
    fn run(self) -> Result<Samples> {
        rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NANOS))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(self.ask_on_time())
    }

    async fn ask_on_time(self) -> Result<Samples> {
        let mut connection = Connection::open(self.port).await?;
        let mut samples = Vec::new();
        let mut due = self.first;
        while due < self.end {
            // Blocks the thread on purpose: the runtime's timer knows only milliseconds.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            samples.push(ask(&mut connection, &self.request, due).await?);
            due += self.every;
        }
        Ok(Samples(samples))
    }
}
