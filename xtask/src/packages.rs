//! Servers from the system's packages, where they are missing.

use std::io;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Runs `script` as root where there is apt-get, or else fails with `remedy`. `missing` is what is
/// installed, and `what` the way it is.
pub(crate) fn install(missing: &str, what: &str, script: &str, remedy: &'static str) -> Result<()> {
    ensure!(succeeds("apt-get", &["--version"]), remedy);
    let mut shell = root_shell(remedy)?;
    eprintln!("{missing} is missing: installing {what}, with apt-get");
    let status = shell.args(["-c", script]).stdin(Stdio::null()).stdout(io::stderr()).status();
    let status = status.context("apt-get")?;
    ensure!(status.success(), "apt-get failed ({status}). {remedy}");
    Ok(())
}

/// A shell as root: we are, or may become it without a password.
fn root_shell(remedy: &'static str) -> Result<Command> {
    if rustix::process::geteuid().is_root() {
        return Ok(Command::new("sh"));
    }
    if !succeeds("sudo", &["-n", "true"]) {
        bail!(remedy);
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
