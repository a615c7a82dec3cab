//! Development commands: `cargo xtask --help`.

mod bench;
mod cargo;
mod deps;
mod layers;
mod packages;
mod postgres;
mod redis;
mod sbom;
mod security;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  cargo xtask test                              every test, with a throw-away PostgreSQL
  cargo xtask test -- -p use-cases              the tests of one crate
  cargo xtask test -- a_code_works_once         the tests with this in their name
  TEST_DATABASE_URL=postgres://me@localhost/{db} cargo xtask test
                                                a server of your own; {db} is where names go
  TEST_REDIS_SERVER=/opt/valkey/bin/valkey-server cargo xtask test
                                                a Redis or Valkey of your own, for tests of shared limits
  cargo xtask deps                              licences and duplicate versions
  cargo xtask sbom --output sbom.cdx.json       what is linked into the service
  cargo xtask layers                            who may depend on whom
  cargo xtask security                          docs/security.md names every security test
  cargo xtask security --write                  name new ones there, and take out those that are gone
  cargo xtask bench                             builds for release, then measures start, memory and speed
  cargo xtask bench --only me --seconds 4       one group of figures, quickly and roughly
  cargo xtask bench --only router --only limits
                                                what routing and limits cost, without the service and a database

`.ci/run` runs all of it but `bench`, with formatting, clippy and the documentation.";

/// Development commands for this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the tests, with the servers that they need found (or installed) and started for them
    Test(test::Options),
    /// Checks the licences and the duplicate versions of all dependencies
    Deps,
    /// Checks that each crate depends only on what its layer may
    Layers,
    /// Prints what is linked into the service with licences and checksums: an SBOM for other programs
    Sbom(sbom::Options),
    /// Checks that docs/security.md names every security test, and none that does not exist
    Security(security::Options),
    /// Measures the release build: start, memory, sign-in and request rates, routing and limits, against their targets
    Bench(bench::Options),
    /// The part of `bench` that measures, run from an optimised build of this program
    #[cfg(feature = "measure")]
    #[command(hide = true)]
    Measure(bench::MeasureOptions),
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Deps => deps::run(),
        Task::Layers => layers::run(),
        Task::Sbom(options) => sbom::run(&options),
        Task::Security(options) => security::run(&options),
        Task::Bench(options) => bench::run(&options),
        #[cfg(feature = "measure")]
        Task::Measure(options) => bench::measure(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
