//! Connections, and work on them that a cancelled caller cannot harm.

use std::{
    error::Error,
    thread::sleep,
    time::{Duration, Instant},
};

use deadpool::{Runtime, managed::Object};
use diesel::{ConnectionError, QueryResult, SqliteConnection};
use diesel_async::{
    AsyncConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{BuildError, Pool},
    },
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use ports::StoreError;
use tokio::{runtime::Handle, task};
use tracing::Instrument;

use crate::error::{Unfinished, is_busy, store_error};

/// A connection whose queries run on blocking threads.
pub(crate) type Connection = SyncConnectionWrapper<SqliteConnection, Detached>;
type Manager = AsyncDieselConnectionManager<Connection>;

/// What each connection is told first.
pub(crate) const SETUP: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// SQLite waits for a lock itself; trying again is for the cases where it must not.
const BUSY_RETRIES: u32 = 10;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Spawns blocking work that simply goes on when nobody waits for it.
///
/// The default of `diesel-async` waits in `drop`, which panics on a
/// current-thread runtime, such as that of an actix worker.
pub(crate) struct Detached;

impl SpawnBlocking for Detached {
    fn spawn_blocking<'a, R>(
        &mut self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        // The text of a panic may hold values.
        task::spawn_blocking(work).map_err(|_| Unfinished.into()).boxed()
    }

    fn get_runtime() -> Self {
        Self
    }
}

/// A bounded, fair queue for connections to one database.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<Connection>,
    /// Work outlives its caller, also when the caller's own runtime ends, as
    /// that of an HTTP worker does.
    runtime: Handle,
}

impl Connections {
    /// At most `size` connections to what SQLite knows as `uri`, used on the
    /// runtime of this call.
    pub(crate) fn new(uri: String, size: usize) -> Result<Self, BuildError> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|uri| Box::pin(establish(uri)));
        let pool = Pool::builder(Manager::new_with_config(uri, config))
            .max_size(size)
            .wait_timeout(Some(LONGEST_WAIT))
            .create_timeout(Some(LONGEST_WAIT))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { pool, runtime: Handle::current() })
    }

    /// Does `work` on a blocking thread, again a few times while the database
    /// is busy. It goes on to its end when the caller is cancelled.
    pub(crate) async fn run<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        self.run_once(move |connection| retry_while_busy(|| work(connection))).await?.map_err(store_error)
    }

    /// Does `work` once, and hands on what it returns.
    pub(crate) async fn run_once<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection) -> T + Send + 'static,
    {
        let unavailable = |error: Box<dyn Error + Send + Sync>| StoreError::Unavailable(error);
        let connection = self.pool.get().await.map_err(|error| unavailable(error.into()))?;
        // The task owns the connection, so that it is free only when the work is over.
        let job = self.runtime.spawn(on(connection, work).in_current_span());
        job.await.map_err(|_| unavailable(Unfinished.into()))?
    }
}

async fn on<T, W>(mut connection: Object<Manager>, work: W) -> Result<T, StoreError>
where
    T: Send + 'static,
    W: FnOnce(&mut SqliteConnection) -> T + Send + 'static,
{
    let done = connection.spawn_blocking(move |sqlite| Ok(work(sqlite))).await;
    done.map_err(|error| {
        // The work panicked, perhaps within a transaction.
        drop(Object::take(connection));
        StoreError::Broken(error.into())
    })
}

async fn establish(uri: &str) -> Result<Connection, ConnectionError> {
    let mut connection = Connection::establish(uri).await?;
    connection.batch_execute(SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Blocks, for a bounded time.
pub(crate) fn retry_while_busy<T>(mut work: impl FnMut() -> QueryResult<T>) -> QueryResult<T> {
    let started = Instant::now();
    for _ in 0..BUSY_RETRIES {
        match work() {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY_TIMEOUT => sleep(BUSY_PAUSE),
            outcome => return outcome,
        }
    }
    work()
}
