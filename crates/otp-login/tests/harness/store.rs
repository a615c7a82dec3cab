//! The two databases.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// Keeps every other process from writing to an `SQLite` file, until dropped.
pub struct SqliteLock {
    _connection: SqliteConnection,
}

impl SqliteLock {
    /// Locks the database that a service keeps in its working directory.
    pub fn of(folder: &Path) -> Self {
        let path = folder.join("data/otp-login.sqlite3");
        let mut connection =
            SqliteConnection::establish(&path.to_string_lossy()).expect("the database file opens");
        connection
            .batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE;")
            .expect("nobody holds the lock for long");
        Self { _connection: connection }
    }
}
