//! What can go wrong in a store.

/// A store did not do what it was asked.
///
/// After either error the caller does not know whether a change was written;
/// every method is safe to call again, because conditions are part of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or too slow; it may heal by itself.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database answered something that cannot be: a defect or foreign rows.
    #[error("the database broke its contract")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}
