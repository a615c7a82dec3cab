//! Runs every suite, against a throw-away `PostgreSQL` unless one is given, and with a Redis that
//! tests start by themselves.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::cargo;
use crate::postgres::{Cluster, ServerPrograms};
use crate::redis;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Passed on to `cargo nextest run`, or to `cargo test` where nextest is not installed
    #[arg(last = true, value_name = "RUNNER ARGUMENTS")]
    runner_arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let redis = redis::find_or_install()?;
    println!("Redis: {}, started by each test that needs one", redis.display());
    let mut server = Server::choose()?;
    let mut status = ExitCode::SUCCESS;
    for mut suite in suites(&options.runner_arguments) {
        println!("running: {}", shown(&suite));
        suite.env("TEST_REDIS_SERVER", &redis);
        let ended = server.run(&mut suite)?;
        if !ended.success() {
            status = exit_code(ended);
            break;
        }
    }
    server.end()?;
    Ok(status)
}

/// Where the tests' databases are made.
enum Server {
    /// The one of `TEST_DATABASE_URL`, which stays as it is.
    Given,
    ThrowAway(Cluster),
}

impl Server {
    fn choose() -> Result<Self> {
        if env::var_os("TEST_DATABASE_URL").is_some() {
            println!("PostgreSQL: the server of TEST_DATABASE_URL");
            return Ok(Self::Given);
        }
        let programs = ServerPrograms::find_or_install()?;
        let cluster = Cluster::start(&programs, None)?;
        println!("PostgreSQL: {programs}, a throw-away cluster in {}", cluster.folder().display());
        Ok(Self::ThrowAway(cluster))
    }

    fn run(&mut self, suite: &mut Command) -> Result<ExitStatus> {
        let Self::ThrowAway(cluster) = self else {
            return suite.status().with_context(|| shown(suite));
        };
        // A process group of its own, so that the watchdog can end all of it.
        let suite = suite
            .env("TEST_DATABASE_URL", cluster.url())
            .env("TEST_DATABASE_THROWAWAY", "1")
            .stdin(Stdio::null())
            .process_group(0);
        let mut running = suite.spawn().with_context(|| shown(suite))?;
        cluster.end_with_us(running.id())?;
        let ended = running.wait().with_context(|| shown(suite));
        cluster.nothing_to_end()?;
        ended
    }

    fn end(self) -> Result<()> {
        match self {
            Self::Given => Ok(()),
            Self::ThrowAway(cluster) => cluster.end(),
        }
    }
}

/// The commands that make up the whole test run.
fn suites(arguments: &[String]) -> Vec<Command> {
    if !has_nextest() {
        println!("runner: cargo test (cargo-nextest, which is faster, is not installed)");
        return vec![cargo_command(&["test"], arguments)];
    }
    println!("runner: cargo nextest");
    let mut suites = vec![cargo_command(&["nextest", "run"], arguments)];
    // nextest leaves out doc tests. Arguments choose among the other tests.
    if arguments.is_empty() {
        suites.push(cargo_command(&["test", "--doc"], &[]));
    }
    suites
}

/// A Cargo command on the whole workspace with all features, so that every
/// selection of tests uses the same build, or on the packages `arguments` name.
fn cargo_command(command: &[&str], arguments: &[String]) -> Command {
    let names_packages = arguments.iter().any(|argument| {
        let long = argument.split('=').next() == Some("--package");
        long || (argument.starts_with("-p") && !argument.starts_with("--"))
    });
    let mut cargo = Command::new(cargo::program());
    cargo.args(command).arg("--all-features");
    if !names_packages {
        cargo.arg("--workspace");
    }
    cargo.args(arguments);
    cargo
}

fn has_nextest() -> bool {
    let mut asked = Command::new(cargo::program());
    asked.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    format!("cargo {}", arguments.collect::<Vec<_>>().join(" "))
}

/// The suite's own exit code; 1 when a signal ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command_for(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        shown(&cargo_command(&["nextest", "run"], &arguments))
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_named() {
        assert_eq!(command_for(&[]), "cargo nextest run --all-features --workspace");
        assert_eq!(command_for(&["a_name"]), "cargo nextest run --all-features --workspace a_name");
        for named in
            [["-p", "domain"].as_slice(), &["-pdomain"], &["--package=domain"], &["--package", "domain"]]
        {
            assert!(!command_for(named).contains("--workspace"), "{named:?}");
        }
    }

    #[test]
    fn a_failing_suite_gives_its_own_exit_code() {
        let status = Command::new("sh").args(["-c", "exit 100"]).status().unwrap();
        assert_eq!(exit_code(status), ExitCode::from(100));
        let killed = Command::new("sh").args(["-c", "kill -9 $$"]).status().unwrap();
        assert_eq!(exit_code(killed), ExitCode::FAILURE);
    }
}
