//! How far an import is: a bar for people, a line now and then for logs.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Read},
    rc::Rc,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Tally;

/// Rows between two lines where nobody watches.
const EVERY: u64 = 10_000;

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    read: Rc<Cell<u64>>,
    told: u64,
}

impl Progress {
    /// For a file of so many bytes, if that is known.
    pub(super) fn new(length: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(length));
        Self { bar, read: Rc::default(), told: 0 }
    }

    /// Counts what is read.
    pub(super) fn counting(&self, source: Box<dyn Read>) -> Box<dyn Read> {
        Box::new(Counting { source, read: self.read.clone() })
    }

    pub(super) fn show(&mut self, tally: &Tally) {
        let rows = tally.rows();
        if let Some(bar) = &self.bar {
            bar.set_position(self.read.get());
            bar.set_message(format!("{rows} rows, {} refused", tally.refused));
        } else if rows / EVERY > self.told {
            self.told = rows / EVERY;
            eprintln!("{rows} rows, {} refused", tally.refused);
        }
    }

    /// Does something that writes to the terminal.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, style) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:40} {bytes}/{total_bytes} {msg}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {msg}"),
    };
    ProgressStyle::with_template(style).map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}

struct Counting {
    source: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read.set(self.read.get().saturating_add(read as u64));
        Ok(read)
    }
}
