//! What services ask about tokens.

use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::field::{FieldErrors, Text, required};
use crate::problem::Problem;

/// A token that a service was shown (RFC 7662 §2.1). `token_type_hint` is ignored.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = IntrospectionRequest)]
pub(crate) struct IntrospectionBody {
    #[garde(custom(required))]
    #[schema(value_type = String, examples("eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl"))]
    token: Text,
}

impl IntrospectionBody {
    /// Hands the token to `read`, unless there is none.
    pub(crate) fn token(&self) -> Result<&str, Problem> {
        FieldErrors::of(self, &["/token"]).resolve(self.token.text())
    }
}
