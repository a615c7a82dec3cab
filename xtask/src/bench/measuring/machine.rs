//! What the figures were measured on.

use std::fmt;
use std::fs;
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
    /// Processes that wanted to run before we began, over the last minute.
    load_before: String,
    /// Where one was measured.
    postgresql: Option<String>,
}

impl Machine {
    pub(crate) fn describe(postgresql: Option<&str>) -> Result<Self> {
        let kilobytes: f64 = field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse()?;
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|_| "unknown processor".to_owned()),
            cores: thread::available_parallelism()?.get(),
            memory_gb: kilobytes / 1024.0 / 1024.0,
            kernel: first_word("/proc/sys/kernel/osrelease")?,
            load_before: first_word("/proc/loadavg")?,
            postgresql: postgresql.map(ToOwned::to_owned),
        })
    }

    pub(crate) fn as_json(&self) -> Map<String, Value> {
        let entries = [
            ("processor", json!(self.processor)),
            ("cores", json!(self.cores)),
            ("memory_gb", json!((self.memory_gb * 10.0).round() / 10.0)),
            ("kernel", json!(self.kernel)),
            ("load_before", json!(self.load_before.parse::<f64>().unwrap_or_default())),
        ];
        let postgresql = self.postgresql.as_ref().map(|version| ("postgresql", json!(version)));
        entries.into_iter().chain(postgresql).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gb, kernel, load_before, postgresql } = self;
        writeln!(f, "{processor}, {cores} cores, {memory_gb:.1} GB, Linux {kernel}")?;
        if let Some(postgresql) = postgresql {
            writeln!(f, "{postgresql}")?;
        }
        write!(f, "load before: {load_before} (the figures want a machine that does nothing else)")
    }
}

/// A line `name : value`.
fn field(path: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(path).context(path.to_owned())?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(key, _)| key.trim() == name);
    found.map(|(_, value)| value.trim().to_owned()).with_context(|| format!("{path}: no {name}"))
}

fn first_word(path: &str) -> Result<String> {
    let text = fs::read_to_string(path).context(path.to_owned())?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}
