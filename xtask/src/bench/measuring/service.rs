//! The service as a process of ours.

use std::env;
use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::connection::{Connection, get};
use super::process_usage::{Memory, processor_time};
use crate::bench::free_port;

const START_LIMIT: Duration = Duration::from_secs(30);
/// Short, for it is part of what a start is measured to take.
const POLL_EVERY: Duration = Duration::from_micros(500);

/// How to start the service.
#[derive(Clone)]
pub(crate) struct Launch {
    binary: PathBuf,
    folder: PathBuf,
    argument: Option<&'static str>,
    /// The setting that takes the port, and a path that answers 200.
    port_setting: &'static str,
    ready_path: &'static str,
    variables: Vec<(String, String)>,
}

impl Launch {
    /// Makes the folder, where the service keeps its files.
    pub(crate) fn service(binary: &Path, folder: PathBuf) -> Result<Self> {
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            binary: binary.to_owned(),
            folder,
            argument: None,
            port_setting: "server.port",
            ready_path: "/health",
            variables: Vec::new(),
        })
    }

    /// The Sinch simulator by itself.
    pub(crate) fn simulator(binary: &Path, folder: PathBuf) -> Result<Self> {
        let service = Self::service(binary, folder)?;
        let alone =
            Self { argument: Some("simulator"), port_setting: "simulator.port", ready_path: "/", ..service };
        Ok(alone.set("simulator.enabled", "true"))
    }

    pub(crate) fn set(mut self, setting: &str, value: impl Display) -> Self {
        self.variables.push((variable(setting), format!("{value}")));
        self
    }

    /// Starts it and waits for the first answer.
    pub(crate) async fn start(&self) -> Result<Service> {
        let port = free_port()?;
        let mut command = self.command(port)?;
        let begun = Instant::now();
        let child = command.spawn().with_context(|| self.binary.display().to_string())?;
        let mut service = Service { child, port, started_in: Duration::ZERO };
        let request = get(self.ready_path, None);
        while !service.answers(&request).await {
            if let Some(status) = service.child.try_wait()? {
                bail!("the service did not start ({status}): {}", self.complaint());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("the service does not answer: {}", self.complaint());
            }
            thread::sleep(POLL_EVERY);
        }
        service.started_in = begun.elapsed();
        Ok(service)
    }

    /// As where it is deployed: logs are JSON lines, here to nowhere.
    fn command(&self, port: u16) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        command
            .args(self.argument)
            .current_dir(&self.folder)
            .env_clear()
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .env(variable(self.port_setting), port.to_string())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.complaint_file())?);
        Ok(command)
    }

    fn complaint(&self) -> String {
        fs::read_to_string(self.complaint_file()).unwrap_or_default()
    }

    fn complaint_file(&self) -> PathBuf {
        self.folder.join("stderr.log")
    }
}

fn variable(setting: &str) -> String {
    format!("OTP_LOGIN__{}", setting.replace('.', "__").to_uppercase())
}

/// A running service, killed when this value goes.
pub(crate) struct Service {
    child: Child,
    port: u16,
    started_in: Duration,
}

impl Service {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From the start of the process to its first answer.
    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.child.id())
    }

    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor_time(self.child.id())
    }

    async fn answers(&self, request: &[u8]) -> bool {
        let Ok(mut connection) = Connection::open(self.port).await else { return false };
        connection.exchange(request).await.is_ok_and(|answer| answer.status == 200)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
