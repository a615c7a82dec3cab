//! Measures the release build against its targets.
//!
//! The part that measures is run from an optimised build of this program, for the
//! load generator shares the cores with what it measures. It is behind the feature `measure`, so that
//! the other commands need little to be built.

mod group;
#[cfg(feature = "measure")]
mod measuring;

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cargo_metadata::MetadataCommand;

use crate::cargo;
use crate::postgres::{Cluster, ServerPrograms};
use group::Group;

#[cfg(feature = "measure")]
pub(crate) use measuring::{MeasureOptions, measure};

/// When to give up: far more than what all groups take, also on a busy machine.
/// Starts, sign-ups, warm-ups and the patience with a flood do not depend on `--seconds`,
const FIXED_TIME: Duration = Duration::from_mins(4);
/// the rest does.
const LENGTHS: u32 = 24;
const POLL_EVERY: Duration = Duration::from_millis(100);
/// Not an argument, which every user of the machine may read.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure the release build that is there, which may be older than the sources
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    wishes: Wishes,
}

/// What is said to the command and handed on to the part that measures.
#[derive(clap::Args)]
struct Wishes {
    /// Print one flat JSON object on standard output, and nothing else there
    #[arg(long)]
    json: bool,
    /// How long to measure: the default takes less than six minutes, less is rougher
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// Measure only this group; may be given several times
    #[arg(long, value_enum, value_name = "GROUP")]
    only: Vec<Group>,
}

/// Builds, starts a throw-away `PostgreSQL` where a group needs the service, and has the
/// optimised build measure. Succeeds also when a target is missed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let needs_service = options.wishes.groups().any(Group::needs_service);
    if !options.no_build {
        build(needs_service)?;
    }
    let built = release_folder()?;
    let status = if needs_service {
        measure_service(&built, &options.wishes)?
    } else {
        measure_alone(&built, &options.wishes)?
    };
    ensure!(status.success(), "the measuring part failed ({status})");
    Ok(ExitCode::SUCCESS)
}

fn build(needs_service: bool) -> Result<()> {
    let mut build = Command::new(cargo::program());
    build.args(["build", "--release", "--package", "xtask", "--features", "xtask/measure"]);
    if needs_service {
        build.args(["--package", "otp-login"]);
    }
    let status = build.status().context("cargo build")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(())
}

fn release_folder() -> Result<PathBuf> {
    let workspace = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    Ok(workspace.target_directory.join("release").into())
}

fn measure_service(built: &Path, wishes: &Wishes) -> Result<ExitStatus> {
    let programs = ServerPrograms::find_or_install()?;
    let port = free_port()?;
    let mut cluster = Cluster::start(&programs, Some(port))?;
    let measured = measure_beside(&mut cluster, built, &programs, port, wishes);
    // Ends first what is left of the measuring part, if it was given up.
    cluster.end()?;
    measured
}

/// In the foreground, so that Ctrl-C ends the measuring part, too.
fn measure_alone(built: &Path, wishes: &Wishes) -> Result<ExitStatus> {
    let mut command = Command::new(built.join("xtask"));
    command.arg("measure").args(wishes.arguments()).stdin(Stdio::null());
    let mut measuring = command.spawn().context("the measuring part")?;
    let measured = wait(&mut measuring, wishes.time_limit());
    if measured.is_err() {
        measuring.kill().context("the measuring part")?;
        measuring.wait().context("the measuring part")?;
    }
    measured
}

fn measure_beside(
    cluster: &mut Cluster,
    built: &Path,
    programs: &ServerPrograms,
    port: u16,
    wishes: &Wishes,
) -> Result<ExitStatus> {
    let mut command = Command::new(built.join("xtask"));
    command.arg("measure").args(wishes.arguments());
    command.arg("--service").arg(built.join("otp-login"));
    command.arg("--folder").arg(cluster.folder());
    command.arg("--postgres-programs").arg(programs.folder());
    command.arg("--postgres-version").arg(programs.to_string());
    command.arg("--postgres-port").arg(port.to_string());
    // A process group of its own, so that the watchdog can end all of it.
    command.env(PASSWORD_VARIABLE, cluster.password()).stdin(Stdio::null()).process_group(0);
    let mut measuring = command.spawn().context("the measuring part")?;
    cluster.end_with_us(measuring.id())?;
    let status = wait(&mut measuring, wishes.time_limit())?;
    if status.success() {
        cluster.nothing_to_end()?;
    }
    Ok(status)
}

fn wait(part: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = part.try_wait().context("the measuring part")? {
            return Ok(status);
        }
        ensure!(begun.elapsed() < limit, "not done after {} s: given up", limit.as_secs());
        thread::sleep(POLL_EVERY);
    }
}

impl Wishes {
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--seconds".into(), self.seconds.to_string().into()];
        if self.json {
            arguments.push("--json".into());
        }
        for group in &self.only {
            arguments.extend(["--only".into(), group.to_string().into()]);
        }
        arguments
    }

    /// All, unless only some are wished.
    fn groups(&self) -> impl Iterator<Item = Group> {
        Group::all().filter(|group| self.only.is_empty() || self.only.contains(group))
    }

    /// How long one measurement takes.
    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    fn time_limit(&self) -> Duration {
        FIXED_TIME + self.length() * LENGTHS
    }
}

/// A port of 127.0.0.1 that nobody listens on at this moment.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
