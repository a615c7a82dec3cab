//! The schema, embedded in the binary.

use std::collections::BTreeSet;

use diesel::{
    QueryableByName,
    migration::{MigrationSource, MigrationVersion},
    pg::Pg,
    sql_types::{BigInt, Bool, Text},
};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{Connection, PostgresStore, connect::connect};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The advisory lock that replicas starting together queue for.
const LOCK: i64 = 0x6f74_705f_6c6f_6769;

/// A migration could not be looked at or run.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("the database cannot be reached")]
    Connect(#[from] diesel::ConnectionError),
    #[error("what was migrated cannot be read, or the lock of the migrations cannot be had")]
    Query(#[from] diesel::result::Error),
    #[error("migration failed: {0}")]
    Failed(String),
}

impl PostgresStore {
    /// Applies what is pending and returns its names. Replicas that start
    /// together wait for the first; each migration is applied once. Where nothing is pending
    /// nothing is locked or written, so that a role suffices that may not change the schema.
    pub async fn migrate_up(&self) -> Result<Vec<String>, MigrationError> {
        if self.migration_status().await?.iter().all(|(_, is_applied)| *is_applied) {
            return Ok(Vec::new());
        }
        self.with_harness(|harness| {
            let pending = harness.pending_migrations(MIGRATIONS)?;
            pending
                .iter()
                .map(|migration| harness.run_migration(migration).map(|_| migration.name().to_string()))
                .collect()
        })
        .await
    }

    /// Takes back the newest `steps` migrations and returns their names.
    pub async fn migrate_down(&self, steps: u32) -> Result<Vec<String>, MigrationError> {
        self.with_harness(move |harness| {
            let steps = harness.applied_migrations()?.len().min(usize::try_from(steps)?);
            let known = MigrationSource::<Pg>::migrations(&MIGRATIONS)?;
            let name = |version: &MigrationVersion<'_>| {
                let of = known.iter().find(|migration| migration.name().version() == *version);
                of.map_or_else(|| version.to_string(), |migration| migration.name().to_string())
            };
            (0..steps).map(|_| Ok(name(&harness.revert_last_migration(MIGRATIONS)?))).collect()
        })
        .await
    }

    /// Every migration of this binary and whether it is applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, MigrationError> {
        let applied = self.applied_versions().await?;
        let known = MigrationSource::<Pg>::migrations(&MIGRATIONS);
        let known = known.map_err(|error| MigrationError::Failed(error.to_string()))?;
        let status = known.iter().map(|migration| {
            let name = migration.name();
            (name.to_string(), applied.contains(&name.version().as_owned()))
        });
        Ok(status.collect())
    }

    /// Read without the harness, which would create its table first and so wants to be allowed to.
    async fn applied_versions(&self) -> Result<BTreeSet<MigrationVersion<'static>>, MigrationError> {
        let mut connection = connect(&self.settings).await?;
        let has_table: Vec<HasTable> =
            diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS is_there")
                .load(&mut connection)
                .await?;
        if !has_table.iter().any(|table| table.is_there) {
            return Ok(BTreeSet::new());
        }
        let applied: Vec<Applied> =
            diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(&mut connection).await?;
        Ok(applied.into_iter().map(|row| MigrationVersion::from(row.version)).collect())
    }

    async fn with_harness<T: Send + 'static>(
        &self,
        act: impl FnOnce(
            &mut AsyncMigrationHarness<Connection>,
        ) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
        + Send
        + 'static,
    ) -> Result<T, MigrationError> {
        let mut connection = connect(&self.settings).await?;
        // Migrations may rightly take longer than requests; so may the queue for them.
        diesel::sql_query("SET statement_timeout = 0").execute(&mut connection).await?;
        diesel::sql_query("SET lock_timeout = '60s'").execute(&mut connection).await?;
        diesel::sql_query("SELECT pg_advisory_lock($1)")
            .bind::<BigInt, _>(LOCK)
            .execute(&mut connection)
            .await?;
        tokio::task::spawn_blocking(move || act(&mut AsyncMigrationHarness::new(connection)))
            .await
            .map_err(|error| MigrationError::Failed(error.to_string()))?
            .map_err(|error| MigrationError::Failed(error.to_string()))
    }
}

#[derive(QueryableByName)]
struct HasTable {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}
