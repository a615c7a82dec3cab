//! What a browser sent, as the library reads it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::CredentialId;
use ports::{CredentialRefused, PresentedCredential};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Bits of the authenticator data (`WebAuthn` Level 3 §6.1).
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
/// They stand behind the hash of the relying party's id.
const FLAGS_AT: usize = 32;

const UNREADABLE: CredentialRefused = CredentialRefused("what was presented cannot be read");

/// Reads the members that count. Others may hold values that only later editions of
/// `WebAuthn` know, which are to be ignored (§2.1.1).
pub(crate) fn read<T: DeserializeOwned>(presented: &PresentedCredential) -> Result<T, CredentialRefused> {
    let Members { raw_id, response } = members(presented)?;
    let counting = json!({ "rawId": raw_id, "response": response });
    serde_json::from_value(counting).map_err(|_| UNREADABLE)
}

/// The credential that is presented.
pub(crate) fn credential_id(presented: &PresentedCredential) -> Result<CredentialId, CredentialRefused> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(members(presented)?.raw_id).map_err(|_| UNREADABLE)?;
    CredentialId::from_bytes(bytes).ok_or(UNREADABLE)
}

fn members(presented: &PresentedCredential) -> Result<Members, CredentialRefused> {
    serde_json::from_str(&presented.0).map_err(|_| UNREADABLE)
}

#[derive(Deserialize)]
struct Members {
    #[serde(rename = "rawId")]
    raw_id: String,
    response: Value,
}

/// What the authenticator says of itself and its user. Says nothing until the signature over it
/// was judged.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Reads authenticator data as it was sent.
    pub(crate) fn of(authenticator_data: &str) -> Result<Self, CredentialRefused> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(authenticator_data).map_err(|_| UNREADABLE)?;
        bytes.get(FLAGS_AT).copied().map(Self).ok_or(UNREADABLE)
    }

    pub(crate) const fn user_verified(self) -> bool {
        self.0 & USER_VERIFIED != 0
    }

    pub(crate) const fn backup_eligible(self) -> bool {
        self.0 & BACKUP_ELIGIBLE != 0
    }

    pub(crate) const fn backed_up(self) -> bool {
        self.0 & BACKED_UP != 0
    }
}
