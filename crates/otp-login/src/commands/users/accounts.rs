//! Finding, showing, locking and deleting accounts.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use anyhow::anyhow;
use domain::{
    AccountName, AccountQuery, Client, Factor, Locale, LockReason, PasswordFailures, UserAgent, UserId,
};
use jiff::Timestamp;
use ports::AccountEntry;
use use_cases::{
    AccountDetails, FindAccounts, LockAccount, LockAccountError, RemoveAccount, RemoveAccountError,
    ShowAccount, ShowAccountError, StartResetError, UnlockAccount,
};

use super::{clock, confirm::confirm, secrets};
use crate::{
    background::Tasks,
    commands::{Failure, stdout::print},
    settings::Settings,
    wiring::{Database, prices, start_reset},
};

/// How long a message may take to leave.
const LONGEST_SEND: Duration = Duration::from_secs(30);

const HOW_TO_FIND: &str = "`otp-login users find` lists accounts by part of an e-mail address";

pub(super) async fn find(
    database: &Database,
    query: Option<&str>,
    after: Option<uuid::Uuid>,
) -> Result<(), Failure> {
    let query = AccountQuery::parse(query.unwrap_or_default()).map_err(usage)?;
    let find = FindAccounts { directory: database.directory() };
    let found = find.execute(&query, after.map(UserId)).await.map_err(other)?;
    let Some(last) = found.last().map(|entry| entry.user.id.0) else {
        return Err(Failure::Other(anyhow!("no account is found; {HOW_TO_FIND}")));
    };
    let mut lines: Vec<String> = found.iter().map(line).collect();
    if found.len() >= FindAccounts::MOST as usize {
        lines.push(format!("There may be more: add --after {last}"));
    }
    Ok(print(&lines.join("\n"))?)
}

fn line(entry: &AccountEntry) -> String {
    let user = &entry.user;
    let lock = if entry.lock.is_some() { "  locked" } else { "" };
    format!("{}  {:<16}  {}{lock}", user.id.0, user.phone.as_e164(), user.email.as_typed())
}

pub(super) async fn show(database: &Database, name: &str) -> Result<(), Failure> {
    let details = details(database, name).await?;
    let text = table(&details, clock().now()).map_err(anyhow::Error::from)?;
    Ok(print(text.trim_end())?)
}

pub(super) async fn lock(database: &Database, name: &str, reason: &str, yes: bool) -> Result<(), Failure> {
    let reason = LockReason::parse(reason).map_err(usage)?;
    let id = account(database, name).await?;
    confirm("Lock this account and end its sessions?", yes)?;
    let lock = LockAccount { clock: clock(), secrets: secrets(), directory: database.directory() };
    let changed = lock.execute(id, &reason).await.map_err(lock_failure)?;
    Ok(print(if changed {
        "The account is locked and its sessions are over. `otp-login users unlock` opens it again."
    } else {
        "Nothing to do: the account was locked already. `otp-login users show` says why."
    })?)
}

pub(super) async fn unlock(database: &Database, name: &str, yes: bool) -> Result<(), Failure> {
    let id = account(database, name).await?;
    confirm("Let the owner of this account sign in again?", yes)?;
    let unlock = UnlockAccount { clock: clock(), secrets: secrets(), directory: database.directory() };
    let changed = unlock.execute(id).await.map_err(lock_failure)?;
    Ok(print(if changed {
        "The account is unlocked: its owner can sign in again."
    } else {
        "Nothing to do: the account was not locked."
    })?)
}

pub(super) async fn reset(
    settings: &Settings,
    database: &Database,
    name: &str,
    yes: bool,
) -> Result<(), Failure> {
    let id = account(database, name).await?;
    confirm("Send the code of a reset to the phone of this account?", yes)?;
    let background = Tasks::new();
    let prices = prices(settings, database).await.prices;
    let start = start_reset(settings, database, &background, &prices)?;
    start.execute(id).await.map_err(reset_failure)?;
    // The message goes out after the answer.
    background.finish(LONGEST_SEND).await;
    Ok(print(
        "The reset is started. Its owner asks for it as usual (password/forgot), gets no second message, and chooses \
         the password.",
    )?)
}

