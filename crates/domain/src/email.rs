//! E-mail addresses.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// An e-mail address: kept as typed, compared in its canonical form.
///
/// The canonical form is the trimmed address in Unicode lower case and NFC,
/// computed here and stored, because databases disagree about lower case.
/// The address is never proven: an account says only that somebody typed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
    canonical: String,
}

/// Why a text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Over 254 bytes, or over 64 before the `@` (RFC 5321 §4.5.3.1).
    #[error("the address is too long: at most 254 bytes, 64 of them before the @")]
    TooLong,
    /// Not of the form `name@host.tld`.
    #[error("an e-mail address looks like name@example.com")]
    Malformed,
}

impl Email {
    /// Reads an address as a person types it.
    ///
    /// Accepts the dot-atom form of RFC 5322 §3.4.1 with the non-ASCII
    /// characters of RFC 6531; refuses quoted local parts and address
    /// literals, which no product wants as sign-in names.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if text.len() > 512 {
            return Err(InvalidEmail::TooLong);
        }
        let typed = text.trim().to_owned();
        let composed: String = typed.nfc().collect();
        let (local, host) = composed.rsplit_once('@').ok_or(InvalidEmail::Malformed)?;
        if typed.len() > 254 || composed.len() > 254 || local.len() > 64 {
            return Err(InvalidEmail::TooLong);
        }
        if !is_dot_atom(local) || !is_host(host) {
            return Err(InvalidEmail::Malformed);
        }
        let canonical = composed.to_lowercase().nfc().collect();
        Ok(Self { typed, canonical })
    }

    /// The address as typed.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form that sign-in and uniqueness compare.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What stands before the `@`, canonical.
    pub fn local_part(&self) -> &str {
        self.canonical.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// Shows the first character and the host: `a…@example.com`.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, host) = self.canonical.rsplit_once('@').unwrap_or_default();
        let first = local.chars().next().unwrap_or('…');
        write!(f, "Email({first}…@{host})")
    }
}

fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) } else { is_visible(c) }
}

fn is_host(host: &str) -> bool {
    host.contains('.') && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let in_alphabet =
        |c: char| if c.is_ascii() { c.is_ascii_alphanumeric() || c == '-' } else { c.is_alphanumeric() };
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(in_alphabet)
}

/// Excludes what is not seen and so lets two addresses look alike: controls,
/// spaces, zero-width and direction marks.
fn is_visible(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !is_ignorable(c)
}

/// What Unicode calls default ignorable (`Default_Ignorable_Code_Point`), and
/// the blank Braille pattern.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_kept_as_typed_and_compared_without_case() {
        let email = Email::parse("  Ann.O'Neil+x@Example.COM ").unwrap();
        assert_eq!(email.as_typed(), "Ann.O'Neil+x@Example.COM");
        assert_eq!(email.canonical(), "ann.o'neil+x@example.com");
        assert_eq!(email.local_part(), "ann.o'neil+x");
    }

    #[test]
    fn composed_and_decomposed_spellings_are_one_address() {
        let composed = Email::parse("J\u{f6}rg@b\u{fc}cher.example").unwrap();
        let decomposed = Email::parse("jO\u{308}rg@bu\u{308}cher.example").unwrap();
        assert_eq!(composed.canonical(), decomposed.canonical());
        assert_eq!(decomposed.as_typed(), "jO\u{308}rg@bu\u{308}cher.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let wrong = [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example",
            "ann@@example.com",
            "a b@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "a..n@example.com",
            "ann@-example.com",
            "ann@exa_mple.com",
            "\"a b\"@example.com",
            "ann@[127.0.0.1]",
            "ann\0@example.com",
            "an\u{200b}n@example.com",
            "an\u{3164}n@example.com",
            "an\u{e0061}n@example.com",
            "ann@example.com\r\nBcc: x@y.z",
        ];
        for text in wrong {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(65))), Err(InvalidEmail::TooLong));
        assert_eq!(Email::parse(&"a".repeat(100_000)), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn lg_02_an_address_is_masked_in_debug_output() {
        let shown = format!("{:?}", Email::parse("ann.smith@example.com").unwrap());
        assert_eq!(shown, "Email(a…@example.com)");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(text in "\\PC{0,12}@[a-zA-Z]{1,8}\\.[a-z]{2,4}") {
            if let Ok(email) = Email::parse(&text) {
                let again = Email::parse(email.canonical()).unwrap();
                prop_assert_eq!(again.canonical(), email.canonical());
            }
        }
    }
}
