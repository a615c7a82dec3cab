//! What SQLite's errors mean to a caller.

use diesel::result::{DatabaseErrorKind, Error};
use ports::StoreError;

/// A stored value that this program never writes. Says where, never what.
#[derive(Debug, thiserror::Error)]
#[error("{0} holds what was never written there")]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// The same, as rows report it.
pub(crate) fn unreadable(column: &'static str) -> Error {
    Error::DeserializationError(Box::new(Unreadable(column)))
}

/// A blocking task did not end by returning.
#[derive(Debug, thiserror::Error)]
#[error("the database task did not finish")]
pub(crate) struct Unfinished;

/// Whether somebody else held the lock for too long.
pub(crate) fn is_busy(error: &Error) -> bool {
    // SQLITE_BUSY and SQLITE_LOCKED have no kind of their own, but fixed texts.
    says(error, &["database is locked", "database table is locked", "database schema is locked"])
}

fn is_away(error: &Error) -> bool {
    const TEXTS: [&str; 5] = [
        "unable to open database file",
        "disk I/O error",
        "database or disk is full",
        "attempt to write a readonly database",
        "out of memory",
    ];
    is_busy(error) || says(error, &TEXTS)
}

fn says(error: &Error, texts: &[&str]) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => {
            texts.iter().any(|text| info.message().starts_with(text))
        }
        _ => false,
    }
}

/// SQLite's texts name tables and columns, never values: statements are
/// prepared and values bound.
pub(crate) fn store_error(error: Error) -> StoreError {
    if is_away(&error) {
        StoreError::Unavailable(Box::new(error))
    } else {
        StoreError::Broken(Box::new(error))
    }
}
