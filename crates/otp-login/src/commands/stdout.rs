//! Standard output, for answers that people pipe on.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Prints `text` and a line break.
///
/// A reader who has read enough, as `head` has, is no failure: the rest is
/// simply not printed.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("nothing can be printed"),
    }
}
