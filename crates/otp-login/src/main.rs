//! Two-factor sign-in by phone, as one service.
//!
//! This crate reads the command line and the configuration and wires adapters
//! behind ports; [`wiring`] is the file in which a reader sees which adapter
//! stands behind which port. No rule lives here.

mod awaited;
mod background;
mod cli;
mod commands;
mod key_watch;
mod logging;
mod metrics;
mod mirrored;
mod number_risk;
mod open_files;
mod outbox;
mod providers;
mod reputation;
mod settings;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, commands::Failure};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    settings::load_env_file()?;
    commands::run(Cli::parse())
}
