//! The throw-away `PostgreSQL`, and what pgbench gets out of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The throw-away server, over TCP.
pub(crate) struct Postgres {
    pub(crate) programs: PathBuf,
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl Postgres {
    /// Makes an empty database and gives its address.
    pub(crate) fn make_database(&self, name: &str) -> Result<String> {
        self.run("createdb", &[name])?;
        Ok(format!("postgres://postgres:{}@127.0.0.1:{}/{name}", self.password, self.port))
    }

    /// Makes a database with a million of pgbench's accounts.
    pub(crate) fn prepare_pgbench(&self) -> Result<()> {
        self.make_database("pgbench")?;
        self.run("pgbench", &["--initialize", "--scale=10", "--quiet", "pgbench"]).map(|_| ())
    }

    /// Rows that 16 clients of pgbench select in a second, each by its key.
    pub(crate) fn pgbench_per_second(&self, length: Duration) -> Result<f64> {
        let seconds = format!("--time={}", length.as_secs().max(1));
        let arguments = ["-S", "-M", "prepared", "-c", "16", "-j", "2", "-n", &seconds, "pgbench"];
        let report = self.run("pgbench", &arguments)?;
        let rate = report.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate =
            rate.and_then(|rate| rate.split(' ').next()).context("no rate in the report of pgbench")?;
        rate.parse().context("the rate of pgbench")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.programs.join(program))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()])
            .args(arguments)
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::null())
            .output()
            .with_context(|| program.to_owned())?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program}: {}: {complaint}", output.status);
        String::from_utf8(output.stdout).with_context(|| program.to_owned())
    }
}
