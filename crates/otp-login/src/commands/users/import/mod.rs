//! Taking in people of another system, from a file of any length.
//!
//! Rows are read, judged and stored in batches, each all or not at all. Whoever is there already
//! is recognised, so an import that was interrupted is simply started again.

mod format;
mod person;
mod progress;
mod recent;
mod report;
mod row;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    time::Duration,
};

use adapters_crypto::ImportableHashes;
use anyhow::{Context, anyhow};
use ports::ImportOutcome;
use use_cases::{Fault, ImportAccounts, PersonToImport};

use self::{
    format::Rows,
    person::{Parser, Refusal},
    progress::Progress,
    recent::RecentNames,
    report::{Report, Tally},
    row::{Row, Unreadable},
};
use super::{clock, secrets};
use crate::{
    cli::{ImportUsers, UsersFormat},
    commands::{Failure, stdout::print},
    settings::Settings,
    wiring::Database,
};

/// How often a batch is tried while the database is away, and the pause between.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(settings: &Settings, database: &Database, wish: &ImportUsers) -> Result<(), Failure> {
    let usage = Failure::Usage;
    let format = format_of(wish).map_err(usage)?;
    let (file, length) = open(&wish.file).map_err(usage)?;
    let report = Report::open(wish.report.as_deref(), &wish.file).map_err(usage)?;
    let progress = Progress::new(length);
    let rows = Rows::new(format, progress.counting(file)).map_err(usage)?;
    let hashes = ImportableHashes::new(&settings.hasher).context("the cost of bcrypt cannot be used")?;
    let clock = clock();
    let mut import = Import {
        parser: Parser { hashes, now: clock.now() },
        importer: ImportAccounts { clock, secrets: secrets(), import: database.import() },
        dry_run: wish.dry_run,
        recent: RecentNames::default(),
        tally: Tally::default(),
        report,
        progress,
    };
    let ended = import.all(rows).await;
    import.progress.finish();
    let Import { tally, report, .. } = import;
    report.close()?;
    print(&tally.summary(wish))?;
    ended?;
    if tally.refused > 0 { Err(Failure::Told) } else { Ok(()) }
}

fn format_of(wish: &ImportUsers) -> anyhow::Result<UsersFormat> {
    let extension = wish.file.extension().and_then(|extension| extension.to_str());
    let told = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Some(UsersFormat::Csv),
        Some("ndjson" | "jsonl") => Some(UsersFormat::Ndjson),
        _ => None,
    };
    wish.format.or(told).ok_or_else(|| {
        anyhow!("the name does not tell what the file is; add --format csv or --format ndjson")
    })
}

/// The file and its length in bytes, if it has one.
fn open(path: &Path) -> anyhow::Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let cannot = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(cannot)?;
    let about = fs::metadata(path).with_context(cannot)?;
    anyhow::ensure!(!about.is_dir(), "{} is a folder; name a file", path.display());
    Ok((Box::new(file), about.is_file().then_some(about.len())))
}

struct Import {
    parser: Parser,
    importer: ImportAccounts,
    dry_run: bool,
    recent: RecentNames,
    tally: Tally,
    report: Report,
    progress: Progress,
}

/// Somebody to be taken in, and where the row begins.
type Placed = (u64, PersonToImport);

impl Import {
    async fn all(&mut self, mut rows: Rows) -> anyhow::Result<()> {
        loop {
            let (batch, stop) = self.read_batch(&mut rows)?;
            self.take_in(batch).await?;
            self.report.flush()?;
            self.progress.show(&self.tally);
            match stop {
                Stop::No => {}
                Stop::End => return Ok(()),
                Stop::Unreadable(error) => return Err(error),
            }
        }
    }

    /// Reads until a batch is full.
    fn read_batch(&mut self, rows: &mut Rows) -> anyhow::Result<(Vec<Placed>, Stop)> {
        let mut batch = Vec::with_capacity(ImportAccounts::BATCH);
        let mut read = 0;
        while read < ImportAccounts::BATCH {
            read += 1;
            match rows.next() {
                None => return Ok((batch, Stop::End)),
                Some(Ok((line, row))) => self.judge(line, &row, &mut batch)?,
                Some(Err(Unreadable::Row { line, reason })) => self.refuse(line, &[Refusal::row(reason)])?,
                Some(Err(Unreadable::File(error))) => return Ok((batch, Stop::Unreadable(error))),
            }
        }
        Ok((batch, Stop::No))
    }

    fn judge(&mut self, line: u64, row: &Row, batch: &mut Vec<Placed>) -> anyhow::Result<()> {
        match self.parser.person(row) {
            Ok((person, is_dearer)) => {
                self.tally.dearer += u64::from(is_dearer);
                batch.push((line, person));
                Ok(())
            }
            Err(refusals) => self.refuse(line, &refusals),
        }
    }

    async fn take_in(&mut self, batch: Vec<Placed>) -> anyhow::Result<()> {
        let Some(first) = batch.first().map(|(line, _)| *line) else { return Ok(()) };
        let outcomes = self.outcomes(&batch).await.with_context(|| {
            format!(
                "the import stopped before line {first}; import the same file again, what is there already is skipped"
            )
        })?;
        for ((line, person), outcome) in batch.iter().zip(outcomes) {
            self.note(*line, person, outcome)?;
        }
        Ok(())
    }

    async fn outcomes(&self, batch: &[Placed]) -> Result<Vec<ImportOutcome>, Fault> {
        let people = || batch.iter().map(|(_, person)| person.clone()).collect();
        if self.dry_run {
            return self.importer.preview(people()).await;
        }
        for _ in 1..TRIES {
            match self.importer.execute(people()).await {
                // Nothing was done, or it is recognised the next time.
                Err(Fault::DatabaseUnavailable(_)) => tokio::time::sleep(PAUSE).await,
                outcomes => return outcomes,
            }
        }
        self.importer.execute(people()).await
    }

    fn note(&mut self, line: u64, person: &PersonToImport, outcome: ImportOutcome) -> anyhow::Result<()> {
        let earlier = self.recent.look_up(person);
        // A dry run stores nothing, so only this knows of the lines before.
        let outcome = match earlier.conflict {
            Some(conflict) if self.dry_run && outcome == ImportOutcome::Imported => conflict,
            _ => outcome,
        };
        match outcome {
            ImportOutcome::Imported => self.tally.imported += 1,
            ImportOutcome::AlreadyThere => self.tally.already_there += 1,
            ImportOutcome::Refused(conflict) => {
                self.refuse(line, &[Refusal::conflict(conflict, &earlier)])?;
            }
        }
        self.recent.remember(line, person);
        Ok(())
    }

    fn refuse(&mut self, line: u64, refusals: &[Refusal]) -> anyhow::Result<()> {
        self.tally.refused += 1;
        self.progress.aside(|| refusals.iter().try_for_each(|refusal| self.report.tell(line, refusal)))
    }
}

/// Whether a batch was the last.
enum Stop {
    No,
    End,
    Unreadable(anyhow::Error),
}
