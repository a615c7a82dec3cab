//! The stores on SQLite, for one machine.
//!
//! Several processes may share one database file. Every port method that
//! writes is one `BEGIN IMMEDIATE` transaction: it holds SQLite's only write
//! lock from its first statement on, so what it reads stays true until it
//! commits, and racing callers queue. This crate knows nothing of HTTP, of
//! providers or of the time of day.

mod accounts;
mod challenges;
mod devices;
mod directory;
mod error;
mod events;
mod factors;
mod file;
mod import;
mod migrations;
mod notices;
mod passkeys;
mod pool;
mod readiness;
mod rows;
mod schema;
mod send_traces;
mod sessions;
mod shield;
mod signing_keys;
mod store;
mod types;
mod url;
mod webhooks;

pub use file::ConnectError;
pub use migrations::MigrationError;
pub use store::SqliteStore;
pub use url::{InvalidSqliteUrl, SqliteUrl};

// Named so that SQLite itself is compiled in; diesel links it.
use libsqlite3_sys as _;
