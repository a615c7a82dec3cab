//! Accounts.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Email, Locale, PhoneNumber};

/// The id of an account: a `UUIDv7`, never used again after deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

/// An account. It exists only once its phone is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub phone: PhoneNumber,
    pub phone_verified_at: Timestamp,
    pub locale: Option<Locale>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub has_passkey: bool,
}

impl User {
    /// What the account can prove itself with besides the password.
    pub fn factors(&self) -> Vec<Factor> {
        [Factor::Sms].into_iter().chain(self.has_passkey.then_some(Factor::Passkey)).collect()
    }
}

/// A second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// Possession of the phone.
    Sms,
    /// Possession of an authenticator.
    Passkey,
}

impl Factor {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Passkey => "passkey",
        }
    }
}