pub(super) async fn delete(database: &Database, name: &str, yes: bool) -> Result<(), Failure> {
    let id = account(database, name).await?;
    confirm("Delete this account for good?", yes)?;
    let remove = RemoveAccount { clock: clock(), secrets: secrets(), accounts: database.accounts() };
    match remove.execute(id).await {
        Ok(()) => {
            Ok(print("The account is deleted. Its e-mail address and number can be registered again.")?)
        }
        Err(RemoveAccountError::NotFound) => Err(not_found()),
        Err(RemoveAccountError::Fault(fault)) => Err(other(fault)),
    }
}

async fn account(database: &Database, name: &str) -> Result<UserId, Failure> {
    let query = AccountQuery::Named(AccountName::parse(name).map_err(usage)?);
    let find = FindAccounts { directory: database.directory() };
    let found = find.execute(&query, None).await.map_err(other)?;
    found.first().map(|entry| entry.user.id).ok_or_else(not_found)
}

async fn details(database: &Database, name: &str) -> Result<AccountDetails, Failure> {
    let name = AccountName::parse(name).map_err(usage)?;
    let show = ShowAccount {
        clock: clock(),
        accounts: database.accounts(),
        directory: database.directory(),
        sessions: database.sessions(),
        events: database.events(),
    };
    match show.execute(&name).await {
        Ok(details) => Ok(details),
        Err(ShowAccountError::NotFound) => Err(not_found()),
        Err(ShowAccountError::Fault(fault)) => Err(other(fault)),
    }
}

fn not_found() -> Failure {
    Failure::Other(anyhow!("there is no such account; {HOW_TO_FIND}"))
}

fn lock_failure(error: LockAccountError) -> Failure {
    match error {
        LockAccountError::NotFound => not_found(),
        LockAccountError::Fault(fault) => other(fault),
    }
}

fn reset_failure(error: StartResetError) -> Failure {
    match error {
        StartResetError::NotFound => not_found(),
        StartResetError::Locked => {
            Failure::Other(anyhow!("the account is locked; `otp-login users unlock` opens it first"))
        }
        StartResetError::RateLimited { retry_after } => {
            let seconds = retry_after.as_secs();
            Failure::Other(anyhow!("too many messages for this account; try again in {seconds} s"))
        }
        StartResetError::Fault(fault) => other(fault),
    }
}

fn usage(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Usage(error.into())
}

fn other(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Other(error.into())
}

fn table(details: &AccountDetails, now: Timestamp) -> Result<String, fmt::Error> {
    let AccountDetails { entry: AccountEntry { user, lock }, email_failures, phone_failures, .. } = details;
    let mut text = String::new();
    let factors: Vec<&str> = user.factors().into_iter().map(Factor::as_str).collect();
    writeln!(text, "Account          {}", user.id.0)?;
    writeln!(text, "E-mail           {}", user.email.as_typed())?;
    writeln!(text, "Phone            {}, proven {}", user.phone.as_e164(), user.phone_verified_at)?;
    writeln!(text, "Language         {}", user.locale.as_ref().map_or("-", Locale::as_str))?;
    writeln!(text, "Factors          password, {}", factors.join(", "))?;
    writeln!(text, "Created          {}", user.created_at)?;
    writeln!(text, "Updated          {}", user.updated_at)?;
    match lock {
        Some(lock) => writeln!(text, "Locked           since {}: {}", lock.since, lock.reason.as_str())?,
        None => writeln!(text, "Locked           no")?,
    }
    writeln!(text, "Wrong passwords  {} by e-mail{}", email_failures.count, wait(email_failures, now))?;
    writeln!(text, "                 {} by number{}", phone_failures.count, wait(phone_failures, now))?;
    writeln!(text, "Sessions         {}", details.sessions.len())?;
    for session in &details.sessions {
        writeln!(text, "  {}  last used {}  {}", session.id.0, session.last_used_at, told(&session.client))?;
    }
    writeln!(text, "Last events      {}", details.events.len())?;
    for event in &details.events {
        writeln!(text, "  {}  {:<26}  {}", event.occurred_at, event.name.as_str(), told(&event.client))?;
    }
    Ok(text)
}

fn wait(failures: &PasswordFailures, now: Timestamp) -> String {
    failures.retry_at(now).map_or_else(String::new, |at| format!(", the next one is looked at from {at} on"))
}

fn told(client: &Client) -> String {
    let address = client.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let agent = client.user_agent.as_ref().map_or("", UserAgent::as_str);
    format!("{address}  {agent}").trim_end().to_owned()
}
