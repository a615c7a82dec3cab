//! What an access token says.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{SessionId, UserId};

/// How a session was authenticated, by the names of RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthenticationMethod {
    /// `pwd`: a password.
    Password,
    /// `sms`: a code sent by text message.
    Sms,
    /// `tel`: a code spoken in a call.
    Telephone,
    /// `otp`: a time-based one-time password.
    OneTimePassword,
    /// `hwk`: a key that does not leave its authenticator, by what the authenticator says.
    HardwareKey,
    /// `swk`: a key that may be in a backup.
    SoftwareKey,
    /// `user`: somebody was there and confirmed.
    UserPresence,
    /// `mfa`: more than one factor was used.
    MultiFactor,
}

impl AuthenticationMethod {
    const ALL: [Self; 8] = [
        Self::Password,
        Self::Sms,
        Self::Telephone,
        Self::OneTimePassword,
        Self::HardwareKey,
        Self::SoftwareKey,
        Self::UserPresence,
        Self::MultiFactor,
    ];

    /// The registered value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Sms => "sms",
            Self::Telephone => "tel",
            Self::OneTimePassword => "otp",
            Self::HardwareKey => "hwk",
            Self::SoftwareKey => "swk",
            Self::UserPresence => "user",
            Self::MultiFactor => "mfa",
        }
    }

    /// The method with the registered value `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// The claims of an access token that carry meaning for us (RFC 9068 §2.2);
/// issuer, audience and `jti` belong to whoever signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`.
    pub user_id: UserId,
    /// `sid`: the session that ends the token when it ends.
    pub session_id: SessionId,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `auth_time`: when the user last proved who they are with every factor.
    pub authenticated_at: Timestamp,
    /// `amr`.
    pub methods: Vec<AuthenticationMethod>,
}

/// A signed access token, for the answer that issues it.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Wraps a freshly signed token.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}
