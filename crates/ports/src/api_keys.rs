//! Keys of other programs.

/// The keys by which other programs prove that they may ask. Several may be valid at
/// once, so that a key can be replaced while programs use it.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait ApiKeys: Send + Sync {
    /// Whether `presented` is one of the keys. How long this takes tells nothing of them.
    fn accept(&self, presented: &str) -> bool;
}
