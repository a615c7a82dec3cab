//! What can be measured by itself.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::figures::Figures;
use super::measures::{flood, lanes, limits, me, memory, router, shield, sign_in, start, storm};
use super::open_files;
use super::site::Site;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Start,
    Memory,
    Lanes,
    SignIn,
    Storm,
    Flood,
    Me,
    Shield,
    Router,
    Limits,
}

impl Group {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

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

    /// Whether it measures the service. The others measure parts of it within this program: they
    /// need neither the service nor a database.
    pub(crate) fn needs_service(self) -> bool {
        !matches!(self, Self::Lanes | Self::Shield | Self::Router | Self::Limits)
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

impl fmt::Display for Group {
    /// As on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Lanes => "lanes",
            Self::SignIn => "sign-in",
            Self::Storm => "storm",
            Self::Flood => "flood",
            Self::Me => "me",
            Self::Shield => "shield",
            Self::Router => "router",
            Self::Limits => "limits",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_knows_every_group_by_its_name() {
        for group in Group::all() {
            assert!(Group::from_str(&group.to_string(), false).is_ok_and(|known| known == group));
        }
    }
}
