//! A client with a kept connection, and the answers that it takes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::samples::{Sample, Samples};
use crate::bench::measuring::connection::{Answer, Connection};

/// Far less than `Retry-After` says, but enough to leave the cores to others.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    WrongPassword,
    TooManyRequests,
    Overloaded,
}

/// Which outcomes a client puts up with; others are errors.
#[derive(Clone, Copy)]
pub(super) enum Accepts {
    OnlySuccess,
    EveryOutcome,
}

impl Accepts {
    fn outcome(self, answer: &Answer<'_>) -> Result<Outcome> {
        match (self, answer.status) {
            (_, 200) => Ok(Outcome::Success),
            (Self::EveryOutcome, 401) => Ok(Outcome::WrongPassword),
            (Self::EveryOutcome, 429) => Ok(Outcome::TooManyRequests),
            (Self::EveryOutcome, 503) => Ok(Outcome::Overloaded),
            (_, status) => bail!("{status}: {}", String::from_utf8_lossy(answer.body)),
        }
    }
}

impl Outcome {
    fn is_refusal(self) -> bool {
        matches!(self, Self::TooManyRequests | Self::Overloaded)
    }
}

pub(super) struct Client {
    connection: Connection,
    request: Vec<u8>,
    accepts: Accepts,
}

impl Client {
    pub(super) async fn open(port: u16, request: Vec<u8>, accepts: Accepts) -> Result<Self> {
        Ok(Self { connection: Connection::open(port).await?, request, accepts })
    }

    /// The latency counts from `since`.
    pub(super) async fn ask(&mut self, since: Instant) -> Result<Sample> {
        let answer = self.connection.exchange(&self.request).await?;
        let at = Instant::now();
        let outcome = self.accepts.outcome(&answer)?;
        Ok(Sample { at, latency: at.duration_since(since), outcome })
    }

    /// Asks at least once, and again until it is `end`. The samples are there also
    /// when this fails or is given up.
    pub(super) async fn ask_until(&mut self, end: Instant, samples: &mut Samples) -> Result<()> {
        loop {
            let sample = self.ask(Instant::now()).await?;
            samples.push(sample);
            if sample.outcome.is_refusal() {
                tokio::time::sleep(PAUSE).await;
            }
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_refused_takes_the_answers_of_an_overloaded_service() {
        let outcome = |accepts: Accepts, status| accepts.outcome(&Answer { status, body: b"" }).ok();
        assert_eq!(outcome(Accepts::EveryOutcome, 503), Some(Outcome::Overloaded));
        assert_eq!(outcome(Accepts::OnlySuccess, 503), None);
        assert_eq!(outcome(Accepts::OnlySuccess, 200), Some(Outcome::Success));
        for broken in [400, 408, 500, 502] {
            assert_eq!(outcome(Accepts::EveryOutcome, broken), None);
        }
    }
}
