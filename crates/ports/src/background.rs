//! Work that nobody waits for.

use std::pin::Pin;

/// Something to be done in the background.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does what a request caused after it was answered.
pub trait Background: Send + Sync {
    /// Begins the work soon and returns at once. An orderly end of the process waits for it;
    /// a crash loses it, so it must be of a kind that its user can ask for again.
    fn begin(&self, work: Work);
}
