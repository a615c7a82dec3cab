//! The store itself: two queues of connections to one database.

use std::path::Path;

use diesel::{QueryResult, SqliteConnection};
use ports::StoreError;

use crate::{
    file::{ConnectError, DataFile},
    pool::Connections,
    url::SqliteUrl,
};

const READERS: usize = 4;
/// SQLite writes one transaction at a time; a second writer would only poll.
const WRITERS: usize = 1;

/// Accounts, challenges, sessions and events in one SQLite database.
///
/// Cloning is cheap and shares the connections. The work is done on the
/// runtime that connected, so that one has to live as long as the store is
/// used. Dropping the future of a port method is safe: what it began is
/// finished, or was never begun.
#[derive(Clone)]
pub struct SqliteStore {
    readers: Connections,
    writers: Connections,
    /// `None` in memory.
    file: Option<DataFile>,
}

impl SqliteStore {
    /// Opens the database, and makes its file where there is none; tables come
    /// from [`migrate_up`](Self::migrate_up).
    pub async fn connect(url: &SqliteUrl) -> Result<Self, ConnectError> {
        match url {
            SqliteUrl::Memory => Self::in_memory().await,
            SqliteUrl::File(path) => Self::on_file(path).await,
        }
    }

    /// One connection for everything: the database lives and dies with it.
    async fn in_memory() -> Result<Self, ConnectError> {
        let only = connections(":memory:".to_owned(), 1)?;
        Self { readers: only.clone(), writers: only, file: None }.checked().await
    }

    async fn on_file(path: &Path) -> Result<Self, ConnectError> {
        let path = path.to_owned();
        let prepared = tokio::task::spawn_blocking(move || DataFile::prepare(&path)).await;
        let file = prepared.map_err(|error| ConnectError::Database(error.into()))??;
        let readers = connections(file.uri()?, READERS)?;
        let writers = connections(file.uri()?, WRITERS)?;
        Self { readers, writers, file: Some(file) }.checked().await
    }

    async fn checked(self) -> Result<Self, ConnectError> {
        let answer = self.writers.run(|_| Ok(())).await;
        answer.map_err(|error| ConnectError::Database(error.into()))?;
        Ok(self)
    }

    pub(crate) fn file(&self) -> Option<&DataFile> {
        self.file.as_ref()
    }

    pub(crate) fn writers(&self) -> &Connections {
        &self.writers
    }

    /// Does `work` on one snapshot of the database.
    pub(crate) async fn read<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        use diesel::Connection as _;
        self.readers.run(move |sqlite| sqlite.transaction(|sqlite| work(sqlite))).await
    }

    /// Does `work` alone: nobody else writes until it is committed, or rolled
    /// back when it fails.
    pub(crate) async fn write<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        self.writers.run(move |sqlite| sqlite.immediate_transaction(|sqlite| work(sqlite))).await
    }
}

fn connections(uri: String, size: usize) -> Result<Connections, ConnectError> {
    Connections::new(uri, size).map_err(|error| ConnectError::Database(error.into()))
}
