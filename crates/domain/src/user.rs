//! Accounts.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Email, Locale, PhoneNumber, SecondFactors};

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
    /// What it has besides password and phone.
    pub second_factors: SecondFactors,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl User {
    /// What the account can prove itself with besides the password.
    pub fn factors(&self) -> Vec<Factor> {
        let app = self.second_factors.totp.then_some(Factor::Totp);
        let passkey = self.second_factors.passkey.then_some(Factor::Passkey);
        [Factor::Sms].into_iter().chain(app).chain(passkey).collect()
    }
}

/// A second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// Possession of the phone.
    Sms,
    /// Possession of an enrolled authenticator app.
    Totp,
    /// Possession of an authenticator.
    Passkey,
}

impl Factor {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }
}
