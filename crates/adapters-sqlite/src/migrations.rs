//! The embedded schema and its changes.

use std::{collections::HashSet, error::Error};

use diesel::{
    SqliteConnection,
    migration::{Migration, MigrationSource, MigrationVersion},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::SqliteStore;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type Cause = Box<dyn Error + Send + Sync>;

/// The schema could not be read or changed. Each migration happens wholly or
/// not at all.
#[derive(Debug, thiserror::Error)]
#[error("the schema of the database was not read or changed")]
pub struct MigrationError(#[source] Cause);

impl SqliteStore {
    /// Applies what is not yet applied; returns the names. Any number of
    /// processes may do so at once: one applies, the others find it done.
    pub async fn migrate_up(&self) -> Result<Vec<String>, MigrationError> {
        self.alone(apply_pending).await
    }

    /// Reverts the last `steps` applied migrations; returns their names,
    /// newest first.
    pub async fn migrate_down(&self, steps: u32) -> Result<Vec<String>, MigrationError> {
        self.alone(move |sqlite| revert(sqlite, steps)).await
    }

    /// Every migration by name, oldest first, and whether it is applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, MigrationError> {
        self.alone(status).await
    }

    /// Does `work` while no other process prepares or migrates the same file.
    async fn alone<T, W>(&self, work: W) -> Result<T, MigrationError>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection) -> Result<T, Cause> + Send + 'static,
    {
        let file = self.file().cloned();
        let locked = move |sqlite: &mut SqliteConnection| {
            let _lock = file.map(|file| file.lock()).transpose()?;
            work(sqlite)
        };
        let done = self.writers().run_once(locked).await;
        done.map_err(|error| MigrationError(error.into()))?.map_err(MigrationError)
    }
}

fn apply_pending(sqlite: &mut SqliteConnection) -> Result<Vec<String>, Cause> {
    let mut names = Vec::new();
    for migration in sqlite.pending_migrations(MIGRATIONS)? {
        sqlite.run_migration(&migration)?;
        names.push(migration.name().to_string());
    }
    Ok(names)
}

fn revert(sqlite: &mut SqliteConnection, steps: u32) -> Result<Vec<String>, Cause> {
    let known = known()?;
    let mut names = Vec::new();
    for version in sqlite.applied_migrations()?.into_iter().take(steps as usize) {
        let migration = known.iter().find(|migration| migration.name().version() == version);
        let migration = migration.ok_or("an applied migration is unknown to this program")?;
        sqlite.revert_migration(migration)?;
        names.push(migration.name().to_string());
    }
    Ok(names)
}

fn status(sqlite: &mut SqliteConnection) -> Result<Vec<(String, bool)>, Cause> {
    let applied: HashSet<MigrationVersion<'static>> = sqlite.applied_migrations()?.into_iter().collect();
    let of = |migration: Box<dyn Migration<Sqlite>>| {
        (migration.name().to_string(), applied.contains(&migration.name().version()))
    };
    Ok(known()?.into_iter().map(of).collect())
}

fn known() -> Result<Vec<Box<dyn Migration<Sqlite>>>, Cause> {
    let mut known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)?;
    known.sort_by(|one, other| one.name().version().cmp(&other.name().version()));
    Ok(known)
}
