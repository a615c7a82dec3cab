//! What somebody signs in with.

use crate::{Email, PhoneNumber};

/// The name somebody signs in with: the e-mail address or the phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInName {
    Email(Email),
    Phone(PhoneNumber),
}

impl SignInName {
    /// The canonical text that failures of unknown names are counted under.
    pub fn canonical(&self) -> &str {
        match self {
            Self::Email(email) => email.canonical(),
            Self::Phone(phone) => phone.as_e164(),
        }
    }
}
