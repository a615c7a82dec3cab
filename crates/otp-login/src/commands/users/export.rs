//! Printing every account.

use std::io::{self, BufWriter, ErrorKind, Write};

use anyhow::Context;
use domain::Locale;
use ports::Account;
use serde::Serialize;
use use_cases::ExportAccounts;

use super::cells::harmless;
use crate::{
    cli::{ExportUsers, UsersFormat},
    wiring::Database,
};

/// An account as `import` reads it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    email: &'a str,
    phone_number: &'a str,
    verified: bool,
    phone_verified_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_reason: Option<&'a str>,
}

const COLUMNS: [&str; 10] = [
    "id",
    "email",
    "phone_number",
    "verified",
    "phone_verified_at",
    "password_hash",
    "locale",
    "created_at",
    "locked_at",
    "lock_reason",
];

impl<'a> Row<'a> {
    fn of(account: &'a Account, with_hash: bool) -> Self {
        let Account { user, password_hash, lock } = account;
        Self {
            id: user.id.0.to_string(),
            email: user.email.as_typed(),
            phone_number: user.phone.as_e164(),
            verified: true,
            phone_verified_at: user.phone_verified_at.to_string(),
            password_hash: with_hash.then(|| password_hash.as_str()),
            locale: user.locale.as_ref().map(Locale::as_str),
            created_at: user.created_at.to_string(),
            locked_at: lock.as_ref().map(|lock| lock.since.to_string()),
            lock_reason: lock.as_ref().map(|lock| lock.reason.as_str()),
        }
    }

    fn cells(&self) -> [&str; 10] {
        [
            &self.id,
            self.email,
            self.phone_number,
            "true",
            &self.phone_verified_at,
            self.password_hash.unwrap_or_default(),
            self.locale.unwrap_or_default(),
            &self.created_at,
            self.locked_at.as_deref().unwrap_or_default(),
            self.lock_reason.unwrap_or_default(),
        ]
    }
}

/// Writes page by page, so that memory does not grow with the accounts.
pub(super) async fn run(database: &Database, wish: &ExportUsers) -> anyhow::Result<()> {
    let export = ExportAccounts { directory: database.directory() };
    let mut file = File::new(wish);
    let mut last = None;
    let mut written = file.begin();
    while written.is_ok() {
        let page = export.page(last).await?;
        let Some(account) = page.last() else { break };
        last = Some(account.user.id);
        written = page.iter().try_for_each(|account| file.write(account));
    }
    match written.and_then(|()| file.end()) {
        // A reader who has read enough, as `head` has, is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the accounts cannot be written"),
    }
}

struct File {
    out: BufWriter<io::Stdout>,
    format: UsersFormat,
    with_hashes: bool,
}

impl File {
    fn new(wish: &ExportUsers) -> Self {
        let (format, with_hashes) = (wish.format, wish.with_password_hashes);
        Self { out: BufWriter::new(io::stdout()), format, with_hashes }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self.format {
            UsersFormat::Csv => self.record(COLUMNS),
            UsersFormat::Ndjson => Ok(()),
        }
    }

    fn write(&mut self, account: &Account) -> io::Result<()> {
        let row = Row::of(account, self.with_hashes);
        match self.format {
            UsersFormat::Csv => self.record(row.cells()),
            UsersFormat::Ndjson => {
                serde_json::to_writer(&mut self.out, &row)?;
                self.out.write_all(b"\n")
            }
        }
    }

    fn record(&mut self, cells: [&str; 10]) -> io::Result<()> {
        let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        line.write_record(cells.map(|cell| harmless(cell).into_owned()))?;
        let line = line.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.out.write_all(&line)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
