//! Letting other programs, and operators, in.

use std::sync::Arc;

use ports::ApiKeys;

/// Lets in programs and operators that hold a key.
pub struct AdmitCaller {
    pub keys: Arc<dyn ApiKeys>,
}

/// Whoever asks holds none of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not valid")]
pub struct CallerRefused;

impl AdmitCaller {
    /// Judges a key that was presented.
    pub fn execute(&self, presented: &str) -> Result<(), CallerRefused> {
        if self.keys.accept(presented) { Ok(()) } else { Err(CallerRefused) }
    }
}
