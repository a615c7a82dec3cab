//! A fresh `PostgreSQL` database for each test.
//!
//! The server is the one `TEST_DATABASE_URL` names. `cargo xtask test` starts a
//! throw-away one and sets the variable.

use std::cell::RefCell;
use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio_postgres::NoTls;

const DATABASE_PLACEHOLDER: &str = "{db}";

thread_local! {
    static KEPT_FOR_THIS_THREAD: RefCell<Vec<Database>> = const { RefCell::new(Vec::new()) };
}

/// The URL of a fresh, empty database, which lives as long as the calling thread.
///
/// A test has a thread of its own, so the database ends with the test. Hold a
/// [`Database`] instead where several threads or tests share one.
///
/// # Panics
/// When `TEST_DATABASE_URL` is missing or its server cannot be used.
pub fn database() -> String {
    let database = Database::create();
    let url = database.url().to_owned();
    KEPT_FOR_THIS_THREAD.with_borrow_mut(|kept| kept.push(database));
    url
}

/// A `PostgreSQL` server on which databases can be made.
#[derive(Clone)]
pub struct DatabaseServer {
    url: String,
    outlives_the_tests: bool,
}

impl DatabaseServer {
    /// A server at `url`, whose literal `{db}`, or else whose path, is where the
    /// database's name goes. Databases are dropped after use, for the server is
    /// somebody's own.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), outlives_the_tests: true }
    }

    /// The server of `TEST_DATABASE_URL`. Beside `TEST_DATABASE_THROWAWAY` it is
    /// one that ends with the test run, where dropping databases would be waste.
    ///
    /// # Panics
    /// When the variable is missing.
    pub fn from_environment() -> Self {
        let Ok(url) = env::var("TEST_DATABASE_URL") else {
            panic!(
                "TEST_DATABASE_URL is not set: run `cargo xtask test`, which starts PostgreSQL for the tests"
            );
        };
        Self { url, outlives_the_tests: env::var_os("TEST_DATABASE_THROWAWAY").is_none() }
    }

    /// The URL of the database `name` on this server.
    fn url_of(&self, name: &str) -> String {
        if self.url.contains(DATABASE_PLACEHOLDER) {
            return self.url.replace(DATABASE_PLACEHOLDER, name);
        }
        let (address, query) = match self.url.split_once('?') {
            Some((address, query)) => (address, format!("?{query}")),
            None => (self.url.as_str(), String::new()),
        };
        let after_scheme = address.find("://").map_or(0, |at| at + "://".len());
        let server = match address.get(after_scheme..).and_then(|rest| rest.find('/')) {
            Some(slash) => address.split_at(after_scheme + slash).0,
            None => address,
        };
        format!("{server}/{name}{query}")
    }

    /// The database to give orders from: the one named, or the one every server has.
    fn maintenance_url(&self) -> String {
        self.url.replace(DATABASE_PLACEHOLDER, "postgres")
    }

    /// Runs each of `statements` by itself, because a database is neither made
    /// nor dropped inside a transaction.
    ///
    /// In a thread of its own: the caller may be inside an asynchronous runtime,
    /// which must not be blocked on, or at the end of its thread.
    fn run(&self, statements: Vec<String>) -> Result<(), String> {
        let url = self.maintenance_url();
        let connected = thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?;
            runtime.block_on(run_each(&url, &statements)).map_err(|error| described(&error))
        });
        match connected.map(thread::JoinHandle::join) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("the connection panicked".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

async fn run_each(url: &str, statements: &[String]) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    for statement in statements {
        client.batch_execute(statement).await?;
    }
    Ok(())
}

/// The error with its causes, which `Display` leaves out.
fn described(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", described(cause)),
        None => error.to_string(),
    }
}

/// A fresh, empty database, dropped with this value unless the server ends with
/// the test run anyway.
pub struct Database {
    server: DatabaseServer,
    name: String,
    url: String,
}

impl Database {
    /// Creates a database on the server of `TEST_DATABASE_URL`.
    ///
    /// # Panics
    /// As [`database`].
    pub fn create() -> Self {
        Self::create_on(&DatabaseServer::from_environment())
    }

    /// Creates a database named `t_<process id>_<number>` on `server`.
    ///
    /// # Panics
    /// When the server cannot be reached or does not let us create databases.
    pub fn create_on(server: &DatabaseServer) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{number}", process::id());
        // Another run may have died and left one of this name; template0 takes no
        // connections, so that it can always be copied.
        let made = server.run(vec![
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ]);
        if let Err(error) = made {
            panic!(
                "no database {name} on the server of TEST_DATABASE_URL: {error}; without the variable `cargo xtask test` starts a server itself"
            );
        }
        Self { server: server.clone(), url: server.url_of(&name), name }
    }

    /// Where clients connect to.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.outlives_the_tests {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            // Best effort: the outcome of the test is already known.
            let _ = self.server.run(vec![drop]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_takes_the_place_of_the_placeholder() {
        let server = DatabaseServer::at("postgres:///{db}?host=/tmp/a&user=postgres");
        assert_eq!(server.url_of("t_1_1"), "postgres:///t_1_1?host=/tmp/a&user=postgres");
        assert_eq!(server.maintenance_url(), "postgres:///postgres?host=/tmp/a&user=postgres");
    }

    #[test]
    fn the_name_takes_the_place_of_the_database_in_a_plain_url() {
        for (given, expected) in [
            ("postgres://u:p@h:5432/app?sslmode=disable", "postgres://u:p@h:5432/t?sslmode=disable"),
            ("postgres://u@h/app", "postgres://u@h/t"),
            ("postgres://u@h", "postgres://u@h/t"),
            ("postgres://u@h?connect_timeout=2", "postgres://u@h/t?connect_timeout=2"),
            ("postgres:///?host=/run/postgresql", "postgres:///t?host=/run/postgresql"),
        ] {
            assert_eq!(DatabaseServer::at(given).url_of("t"), expected);
        }
    }
}
