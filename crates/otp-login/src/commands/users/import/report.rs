//! What an import came to.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use serde::Serialize;

use super::person::Refusal;
use crate::cli::ImportUsers;

/// So many refusals are told at the terminal when no file is named for them.
const MOST_TOLD: u64 = 20;

/// Where refused rows are told of: by line and field, never with what stood there.
pub(super) struct Report {
    file: Option<BufWriter<File>>,
    told: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    #[serde(flatten)]
    refusal: &'a Refusal,
}

impl Report {
    /// Begins the report anew, if one is wanted.
    pub(super) fn open(path: Option<&Path>, input: &Path) -> anyhow::Result<Self> {
        let file = path.map(|path| create(path, input)).transpose()?;
        Ok(Self { file: file.map(BufWriter::new), told: 0 })
    }

    pub(super) fn tell(&mut self, line: u64, refusal: &Refusal) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            serde_json::to_writer(&mut *file, &Line { line, refusal })?;
            return file.write_all(b"\n").context("the report cannot be written");
        }
        self.told += 1;
        let Refusal { field, reason, .. } = refusal;
        match self.told {
            0..=MOST_TOLD if field.is_empty() => eprintln!("line {line}: {reason}"),
            0..=MOST_TOLD => eprintln!("line {line}, {field}: {reason}"),
            told if told == MOST_TOLD + 1 => eprintln!("… and more: add --report FILE to have all of them"),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().context("the report cannot be written")
    }

    pub(super) fn close(mut self) -> anyhow::Result<()> {
        self.flush()
    }
}

fn create(path: &Path, input: &Path) -> anyhow::Result<File> {
    let same = fs::canonicalize(path).ok().zip(fs::canonicalize(input).ok()).is_some_and(|(a, b)| a == b);
    anyhow::ensure!(!same, "the report would overwrite the file that is imported; name another");
    File::create(path).with_context(|| format!("{} cannot be written", path.display()))
}

/// How many rows came to what.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) imported: u64,
    pub(super) already_there: u64,
    pub(super) refused: u64,
    /// Hashes that take longer to verify than ours.
    pub(super) dearer: u64,
}

impl Tally {
    pub(super) const fn rows(&self) -> u64 {
        self.imported + self.already_there + self.refused
    }

    pub(super) fn summary(&self, wish: &ImportUsers) -> String {
        let imported = if wish.dry_run { "Would import " } else { "Imported     " };
        let mut lines = vec![
            format!("{imported}  {}", self.imported),
            format!("Already there  {}", self.already_there),
            format!("Refused        {}", self.refused),
        ];
        if let (1.., Some(path)) = (self.refused, &wish.report) {
            lines.push(format!("{} says which rows were refused, why, and what to do.", path.display()));
        }
        if self.dearer > 0 {
            lines.push(format!(
                "Warning: {} hashes cost more than password.bcrypt_cost. Their sign-ins take longer than those of \
                 others, which tells that there is an account: raise it to their cost.",
                self.dearer
            ));
        }
        if wish.dry_run {
            lines.push("This was a dry run: nothing was changed.".to_owned());
        }
        lines.join("\n")
    }
}
