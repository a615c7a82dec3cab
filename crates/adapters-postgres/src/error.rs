//! What diesel reports, in the words of the ports.

use diesel::result::{DatabaseErrorKind, Error};
use ports::StoreError;

/// The server neither answered nor refused.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer in time")]
pub(crate) struct DatabaseHangs;

/// The task that asked the database ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the lookup was dropped")]
pub(crate) struct LookupDropped;

/// The message of a database error without its detail, which quotes values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Message(String);

pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::DatabaseError(kind, information) => {
            let message = Box::new(Message(information.message().to_owned()));
            if breaks_a_constraint(kind) {
                StoreError::Broken(message)
            } else {
                StoreError::Unavailable(message)
            }
        }
        Error::BrokenTransactionManager => StoreError::Unavailable(Box::new(error)),
        error => StoreError::Broken(Box::new(Message(error.to_string()))),
    }
}

/// The same failure for one more of those who shared a statement.
pub(crate) fn copy_of(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(cause) => StoreError::Unavailable(Box::new(Message(cause.to_string()))),
        StoreError::Broken(cause) => StoreError::Broken(Box::new(Message(cause.to_string()))),
    }
}

/// Every constraint that callers can meet is part of a condition, so a
/// violation is a defect; anything else that a server says is its own trouble.
fn breaks_a_constraint(kind: DatabaseErrorKind) -> bool {
    matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
    )
}

/// Whether the same statement may succeed when it is simply run again.
pub(crate) fn is_transient_conflict(error: &Error) -> bool {
    match error {
        // Of a unique index, when a condition did not see what another statement had not
        // committed yet. Now it will.
        Error::DatabaseError(
            DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation,
            _,
        ) => true,
        Error::DatabaseError(_, information) => tells_of_a_deadlock(information.message()),
        _ => false,
    }
}

/// Diesel has no kind for 40P01, and only a superuser may choose the language of messages. Most
/// languages keep the word; in another one the caller is told that the database is unavailable.
fn tells_of_a_deadlock(message: &str) -> bool {
    let message = message.to_lowercase();
    ["deadlock", "verklemmung", "dödläge"].iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc_08_a_deadlock_is_recognised_in_the_language_of_the_server() {
        for message in [
            "deadlock detected",
            "Verklemmung (Deadlock) entdeckt",
            "interblocage (Deadlock) détecté",
            "se ha detectado un deadlock",
        ] {
            assert!(tells_of_a_deadlock(message), "{message}");
        }
        assert!(!tells_of_a_deadlock("canceling statement due to lock timeout"));
    }
}
