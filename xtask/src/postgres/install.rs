//! Installs the `PostgreSQL` server from the system's packages.

use std::io;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Debian's package makes a cluster `main` and starts it, unless told before not
/// to: a test run must leave nothing running. The setting stays, as does the package.
const SCRIPT: &str = "
set -e
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/no-main-cluster.conf
apt-get update
apt-get install -y --no-install-recommends postgresql
";

const REMEDY: &str = "PostgreSQL's server is missing: install it (Debian: `sudo apt-get install postgresql`; elsewhere \
                      put the folder with `initdb` in PATH), or set TEST_DATABASE_URL to a server where databases may be made";

pub(crate) fn install_postgresql() -> Result<()> {
    ensure!(succeeds("apt-get", &["--version"]), REMEDY);
    let mut shell = root_shell()?;
    eprintln!(
        "PostgreSQL's server is missing: installing the package `postgresql` with apt-get, without a cluster of its own"
    );
    let status = shell.args(["-c", SCRIPT]).stdin(Stdio::null()).stdout(io::stderr()).status();
    let status = status.context("apt-get")?;
    ensure!(status.success(), "apt-get failed ({status}). {REMEDY}");
    Ok(())
}

/// A shell as root: we are, or may become it without a password.
fn root_shell() -> Result<Command> {
    if rustix::process::geteuid().is_root() {
        return Ok(Command::new("sh"));
    }
    if !succeeds("sudo", &["-n", "true"]) {
        bail!(REMEDY);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "sh"]);
    Ok(sudo)
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
