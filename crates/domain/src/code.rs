//! One-time codes as people type them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A one-time code in the form it is checked in.
///
/// People copy codes with spaces and dashes; those are dropped. What is left
/// are 4 to 10 ASCII letters or digits, the widest form that the Sinch
/// Verification API allows, or the number of a flash call: at most 15 digits
/// (ITU-T E.164), without its plus sign.
#[derive(Clone)]
pub struct Code(SecretString);

/// The text cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 4 to 10 digits or letters, or is the number that called; send it as the phone shows it")]
pub struct InvalidCode;

impl Code {
    /// Reads what a person typed.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        if text.len() > 64 {
            return Err(InvalidCode);
        }
        let code: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_number =
            |text: &str| (4..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(number) = code.strip_prefix('+') {
            return if is_number(number) { Ok(Self(number.into())) } else { Err(InvalidCode) };
        }
        let is_code = (4..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_code || is_number(&code) { Ok(Self(code.into())) } else { Err(InvalidCode) }
    }

    /// The code itself, for the one line that sends or compares it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for (typed, code) in [
            ("123456", "123456"),
            (" 123 456 ", "123456"),
            ("OQ-P1", "OQP1"),
            ("0000", "0000"),
            ("+46 8-123 45 67", "4681234567"),
            ("+467017406051234", "467017406051234"),
            ("46701740605", "46701740605"),
        ] {
            assert_eq!(Code::parse(typed).unwrap().expose(), code);
        }
        for wrong in [
            "",
            "123",
            "+",
            "+OQP1",
            "++46812345",
            "1234567890123456",
            "1234567890a",
            "12\u{0}456",
            "１２３４５６",
            "12_456",
            "{{CODE}}",
        ] {
            assert!(Code::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_code_never_prints_itself() {
        assert!(!format!("{:?}", Code::parse("482913").unwrap()).contains("482913"));
    }
}
