//! Asking before something is done that somebody will feel.

use std::io::{self, IsTerminal};

use anyhow::{Context, anyhow};

use crate::commands::Failure;

/// Goes on when a person says yes, or said so before.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(anyhow!(
            "nobody is there to confirm this; add --yes. Nothing was changed."
        )));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::Other(anyhow!("nothing was changed"))) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(["y\n", "YES", " yes "].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "yeah", "no"].into_iter().any(is_yes));
    }
}
