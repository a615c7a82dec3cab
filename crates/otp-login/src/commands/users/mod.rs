//! Accounts, for operators at a terminal.

mod accounts;
mod cells;
mod confirm;
mod export;
mod import;

use std::sync::Arc;

use adapters_crypto::{SystemClock, SystemSecrets};
use anyhow::{Context, anyhow};
use ports::{Clock, SecretGenerator};

use crate::{
    cli::Users,
    commands::{Failure, runtime},
    settings::Settings,
    wiring::Database,
};

pub(crate) fn run(settings: &Settings, command: Users) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let database = open(settings).await?;
        match command {
            Users::Import(wish) => import::run(settings, &database, &wish).await,
            Users::Export(wish) => Ok(export::run(&database, &wish).await?),
            Users::Find { query, after } => accounts::find(&database, query.as_deref(), after).await,
            Users::Show { name } => accounts::show(&database, &name).await,
            Users::Lock { name, reason, yes } => accounts::lock(&database, &name, &reason, yes).await,
            Users::Unlock { name, yes } => accounts::unlock(&database, &name, yes).await,
            Users::Reset { name, yes } => accounts::reset(settings, &database, &name, yes).await,
            Users::Delete { name, yes } => accounts::delete(&database, &name, yes).await,
        }
    })
}

/// Opens the database that the service uses, unless its schema is another.
async fn open(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::open(&settings.database).await.context("the database cannot be used")?;
    let status = database.migration_status().await.context("the database cannot be used")?;
    let pending = status.iter().filter(|(_, applied)| !applied).count();
    if pending > 0 {
        let described = settings.database.describe();
        return Err(anyhow!(
            "{pending} migrations of the database ({described}) are pending; `otp-login migrate up` applies them"
        ));
    }
    Ok(database)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn secrets() -> Arc<dyn SecretGenerator> {
    Arc::new(SystemSecrets)
}
