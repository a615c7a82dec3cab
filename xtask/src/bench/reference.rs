//! What the service is compared with: the same work without the service.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::site::BCRYPT_COST;

/// The priority of the service's hashing threads: beside other programs both lose
/// the same, and alone it changes nothing.
const NICE: i32 = 19;
/// As long as what the service hashes: a keyed digest in Base64.
const KEY: [u8; 64] = [b'k'; 64];

/// What the bcrypt crate gives with a thread on every core.
pub(crate) fn hashes_per_second(length: Duration) -> Result<f64> {
    let cores = thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores).map(|_| thread::spawn(move || hash_for(length))).collect();
    let mut all = 0.0;
    for thread in threads {
        all += thread.join().map_err(|_| anyhow!("hashing panicked"))??;
    }
    Ok(all)
}

/// One hash on one core, in milliseconds.
pub(crate) fn hash_ms() -> Result<f64> {
    let one = thread::spawn(|| hash_for(Duration::ZERO)).join();
    Ok(1000.0 / one.map_err(|_| anyhow!("hashing panicked"))??)
}

/// Hashes a second of this thread, which takes at least one.
fn hash_for(length: Duration) -> Result<f64> {
    rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE)?;
    let begun = Instant::now();
    let mut hashes = 0.0;
    loop {
        black_box(bcrypt::bcrypt(BCRYPT_COST, black_box([7; 16]), &KEY));
        hashes += 1.0;
        let elapsed = begun.elapsed();
        if elapsed >= length {
            return Ok(hashes / elapsed.as_secs_f64());
        }
    }
}

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
