//! The stores on PostgreSQL.
//!
//! Every port method is one statement, so one round trip and one atomic step:
//! where several rows change together, data-modifying `WITH` clauses carry the
//! decision from row to row. Races are decided by the conditions of that
//! statement under `READ COMMITTED`, never by reading first.
//!
//! Decides nothing that the domain decides; knows nothing of HTTP.

mod accounts;
mod challenges;
mod connect;
mod devices;
mod directory;
mod error;
mod events;
mod factors;
mod import;
mod migrations;
mod notices;
mod passkeys;
mod rows;
mod send_traces;
mod sessions;
mod shield;
mod signing_keys;
mod statement;
mod types;
mod webhooks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
pub use connect::{ConnectError, Settings};
use connect::{Connection, Pool, PooledConnection};
use diesel::{
    QueryResult,
    pg::Pg,
    result::{DatabaseErrorKind, Error},
};
use diesel_async::{
    RunQueryDsl,
    methods::{ExecuteDsl, LoadQuery},
};
pub use migrations::MigrationError;
use ports::{Dependency, StoreError, Unready};

use crate::{
    error::{DatabaseHangs, is_transient_conflict, store_error},
    sessions::Lookups,
};

/// How long a statement may take, its way there and back included. The server
/// gives up on its own a second earlier; this bounds a server that is silent.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(6);

/// How often a statement that lost a deadlock is tried.
const TRIES: u32 = 3;

/// Hands each thread a number when it first asks.
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
}

/// The stores, over a pool of connections for each thread that answers.
///
/// A connection is driven by the thread that opened it. Were it lent to others,
/// every statement would cross threads twice, which costs more than the
/// statement. Connections are made when first needed and made anew when lost: a database
/// that comes back needs no restart of ours.
#[derive(Clone)]
pub struct PostgresStore {
    lanes: Arc<[Lane]>,
    settings: Arc<Settings>,
}

/// What one thread uses.
struct Lane {
    pool: Pool,
    lookups: Lookups,
}

impl Lane {
    fn new(settings: &Arc<Settings>) -> Result<Self, ConnectError> {
        Ok(Self { pool: connect::pool(settings.clone())?, lookups: Lookups::default() })
    }
}

impl PostgresStore {
    /// Prepares a pool without connecting.
    pub fn new(settings: Settings) -> Result<Self, ConnectError> {
        let settings = Arc::new(settings);
        let lanes = (0..settings.threads).map(|_| Lane::new(&settings)).collect::<Result<_, _>>()?;
        Ok(Self { lanes, settings })
    }

    /// Runs a statement and reads its rows.
    async fn rows<S, T>(&self, statement: S) -> Result<Vec<T>, StoreError>
    where
        S: Clone + Send + for<'query> LoadQuery<'query, Connection, T> + 'static,
        T: Send + 'static,
    {
        self.load_again(statement).await?.map_err(store_error)
    }

    /// Runs a statement and reads its rows; `None` when a foreign key took all of it back,
    /// because what it was to belong to is gone.
    async fn rows_unless_orphaned<S, T>(&self, statement: S) -> Result<Option<Vec<T>>, StoreError>
    where
        S: Clone + Send + for<'query> LoadQuery<'query, Connection, T> + 'static,
        T: Send + 'static,
    {
        match self.load_again(statement).await? {
            Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Ok(None),
            answer => answer.map(Some).map_err(store_error),
        }
    }

    /// Runs a statement that returns one row or none.
    async fn row<S, T>(&self, statement: S) -> Result<Option<T>, StoreError>
    where
        S: Clone + Send + for<'query> LoadQuery<'query, Connection, T> + 'static,
        T: Send + 'static,
    {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs a statement and counts the rows it changed.
    async fn execute<S>(&self, statement: S) -> Result<usize, StoreError>
    where
        S: Clone + Send + ExecuteDsl<Connection, Pg> + 'static,
    {
        for _ in 1..TRIES {
            match self.change(statement.clone()).await? {
                Err(error) if is_transient_conflict(&error) => {}
                answer => return answer.map_err(store_error),
            }
        }
        self.change(statement).await?.map_err(store_error)
    }

    /// Runs a statement, again if it lost a deadlock.
    async fn load_again<S, T>(&self, statement: S) -> Result<QueryResult<Vec<T>>, StoreError>
    where
        S: Clone + Send + for<'query> LoadQuery<'query, Connection, T> + 'static,
        T: Send + 'static,
    {
        for _ in 1..TRIES {
            match self.load(statement.clone()).await? {
                Err(error) if is_transient_conflict(&error) => {}
                answer => return Ok(answer),
            }
        }
        self.load(statement).await
    }

    async fn load<S, T>(&self, statement: S) -> Result<QueryResult<Vec<T>>, StoreError>
    where
        S: Send + for<'query> LoadQuery<'query, Connection, T> + 'static,
        T: Send + 'static,
    {
        let mut connection = self.connection().await?;
        let answer = tokio::time::timeout(STATEMENT_TIMEOUT, statement.load(&mut connection)).await;
        answer.map_err(|_| hangs(connection))
    }

    async fn change<S>(&self, statement: S) -> Result<QueryResult<usize>, StoreError>
    where
        S: Send + ExecuteDsl<Connection, Pg> + 'static,
    {
        let mut connection = self.connection().await?;
        let answer = tokio::time::timeout(STATEMENT_TIMEOUT, statement.execute(&mut connection)).await;
        answer.map_err(|_| hangs(connection))
    }

    fn thread() -> usize {
        THREAD.with(|number| *number)
    }

    fn lane(&self, thread: usize) -> Result<&Lane, StoreError> {
        let lane = self.lanes.get(thread % self.lanes.len().max(1));
        lane.ok_or_else(|| StoreError::Broken("the store has no pool".into()))
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        self.lane(Self::thread())?.pool.get().await.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}

/// Takes a silent connection out of the pool: its next user would wait for the
/// same silence.
fn hangs(connection: PooledConnection) -> StoreError {
    drop(deadpool::managed::Object::take(connection));
    StoreError::Unavailable(Box::new(DatabaseHangs))
}

#[async_trait]
impl Dependency for PostgresStore {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn probe(&self) -> Result<(), Unready> {
        self.execute(diesel::sql_query("SELECT 1"))
            .await
            .map(drop)
            .map_err(|error| Unready(error.to_string()))
    }
}
