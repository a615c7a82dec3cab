//! The program of a Redis or Valkey server, found or installed. Tests start it themselves, each
//! its own.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::install;

/// The first that is there.
const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];

/// Debian's package starts a server unless it is told not to: a test run must leave nothing
/// running. The policy is taken back, unless there was one before.
const SCRIPT: &str = r#"
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update
apt-get install -y --no-install-recommends redis-server
"#;

const REMEDY: &str = "A Redis or Valkey server is missing: install one (Debian: `sudo apt-get install redis-server`; \
                      elsewhere put `valkey-server` or `redis-server` in PATH), or set TEST_REDIS_SERVER to the program";

/// What [`find`] finds, else a newly installed one.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    install("A Redis server", "the package `redis-server`, without starting it", SCRIPT, REMEDY)?;
    find().context("apt-get installed Redis, but not its server: set TEST_REDIS_SERVER to one of yours")
}

/// The program of `TEST_REDIS_SERVER`, else the first in `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(program) = env::var_os("TEST_REDIS_SERVER") {
        return Some(program.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    PROGRAMS.iter().find_map(|program| {
        env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
    })
}
