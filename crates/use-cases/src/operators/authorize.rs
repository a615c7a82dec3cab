//! Who is an operator.

use std::sync::Arc;

use ports::AdminKeys;

/// Tells operators by their key.
pub struct AuthorizeOperator {
    pub keys: Arc<dyn AdminKeys>,
}

/// What was presented is no key of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no admin key")]
pub struct NotAnOperator;

impl AuthorizeOperator {
    /// Compares what was presented with every key.
    pub fn execute(&self, presented: &str) -> Result<(), NotAnOperator> {
        if self.keys.knows(presented) { Ok(()) } else { Err(NotAnOperator) }
    }
}
