//! The public keys of access tokens.

use std::sync::Arc;

use ports::AccessTokens;

/// Publishes the keys with which others check our access tokens.
pub struct PublishKeys {
    pub tokens: Arc<dyn AccessTokens>,
}

impl PublishKeys {
    /// The JWK set (RFC 7517 §5) as JSON.
    pub fn execute(&self) -> String {
        self.tokens.public_keys()
    }
}
