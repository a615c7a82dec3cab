//! Recovery codes: what opens an account when phone and app are lost.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The symbols of Crockford's base32: no I, L, O or U, which people misread or regret.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A recovery code in the form in which it is compared: 28 symbols of five random bits,
/// which are 140. What was typed may be anything that a person could take for one.
#[derive(Clone)]
pub struct RecoveryCode(SecretString);

/// The text cannot be a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("send one of the saved codes: letters and digits, in any case, with or without dashes")]
pub struct InvalidRecoveryCode;

impl RecoveryCode {
    /// How many symbols our codes have.
    pub const SYMBOLS: usize = 28;
    /// How many codes an account is given at once.
    pub const IN_A_SET: usize = 10;

    const IN_A_GROUP: usize = 4;

    /// A code from random bytes, five bits of each.
    pub fn from_random(bytes: &[u8; Self::SYMBOLS]) -> Self {
        let symbol =
            |byte: &u8| SYMBOLS.get(usize::from(byte & 31)).map_or('0', |symbol| char::from(*symbol));
        Self(bytes.iter().map(symbol).collect::<String>().into())
    }

    /// Reads what a person typed: case, spaces and dashes do not count, and what looks
    /// like a digit is one. Up to 64 letters and digits are read; that they are none of
    /// our codes is found out where those are kept.
    pub fn parse(text: &str) -> Result<Self, InvalidRecoveryCode> {
        if text.len() > 128 {
            return Err(InvalidRecoveryCode);
        }
        let mut code = Zeroizing::new(String::with_capacity(text.len()));
        for symbol in text.chars().filter(|symbol| !matches!(symbol, ' ' | '-')) {
            code.push(match symbol.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                symbol if symbol.is_ascii_alphanumeric() => symbol,
                _ => return Err(InvalidRecoveryCode),
            });
        }
        if !(1..=64).contains(&code.len()) {
            return Err(InvalidRecoveryCode);
        }
        Ok(Self(code.as_str().to_owned().into()))
    }

    /// The symbols without dashes, for the line that hashes them.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The code as it is shown, once: in groups of four.
    pub fn expose_grouped(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(2 * Self::SYMBOLS));
        for (place, symbol) in self.expose().chars().enumerate() {
            if place > 0 && place % Self::IN_A_GROUP == 0 {
                shown.push('-');
            }
            shown.push(symbol);
        }
        shown
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// SHA-256 of a recovery code: what is stored. A fast hash without salt is enough, because
/// 140 random bits cannot be guessed (ASVS 5.0, 6.5.2, asks for more below 112).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryCodeHash(pub [u8; 32]);

impl fmt::Debug for RecoveryCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodeHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> RecoveryCode {
        let mut bytes = [0; RecoveryCode::SYMBOLS];
        bytes.iter_mut().zip(0..).for_each(|(byte, place)| *byte = 96 + place);
        RecoveryCode::from_random(&bytes)
    }

    #[test]
    fn a_code_is_shown_in_groups_without_ambiguous_letters() {
        assert_eq!(*code().expose_grouped(), "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV");
        assert!(!SYMBOLS.iter().any(|symbol| b"ILOU".contains(symbol)));
    }

    #[test]
    fn d_15_a_code_has_five_random_bits_in_each_symbol() {
        let all: std::collections::BTreeSet<String> = (0..=255_u8)
            .map(|byte| RecoveryCode::from_random(&[byte; RecoveryCode::SYMBOLS]).expose().to_owned())
            .collect();
        assert_eq!(all.len(), 32, "every symbol is as likely as any other");
        assert_eq!(RecoveryCode::SYMBOLS * 5, 140);
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in [
            "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
            "0123456789abcdefghjkmnpqrstv",
            " o l23 4567 89ab-cdef ghjk-mnpq rstv ",
            "OI23 4567 89AB CDEF GHJK MNPQ RSTV",
        ] {
            assert_eq!(RecoveryCode::parse(typed).unwrap().expose(), code().expose(), "{typed}");
        }
    }

    #[test]
    fn what_nobody_could_take_for_a_code_is_refused_by_its_form() {
        for wrong in ["", " - ", "0123\u{0}4567", "ü123", "{{CODE}}", &"A".repeat(65), &" ".repeat(129)] {
            assert_eq!(RecoveryCode::parse(wrong).unwrap_err(), InvalidRecoveryCode, "{wrong:?}");
        }
        assert!(RecoveryCode::parse("123456").is_ok(), "a code of another kind is merely wrong");
    }

    #[test]
    fn a_code_never_prints_itself() {
        let shown = format!("{:?} {:?}", code(), RecoveryCodeHash([7; 32]));
        assert_eq!(shown, "RecoveryCode(…) RecoveryCodeHash(…)");
    }
}
