//! Countries, as numbering plans know them.

use std::{fmt, str::FromStr};

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::InvalidPhoneNumber;

/// A country by its two ISO 3166-1 letters, in upper case.
///
/// Only countries that have phone numbers exist here; Kosovo (`XK`),
/// Ascension (`AC`) and Tristan da Cunha (`TA`) are among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Reads two letters in any case.
    ///
    /// # Errors
    /// [`InvalidPhoneNumber::UnknownCountry`], the only one.
    pub fn parse(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| InvalidPhoneNumber::UnknownCountry)?;
        let country = Self(letters.map(|letter| letter.to_ascii_uppercase()));
        country.region().map(|_| country).ok_or(InvalidPhoneNumber::UnknownCountry)
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `None` for the library's own names of things that are no country.
    pub(super) fn of_region(region: Region) -> Option<Self> {
        Self::parse(&region.to_string()).ok()
    }

    pub(super) fn region(self) -> Option<Region> {
        let region = Region::from_str(self.as_str()).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountryCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_read_in_any_case() {
        assert_eq!(CountryCode::parse("se").unwrap(), CountryCode::parse("SE").unwrap());
        assert_eq!(CountryCode::parse("Gg").unwrap().as_str(), "GG");
    }

    #[test]
    fn what_is_no_country_with_phones_is_unknown() {
        for text in ["", "S", "SWE", "XX", "ZZ", "AQ", "UK", "EU", "001", "46", "s e", "ſe", "é", " SE"] {
            assert_eq!(CountryCode::parse(text), Err(InvalidPhoneNumber::UnknownCountry), "{text:?}");
        }
    }

    #[test]
    fn every_country_of_the_library_is_known_by_its_own_name() {
        let regions: Vec<Region> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
        assert!(regions.len() > 240);
        for region in regions {
            let country = CountryCode::of_region(region).unwrap();
            assert_eq!(country.region(), Some(region));
        }
    }
}
