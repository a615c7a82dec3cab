//! How operators name accounts.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{Email, PhoneNumber, UserId};

/// A name that at most one account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountName {
    Id(UserId),
    Email(Email),
    Phone(PhoneNumber),
}

/// The text names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("name one account by its id, its whole e-mail address, or its number with + and calling code")]
pub struct InvalidAccountName;

impl AccountName {
    /// Reads an id, an e-mail address or a number with its calling code.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountName> {
        let text = text.trim();
        if let Ok(id) = text.parse::<Uuid>() {
            return Ok(Self::Id(UserId(id)));
        }
        if text.starts_with('+')
            && let Ok(phone) = PhoneNumber::parse(text, None)
        {
            return Ok(Self::Phone(phone));
        }
        Email::parse(text).map(Self::Email).map_err(|_| InvalidAccountName)
    }
}

/// Part of an e-mail address, compared as addresses are and matched literally: no
/// character stands for others.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailPart(String);

impl EmailPart {
    /// The part in the form of [`Email::canonical`].
    pub fn canonical(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailPart(…)")
    }
}

/// Which accounts an operator looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountQuery {
    All,
    Named(AccountName),
    EmailPart(EmailPart),
}

/// The text can be no part of what names an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "look for an id, a number with + and calling code, an e-mail address or part of one, at most 254 bytes"
)]
pub struct InvalidAccountQuery;

impl AccountQuery {
    /// Reads what somebody looks for; nothing means all accounts.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountQuery> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::All);
        }
        if text.len() > 254 || text.contains(char::is_control) {
            return Err(InvalidAccountQuery);
        }
        if let Ok(name) = AccountName::parse(text) {
            return Ok(Self::Named(name));
        }
        let composed: String = text.nfc().collect();
        Ok(Self::EmailPart(EmailPart(composed.to_lowercase().nfc().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_id_address_or_number() {
        let id = "0198f0e2-0000-7000-8000-000000000000";
        assert_eq!(AccountName::parse(id), Ok(AccountName::Id(UserId(id.parse().unwrap()))));
        let phone = PhoneNumber::parse("+46701234567", None).unwrap();
        assert_eq!(AccountName::parse(" +46 70 123 45 67 "), Ok(AccountName::Phone(phone)));
        let email = Email::parse("Ann@Example.com").unwrap();
        assert_eq!(AccountName::parse("Ann@Example.com"), Ok(AccountName::Email(email)));
        for wrong in ["", "ann", "0701234567", "+46", "%"] {
            assert_eq!(AccountName::parse(wrong), Err(InvalidAccountName), "{wrong}");
        }
    }

    #[test]
    fn an_address_that_begins_with_a_plus_is_an_address() {
        assert!(matches!(AccountName::parse("+ann@example.com"), Ok(AccountName::Email(_))));
    }

    #[test]
    fn anything_else_is_part_of_an_address() {
        let part = |text: &str| match AccountQuery::parse(text) {
            Ok(AccountQuery::EmailPart(part)) => part.canonical().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(part("ANN@"), "ann@");
        assert_eq!(part("O\u{308}"), "\u{f6}");
        assert_eq!(part(r"50%_\"), r"50%_\");
        assert_eq!(AccountQuery::parse("  "), Ok(AccountQuery::All));
        for wrong in ["a\0b", "a\nb", &"a".repeat(255)] {
            assert_eq!(AccountQuery::parse(wrong), Err(InvalidAccountQuery));
        }
    }
}
