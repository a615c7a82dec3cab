//! What can be measured by itself.

use std::fmt;

use clap::ValueEnum;

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

    /// Whether it measures the service. The others measure parts of it within this program: they
    /// need neither the service nor a database.
    pub(crate) fn needs_service(self) -> bool {
        !matches!(self, Self::Lanes | Self::Shield | Self::Router | Self::Limits)
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
