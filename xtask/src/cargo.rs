//! The Cargo that runs us, and what it knows of the workspace.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};
use serde::de::DeserializeOwned;

/// What is released and deployed. Fixed, so that a check says the same on every machine.
const SHIPPED_PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The program to call for further Cargo commands: the same toolchain's.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The workspace and every crate that any of its features can bring in, also for
/// building and testing, on the platform we ship on.
pub(crate) fn dependency_graph() -> Result<Metadata> {
    MetadataCommand::new()
        .features(CargoOpt::AllFeatures)
        .other_options(["--filter-platform".to_owned(), SHIPPED_PLATFORM.to_owned()])
        .exec()
        .context("cargo metadata")
}

/// What is linked into the service with `features` (a Cargo option): a line for each
/// crate, `<depth> <name> v<version> …`. Exact, where `cargo metadata` also lists
/// optional crates that nothing turns on. What only runs while it is built (build
/// scripts, procedural macros) is left out.
pub(crate) fn service_tree(features: &str) -> Result<String> {
    let output = Command::new(program())
        .args(["tree", "--package", "otp-login", features, "--target", SHIPPED_PLATFORM])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", output.status);
    String::from_utf8(output.stdout).context("cargo tree")
}

/// Reads the policy file `xtask/<name>`.
pub(crate) fn read_policy<T: DeserializeOwned>(name: &str) -> Result<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("xtask/{name}"))?;
    toml::from_str(&text).with_context(|| format!("xtask/{name}"))
}

/// Prints the outcome of a check: `fine` when there are no complaints.
pub(crate) fn conclude(fine: &str, complaints: &[String]) -> ExitCode {
    if complaints.is_empty() {
        println!("ok: {fine}");
        return ExitCode::SUCCESS;
    }
    for complaint in complaints {
        eprintln!("error: {complaint}");
    }
    ExitCode::FAILURE
}
