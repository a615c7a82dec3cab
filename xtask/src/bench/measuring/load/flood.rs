//! Clients that come all at once: whoever is not answered is counted, not an error.

use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::client::{Accepts, Client};
use super::samples::Samples;
use crate::bench::measuring::statistics::as_f64;

/// What is not answered so long after the last request was due hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came of a flood.
#[derive(Default)]
pub(crate) struct Flood {
    pub(crate) answers: Samples,
    /// Connections refused, closed or silent, and answers that no overload excuses.
    pub(crate) failures: Vec<Error>,
}

impl Flood {
    /// A client for each request: all connect, ask at one moment, and again until
    /// `length` has passed. One that fails gives up.
    pub(crate) async fn rise(
        port: u16,
        requests: impl Iterator<Item = Vec<u8>>,
        length: Duration,
    ) -> Result<Self> {
        let mut flood = Self::default();
        let clients = flood.connect(port, requests).await;
        let end = Instant::now() + length;
        let mut asking = JoinSet::new();
        for client in clients {
            asking.spawn(ask_until(client, end));
        }
        while let Some(asked) = asking.join_next().await {
            let (answers, outcome) = asked?;
            flood.answers.merge(answers);
            flood.failures.extend(outcome.err());
        }
        Ok(flood)
    }

    async fn connect(&mut self, port: u16, requests: impl Iterator<Item = Vec<u8>>) -> Vec<Client> {
        let mut clients = Vec::new();
        for request in requests {
            match Client::open(port, request, Accepts::EveryOutcome).await {
                Ok(client) => clients.push(client),
                Err(error) => self.failures.push(error),
            }
        }
        clients
    }

    /// The share of requests that were answered.
    pub(crate) fn answered(&self) -> f64 {
        let answered = as_f64(self.answers.len());
        answered / (answered + as_f64(self.failures.len())).max(1.0)
    }
}

async fn ask_until(mut client: Client, end: Instant) -> (Samples, Result<()>) {
    let mut samples = Samples::default();
    let asking = timeout_at((end + PATIENCE).into(), client.ask_until(end, &mut samples)).await;
    (samples, asking.context("no answer").flatten())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_is_not_answered_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let closing = tokio::spawn(async move { listener.accept().await.map(drop) });
        let requests = [b"GET / HTTP/1.1\r\n\r\n".to_vec()].into_iter();
        let flood = Flood::rise(port, requests, Duration::ZERO).await.unwrap();
        closing.await.unwrap().unwrap();
        assert_eq!((flood.answers.len(), flood.failures.len()), (0, 1));
        assert!(flood.answered() < 1e-9);
    }
}
