//! Answers about passkeys.

use domain::Passkey;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use use_cases::BegunCeremony;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemCode};

/// A ceremony of `WebAuthn` that has begun.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCeremony)]
pub(crate) struct CeremonyBody {
    /// Opaque; needed to finish, once and within 5 minutes.
    #[schema(examples("4s0rWIkwTTvjzYZSkZ8xVw"))]
    ceremony_id: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of
    /// `WebAuthn`.
    #[schema(value_type = Object)]
    public_key: Value,
}

impl TryFrom<BegunCeremony> for CeremonyBody {
    type Error = Problem;

    fn try_from(begun: BegunCeremony) -> Result<Self, Problem> {
        let public_key =
            serde_json::from_str(&begun.options.0).map_err(|_| Problem::new(ProblemCode::Internal))?;
        Ok(Self { ceremony_id: begun.id.as_str().to_owned(), public_key })
    }
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// What its owner calls it, or null.
    #[schema(required = true, examples("the blue key"))]
    name: Option<String>,
    created_at: Timestamp,
    /// Null before its first use.
    #[schema(required = true)]
    last_used_at: Option<Timestamp>,
    /// Whether it was in a backup, such as that of a password manager, when it was last used.
    backed_up: bool,
}

impl From<Passkey> for PasskeyBody {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.0.to_string(),
            name: passkey.name.map(|name| name.as_str().to_owned()),
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
            backed_up: passkey.backed_up,
        }
    }
}

/// A user's passkeys.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeysAnswer {
    pub(super) passkeys: Vec<PasskeyBody>,
}

impl From<Vec<Passkey>> for PasskeysAnswer {
    fn from(passkeys: Vec<Passkey>) -> Self {
        Self { passkeys: passkeys.into_iter().map(PasskeyBody::from).collect() }
    }
}
