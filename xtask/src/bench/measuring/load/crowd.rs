//! Clients that ask again once they are answered.

use std::time::Instant;

use anyhow::Result;
use tokio::task::JoinSet;

use super::client::{Accepts, Client};
use super::samples::Samples;

/// Clients with a kept connection each.
pub(crate) struct Crowd(Vec<Client>);

impl Crowd {
    /// Connects a client for each request. They had better ask soon: the service
    /// closes a connection on which nothing is asked for ten seconds.
    ///
    /// An answer other than 200 is an error.
    pub(crate) async fn gather(port: u16, requests: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        Self::connect(port, requests, Accepts::OnlySuccess).await
    }

    /// The same of clients that go on when they are refused.
    pub(crate) async fn gather_stubborn(port: u16, requests: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        Self::connect(port, requests, Accepts::EveryOutcome).await
    }

    async fn connect(port: u16, requests: impl Iterator<Item = Vec<u8>>, accepts: Accepts) -> Result<Self> {
        let mut clients = Vec::new();
        for request in requests {
            clients.push(Client::open(port, request, accepts).await?);
        }
        Ok(Self(clients))
    }

    /// Everybody asks, at least once, and again until it is `end`; gives all
    /// answers, also those that came later.
    pub(crate) async fn ask_until(&mut self, end: Instant) -> Result<Samples> {
        let mut asking = JoinSet::new();
        for client in self.0.drain(..) {
            asking.spawn(ask_until(client, end));
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

async fn ask_until(mut client: Client, end: Instant) -> Result<(Client, Samples)> {
    let mut samples = Samples::default();
    client.ask_until(end, &mut samples).await?;
    Ok((client, samples))
}
