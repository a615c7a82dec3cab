//! The language a person wants to be written to in.

/// A language tag of RFC 5646, cut to language and short subtags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

/// The text is no language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a locale is a language tag such as sv-SE or en")]
pub struct InvalidLocale;

impl Locale {
    /// Reads a tag such as `sv`, `sv-SE` or `zh-Hant-TW` of at most 35 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidLocale> {
        let mut subtags = text.split('-');
        let language = subtags.next().unwrap_or_default();
        let plausible = text.len() <= 35
            && (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_alphabetic())
            && subtags.all(|s| (2..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()));
        if plausible { Ok(Self(text.to_owned())) } else { Err(InvalidLocale) }
    }

    /// The tag as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without region and script, in small letters.
    pub fn language(&self) -> String {
        self.0.split('-').next().unwrap_or_default().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_are_read_and_templates_are_not() {
        for tag in ["sv", "sv-SE", "zh-Hant-TW", "es-419"] {
            assert_eq!(Locale::parse(tag).unwrap().as_str(), tag);
        }
        for wrong in ["", "s", "svensk", "sv_SE", "sv-", "{{CODE}}", "en-US\r\n", "en-\0\0", "*"] {
            assert!(Locale::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Locale::parse(&["en"; 20].join("-")).is_err());
    }
}
