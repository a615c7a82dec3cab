//! Clients that ask at a fixed rate.

use std::num::NonZero;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::client::{Accepts, Client};
use super::samples::Samples;

/// The system may wake a sleeper that much late, 50 µs unless told.
const TIMER_SLACK_NANOS: NonZero<u64> = NonZero::<u64>::MIN;

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
        let mut client = Client::open(self.port, self.request, Accepts::OnlySuccess).await?;
        let mut samples = Samples::default();
        let mut due = self.first;
        while due < self.end {
            // Blocks the thread on purpose: the runtime's timer knows only milliseconds.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            samples.push(client.ask(due).await?);
            due += self.every;
        }
        Ok(samples)
    }
}
