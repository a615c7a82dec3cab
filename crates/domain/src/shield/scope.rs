//! Whom a message is counted with.

use std::fmt;

use crate::{CountryCode, PhoneNumber, Purpose};

/// Who causes a message, and how much is known of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendOrigin {
    /// Anybody, to a number that nobody has proven: registrations, and changes of number.
    Stranger,
    /// Anybody, to the number of an account: a forgotten password, a sign-in by phone alone.
    Blind,
    /// Whoever knows the password of an account, to its number.
    Owner,
}

impl SendOrigin {
    /// Every origin there is.
    pub const ALL: [Self; 3] = [Self::Stranger, Self::Blind, Self::Owner];

    /// Its name in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Blind => "blind",
            Self::Owner => "owner",
        }
    }

    /// The origin with the name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == text)
    }
}

impl Purpose {
    /// Who causes the messages of challenges of this purpose.
    pub const fn origin(self) -> SendOrigin {
        match self {
            Self::Registration | Self::PhoneChange => SendOrigin::Stranger,
            Self::PasswordReset | Self::PhoneLogin => SendOrigin::Blind,
            Self::Login | Self::StepUp => SendOrigin::Owner,
        }
    }
}

/// A block of up to 10,000 numbers that differ in their last four digits, such as `+4670123`.
/// It names nobody, so it may be shown and logged.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NumberPrefix(String);

impl NumberPrefix {
    const HIDDEN: usize = 4;

    /// The block that a number lies in.
    pub fn of(phone: &PhoneNumber) -> Self {
        let text = phone.as_e164();
        Self(text.get(..text.len().saturating_sub(Self::HIDDEN)).unwrap_or(text).to_owned())
    }

    /// With its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NumberPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NumberPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberPrefix({self})")
    }
}

/// What can be blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ShieldScope {
    Prefix(NumberPrefix),
    Country(CountryCode),
    /// Everything that is sent; only ever warned about, or at the end of its budget.
    Service,
}

/// The text names neither a prefix nor a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a prefix such as +4670123, as `otp-login fraud blocks` lists them, or the two letters of a country"
)]
pub struct InvalidScope;

impl ShieldScope {
    /// Reads a prefix or a country.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if let Some(digits) = text.strip_prefix('+') {
            // The longest number of E.164 has 15 digits.
            let in_shape = (1..=15 - NumberPrefix::HIDDEN).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            return if in_shape {
                Ok(Self::Prefix(NumberPrefix(text.to_owned())))
            } else {
                Err(InvalidScope)
            };
        }
        CountryCode::parse(text).map(Self::Country).map_err(|_| InvalidScope)
    }

    /// What kind of thing it is, in the database and in logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "prefix",
            Self::Country(_) => "country",
            Self::Service => "service",
        }
    }

    /// Which of its kind; empty for the service.
    pub fn key(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix.as_str(),
            Self::Country(country) => country.as_str(),
            Self::Service => "",
        }
    }
}

impl fmt::Display for ShieldScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if let Self::Service = self { self.kind() } else { self.key() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_08_a_prefix_is_the_number_without_its_last_four_digits() {
        let phone = PhoneNumber::from_stored("+46701234567").unwrap();
        assert_eq!(NumberPrefix::of(&phone).as_str(), "+4670123");
    }

    #[test]
    fn a_scope_is_read_as_it_is_shown() {
        for text in ["+4670123", "SE"] {
            assert_eq!(ShieldScope::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "+", "+467012345678", "+46x", "Sweden", "46"] {
            assert_eq!(ShieldScope::parse(text), Err(InvalidScope), "{text}");
        }
    }

    #[test]
    fn numbers_that_nobody_has_proven_are_the_strangers() {
        assert_eq!(Purpose::Registration.origin(), SendOrigin::Stranger);
        assert_eq!(Purpose::PhoneChange.origin(), SendOrigin::Stranger);
        assert_eq!(Purpose::PasswordReset.origin(), SendOrigin::Blind);
        assert_eq!(Purpose::Login.origin(), SendOrigin::Owner);
    }
}
