//! The database that was chosen, behind every port of a store.

use std::sync::Arc;

use adapters_postgres::PostgresStore;
use adapters_sqlite::SqliteStore;
use ports::{
    AccountDirectory, AccountImport, AccountStore, ChallengeStore, Dependency, DeviceStore, EventStore,
    FactorStore, NoticeStore, PasskeyStore, SendTraceStore, SessionStore, ShieldStore, SigningKeyStore,
    WebhookStore,
};

use crate::settings::DatabaseSettings;

/// The database that was chosen.
#[derive(Clone)]
pub(crate) enum Database {
    Postgres(PostgresStore),
    Sqlite(SqliteStore),
}

impl Database {
    pub(crate) async fn open(settings: &DatabaseSettings) -> anyhow::Result<Self> {
        match settings {
            DatabaseSettings::Postgres(settings) => {
                Ok(Self::Postgres(PostgresStore::new(Clone::clone(settings))?))
            }
            DatabaseSettings::Sqlite(url) => Ok(Self::Sqlite(SqliteStore::connect(url).await?)),
        }
    }

    pub(crate) async fn migrate_up(&self) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Postgres(store) => store.migrate_up().await?,
            Self::Sqlite(store) => store.migrate_up().await?,
        })
    }

    pub(crate) async fn migrate_down(&self, steps: u32) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Postgres(store) => store.migrate_down(steps).await?,
            Self::Sqlite(store) => store.migrate_down(steps).await?,
        })
    }

    pub(crate) async fn migration_status(&self) -> anyhow::Result<Vec<(String, bool)>> {
        Ok(match self {
            Self::Postgres(store) => store.migration_status().await?,
            Self::Sqlite(store) => store.migration_status().await?,
        })
    }

    pub(crate) fn challenges(&self) -> Arc<dyn ChallengeStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn accounts(&self) -> Arc<dyn AccountStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn sessions(&self) -> Arc<dyn SessionStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn directory(&self) -> Arc<dyn AccountDirectory> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn import(&self) -> Arc<dyn AccountImport> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(super) fn devices(&self) -> Arc<dyn DeviceStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(super) fn passkeys(&self) -> Arc<dyn PasskeyStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn events(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(super) fn factors(&self) -> Arc<dyn FactorStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn notices(&self) -> Arc<dyn NoticeStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn shield(&self) -> Arc<dyn ShieldStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn send_traces(&self) -> Arc<dyn SendTraceStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(super) fn signing_keys(&self) -> Arc<dyn SigningKeyStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn webhooks(&self) -> Arc<dyn WebhookStore> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    pub(super) fn dependency(&self) -> Arc<dyn Dependency> {
        match self {
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }
}
