//! The part that measures, run from an optimised build of this program.

mod connection;
mod figures;
mod hashing;
mod load;
mod machine;
mod measures;
mod open_files;
mod people;
mod pgbench;
mod process_usage;
mod service;
mod site;
mod statistics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::figures::Figures;
use self::machine::Machine;
use self::measures::{flood, lanes, limits, me, memory, router, shield, sign_in, start, storm};
use self::site::Site;
use super::Wishes;
use super::group::Group;

#[derive(clap::Args)]
pub(crate) struct MeasureOptions {
    #[command(flatten)]
    wishes: Wishes,
    #[command(flatten)]
    ground: Option<Ground>,
}

/// What the service is measured on. Groups that do without it do without all of this.
#[derive(clap::Args)]
pub(super) struct Ground {
    #[arg(long, required = false)]
    pub(super) service: PathBuf,
    /// Where everything that is written goes
    #[arg(long, required = false)]
    pub(super) folder: PathBuf,
    #[arg(long, required = false)]
    pub(super) postgres_programs: PathBuf,
    #[arg(long, required = false)]
    pub(super) postgres_version: String,
    #[arg(long, required = false)]
    pub(super) postgres_port: u16,
}

/// Measures what is wished and prints it.
pub(crate) fn measure(options: &MeasureOptions) -> Result<ExitCode> {
    let machine = Machine::describe(options.ground.as_ref().map(|ground| ground.postgres_version.as_str()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(measure_groups(options))?;
    if options.wishes.json {
        println!("{}", figures.as_json(&machine));
    } else {
        println!("\n{machine}\n\n{figures}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure_groups(options: &MeasureOptions) -> Result<Figures> {
    for group in options.wishes.groups() {
        group.prepare().with_context(|| group.to_string())?;
    }
    let length = options.wishes.length();
    let site = match &options.ground {
        Some(ground) => Some(Site::prepare(ground, length).await?),
        None => None,
    };
    let mut figures = Figures::default();
    for group in options.wishes.groups() {
        let begun = Instant::now();
        eprintln!("measuring: {group} ({})", group.what());
        group.measure(length, site.as_ref(), &mut figures).await.with_context(|| group.to_string())?;
        eprintln!("           {:.0} s", begun.elapsed().as_secs_f64());
    }
    Ok(figures)
}

impl Group {
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Start => "from a new process to the first answer",
            Self::Memory => "resident memory, idle and after load",
            Self::Lanes => "the bcrypt crate against several passwords at once",
            Self::SignIn => "sign-ins, many and one alone, against the bcrypt crate",
            Self::Storm => "how late GET /me is while everybody signs in",
            Self::Flood => "a thousand clients that sign in at once",
            Self::Me => "GET /me against pgbench on the same PostgreSQL",
            Self::Shield => "a simulated pumping attack among honest people",
            Self::Router => "what the router of providers adds to a call, and how one that hangs gives way",
            Self::Limits => "what a limit costs, in the process and shared, and whether replicas keep to it",
        }
    }

    /// Gets what it needs, before the others take their time.
    pub(crate) fn prepare(self) -> Result<()> {
        match self {
            Self::Flood => open_files::allow(flood::OPEN_FILES),
            Self::Limits => {
                limits::prepare();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `length` is what `--seconds` says; the site is there if any of the groups
    /// [needs](Self::needs_service) it.
    pub(crate) async fn measure(
        self,
        length: Duration,
        site: Option<&Site>,
        figures: &mut Figures,
    ) -> Result<()> {
        let site = || site.context("there is no service to measure");
        match self {
            Self::Start => start::measure(site()?, figures).await,
            Self::Memory => memory::measure(site()?, figures).await,
            Self::Lanes => lanes::measure(length, figures),
            Self::SignIn => sign_in::measure(site()?, figures).await,
            Self::Storm => storm::measure(site()?, figures).await,
            Self::Flood => flood::measure(site()?, figures).await,
            Self::Me => me::measure(site()?, figures).await,
            Self::Shield => shield::measure(figures).await,
            Self::Router => router::measure(figures).await,
            Self::Limits => limits::measure(length, figures),
        }
    }
}
