//! Whether what we depend on is there.

use async_trait::async_trait;

/// A dependency is not ready. The reason is for logs, never for clients.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unready(pub String);

/// Something outside the process without which requests fail.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Dependency: Send + Sync {
    /// A stable name such as `database`.
    fn name(&self) -> &'static str;

    /// Asks once, within a second or two, whether it would answer.
    async fn probe(&self) -> Result<(), Unready>;
}
