//! What each command does.

mod config;
mod delivery;
mod fraud;
mod health;
mod keys;
mod migrate;
mod password;
mod serve;
mod signing_keys;
mod simulator;
mod stdout;
mod users;
mod webhooks;

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use self::stdout::print;
use crate::{
    cli::{Cli, Command, Keys},
    settings::{Problems, Settings},
};

/// Why the program ends without success.
pub(crate) enum Failure {
    /// The settings are wrong: exit code 2.
    Settings(Problems),
    /// What was asked for cannot be done so: exit code 2.
    Usage(anyhow::Error),
    /// Something else is: exit code 1.
    Other(anyhow::Error),
    /// Everything was said already: exit code 1.
    Told,
}

impl Failure {
    /// Tells the person at the terminal.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Settings(problems) => {
                eprintln!("{problems}");
                ExitCode::from(2)
            }
            Self::Usage(error) => {
                eprintln!("otp-login: {error:#}");
                ExitCode::from(2)
            }
            Self::Told => ExitCode::FAILURE,
            Self::Other(error) => {
                eprintln!("otp-login: {error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    if let Some(Command::Completions { shell }) = cli.command {
        return Ok(complete(shell)?);
    }
    if let Some(Command::Keys(Keys::Generate { jwt, admin, introspection })) = cli.command {
        return Ok(keys::generate(jwt, admin, introspection)?);
    }
    if let Some(Command::Password(command)) = cli.command {
        return Ok(password::run(&command)?);
    }
    let settings = Settings::load(&cli.configuration)?;
    match cli.command {
        None | Some(Command::Serve) => Ok(serve::run(settings)?),
        Some(Command::Migrate(command)) => Ok(migrate::run(&settings, command)?),
        Some(Command::Simulator) => Ok(simulator::run(&settings)?),
        Some(Command::Fraud(command)) => fraud::run(&settings, &command),
        Some(Command::Delivery(command)) => delivery::run(&settings, &command),
        Some(Command::Stats(command)) => delivery::stats(&settings, &command),
        Some(Command::Webhooks(command)) => Ok(webhooks::run(&settings, command)?),
        Some(Command::Users(command)) => users::run(&settings, command),
        Some(Command::Config(command)) => Ok(config::run(command, &settings)?),
        Some(Command::Health) => Ok(health::run(&settings)?),
        Some(Command::Keys(command)) => Ok(signing_keys::run(&settings, command)?),
        Some(Command::Password(_) | Command::Completions { .. }) => Ok(()),
    }
}

/// Prints completions; the generator itself panics when its reader goes away.
fn complete(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "otp-login", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// A runtime for everything that is not answered by the server's own threads.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
