//! The alphabet of written numbers, checked before any library sees them.

use super::InvalidPhoneNumber;

/// Enough for the longest number with every digit set apart.
const MAX_CHARS: usize = 64;

/// The digits of a number as somebody wrote it, without separators.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `+` and digits.
    International(String),
    /// Digits only.
    National(String),
}

impl Spelling {
    /// Reads ASCII digits, separators and one `+` before the first digit.
    ///
    /// libphonenumber is more generous: it turns letters and full-width digits
    /// into digits and skips what it does not know. Then one number has
    /// spellings that nobody meant, so everything else is refused here.
    pub(super) fn read(text: &str) -> Result<Self, InvalidPhoneNumber> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(InvalidPhoneNumber::TooLong);
        }
        let mut digits = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if digits.is_empty() => digits.push(c),
                ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' => {}
                _ => return Err(refusal(c, text.get(at..).unwrap_or_default(), &digits)),
            }
        }
        match digits.strip_prefix('+').unwrap_or(&digits) {
            "" => Err(InvalidPhoneNumber::Empty),
            _ if digits.starts_with('+') => Ok(Self::International(digits)),
            _ => Ok(Self::National(digits)),
        }
    }
}

/// Why `c` cannot stand where `rest` begins, after `digits`.
fn refusal(c: char, rest: &str, digits: &str) -> InvalidPhoneNumber {
    match c {
        '+' => InvalidPhoneNumber::MisplacedPlus,
        ';' | ',' | '#' => InvalidPhoneNumber::Extension,
        _ if !digits.is_empty() && begins_extension(rest) => InvalidPhoneNumber::Extension,
        _ if c.is_alphabetic() => InvalidPhoneNumber::Letters,
        _ => InvalidPhoneNumber::ForbiddenCharacter,
    }
}

/// `x12`, `x 12`, `ext. 12`, `extension 12`.
fn begins_extension(rest: &str) -> bool {
    let letters: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    ["x", "ext", "extn", "extension"].iter().any(|word| letters.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_left_out_and_a_plus_is_kept() {
        let spelt = Spelling::read(" (+46)\u{a0}70-123.45/67 ");
        assert_eq!(spelt, Ok(Spelling::International("+46701234567".into())));
        assert_eq!(Spelling::read("070-123 45 67"), Ok(Spelling::National("0701234567".into())));
    }

    #[test]
    fn a_text_without_digits_is_empty() {
        for text in ["", " ", "+", "(+)", "-"] {
            assert_eq!(Spelling::read(text), Err(InvalidPhoneNumber::Empty), "{text:?}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        let longest = "\u{a0}".repeat(63) + "1";
        assert!(Spelling::read(&longest).is_ok());
        assert_eq!(Spelling::read(&(longest + "1")), Err(InvalidPhoneNumber::TooLong));
    }

    #[test]
    fn sm_05_what_is_no_digit_is_refused_with_its_reason() {
        use InvalidPhoneNumber::{Extension, ForbiddenCharacter, Letters, MisplacedPlus};
        let refused = [
            ("++46701234567", MisplacedPlus),
            ("46+701234567", MisplacedPlus),
            ("+46701234567+", MisplacedPlus),
            ("+46701234567;ext=1", Extension),
            ("+46701234567 ext. 12", Extension),
            ("+46701234567x12", Extension),
            ("+46701234567#12", Extension),
            ("+46701234567,,12", Extension),
            ("+1650253000a", Letters),
            ("+1 800 FLOWERS", Letters),
            ("tel:+46701234567", Letters),
            ("x46701234567", Letters),
            ("+46701234567\0", ForbiddenCharacter),
            ("+4670\u{200b}1234567", ForbiddenCharacter),
            ("+46７01234567", ForbiddenCharacter),
            ("＋46701234567", ForbiddenCharacter),
            ("+46٧01234567", ForbiddenCharacter),
            ("+46701234567\n", ForbiddenCharacter),
            ("+46\t701234567", ForbiddenCharacter),
            ("+46 70–123 45 67", ForbiddenCharacter),
            ("+46*701234567", ForbiddenCharacter),
            ("\u{202e}+46701234567", ForbiddenCharacter),
        ];
        for (text, reason) in refused {
            assert_eq!(Spelling::read(text), Err(reason), "{text:?}");
        }
    }
}
