//! What a process uses, from proc(5).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Resident memory of a process, in units of 1024² bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    /// The most it ever was.
    pub(crate) peak: f64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).context("no such process")?;
        Ok(Self { now: megabytes(&status, "VmRSS:")?, peak: megabytes(&status, "VmHWM:")? })
    }
}

fn megabytes(status: &str, field: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().context("no number")?;
    Ok(kilobytes / 1024.0)
}

/// The processor time that the threads of a process have had.
pub(crate) fn processor_time(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).context("no such process")? {
        // The first number of schedstat is nanoseconds on a processor.
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_processor: u64 =
            statistics.split(' ').next().unwrap_or_default().parse().context("schedstat")?;
        nanos += on_processor;
    }
    Ok(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_megabytes() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";
        assert!((megabytes(status, "VmRSS:").unwrap() - 2.0).abs() < 1e-9);
        assert!(megabytes(status, "VmSwap:").is_err());
    }

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let us = std::process::id();
        assert!(processor_time(us).unwrap() > Duration::ZERO);
        let memory = Memory::of(us).unwrap();
        assert!(memory.now > 0.5 && memory.peak >= memory.now * 0.9);
    }
}
