//! What all measurements share: binaries, folders, the simulator, `PostgreSQL`, time.

use std::env;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Ground;
use super::people::{Person, sign_up};
use super::pgbench::Postgres;
use super::service::{Launch, Service};
use crate::bench::{PASSWORD_VARIABLE, free_port};

/// How often a measurement and what it is compared with take turns.
const ROUNDS: u32 = 5;
/// What those turns take together on a machine that does nothing else, in lengths
/// of `--seconds`.
const LENGTHS_OF_ROUNDS: u32 = 4;
/// Before a measurement counts: connections, caches, a full queue.
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
/// The least that production allows; more would give fewer samples.
pub(crate) const BCRYPT_COST: u32 = 10;
/// The most that the service accepts: on a busy machine the queue is slow, not refused.
const LONGEST_WAIT_MS: u32 = 600_000;
/// Longer than any measurement takes.
const NO_MORE_MESSAGES_SECONDS: u32 = 86_400;

pub(crate) struct Site {
    binary: PathBuf,
    folder: PathBuf,
    length: Duration,
    pub(crate) postgres: Postgres,
    /// In a process of its own, so that the service's figures are its own.
    simulator: Service,
    folders: AtomicU32,
    people: AtomicU32,
}

impl Site {
    pub(crate) async fn prepare(ground: &Ground, length: Duration) -> Result<Self> {
        let folder = ground.folder.clone();
        let simulator = Launch::simulator(&ground.service, folder.join("simulator"))?.start().await?;
        let postgres = Postgres {
            programs: ground.postgres_programs.clone(),
            port: ground.postgres_port,
            password: env::var(PASSWORD_VARIABLE).context(PASSWORD_VARIABLE)?,
        };
        Ok(Self {
            binary: ground.service.clone(),
            folder,
            length,
            postgres,
            simulator,
            folders: AtomicU32::new(0),
            people: AtomicU32::new(0),
        })
    }

    /// What `--seconds` says.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// The rounds of one measurement: fewer, but at least one, where a busy machine
    /// makes each take longer.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = u32> {
        let enough = Instant::now() + self.length() * LENGTHS_OF_ROUNDS;
        (0..ROUNDS).take_while(move |round| *round == 0 || Instant::now() < enough)
    }

    /// How long one measurement in a round takes.
    pub(crate) fn round(&self) -> Duration {
        self.length() / ROUNDS
    }

    /// The service as it comes, with the simulator inside, in a fresh folder.
    pub(crate) fn launch_as_it_comes(&self) -> Result<Launch> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let launch = Launch::service(&self.binary, self.folder.join(format!("service-{number}")))?;
        Ok(launch.set("simulator.port", free_port()?))
    }

    /// The service with the simulator elsewhere.
    pub(crate) fn launch(&self) -> Result<Launch> {
        let simulator = format!("http://127.0.0.1:{}", self.simulator.port());
        Ok(self.launch_as_it_comes()?.set("simulator.enabled", "false").set("sinch.base_url", simulator))
    }

    /// The same for load from one address: nothing is refused, and after an
    /// account's registration no message is sent, so that the provider has no part
    /// in what is measured.
    pub(crate) fn launch_for_load(&self) -> Result<Launch> {
        Ok(self
            .launch()?
            .set("rate_limit.ip_per_minute", 100_000_000)
            .set("rate_limit.ip_burst", 1_000_000)
            .set("rate_limit.account_per_hour", 1_000_000)
            .set("rate_limit.phone_per_hour", 1_000_000)
            .set("otp.resend_cooldown_seconds", NO_MORE_MESSAGES_SECONDS)
            .set("password.bcrypt_cost", BCRYPT_COST)
            .set("password.max_wait_ms", LONGEST_WAIT_MS))
    }

    /// Registers people whom nobody has registered before.
    pub(crate) async fn people(&self, service: &Service, count: u32) -> Result<Vec<Person>> {
        self.people_with(service, self.simulator.port(), count).await
    }

    pub(crate) async fn people_with(
        &self,
        service: &Service,
        simulator: u16,
        count: u32,
    ) -> Result<Vec<Person>> {
        let first = self.people.fetch_add(count, Ordering::Relaxed);
        sign_up(service.port(), simulator, first..first + count).await
    }

    pub(crate) fn simulator_port(&self) -> u16 {
        self.simulator.port()
    }
}
