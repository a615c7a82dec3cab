//! How many files and connections this process, and those that it starts, may have open.

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one if fewer than `needed` are allowed.
pub(crate) fn allow(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|soft| soft >= needed) {
        return Ok(());
    }
    let hard = limit.maximum.unwrap_or(u64::MAX);
    ensure!(hard >= needed, "{needed} open files are needed, and `ulimit -Hn` allows {hard}");
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).context("more open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_stays_so() {
        let before = getrlimit(Resource::Nofile);
        allow(1).unwrap();
        assert_eq!(getrlimit(Resource::Nofile), before);
    }
}
