//! Telephone numbers, and which of them a code may be sent to.

mod country_code;
mod destination;
mod spelling;

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, PhoneNumberType};

pub use country_code::CountryCode;
pub use destination::{DestinationNotAllowed, DestinationPolicy};
use spelling::Spelling;

/// A telephone number in E.164 (`+46701234567`).
///
/// Every accepted spelling of a number gives the same value, so counters,
/// uniqueness and comparisons share one form. It is personal data: there is no
/// `Display`, and `Debug` shows the [masked](Self::masked) form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// Why a text is no telephone number. The messages never repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhoneNumber {
    /// No digit at all.
    #[error("the phone number is missing: write it with the calling code, such as +46 70 123 45 67")]
    Empty,
    /// Over 64 characters.
    #[error("the phone number is too long: write one number of at most 15 digits")]
    TooLong,
    /// A `+` that is not the first thing, or not the only one.
    #[error("the phone number has a + in a wrong place: write one, before the calling code")]
    MisplacedPlus,
    /// `;ext=1`, `#1`, `,1`, `x1`, `ext. 1`.
    #[error("the phone number has an extension: write it without, messages reach whole numbers only")]
    Extension,
    /// Letters, as in `+1 800 FLOWERS` or `tel:`.
    #[error("the phone number has letters: write it with digits only")]
    Letters,
    /// Anything else that is neither a digit `0` to `9` nor a separator.
    #[error(
        "the phone number has a character that does not belong: use 0-9, spaces and - . / ( ), after an optional +"
    )]
    ForbiddenCharacter,
    /// The national form alone says nothing.
    #[error("the phone number has no calling code: begin with + or give the country beside it")]
    MissingCountry,
    /// The country given beside the number is none.
    #[error("{UNKNOWN_COUNTRY}")]
    UnknownCountry,
    /// What follows the `+` is nobody's calling code.
    #[error("the phone number begins with a calling code that no country has: check the digits after the +")]
    UnknownCallingCode,
    /// No such number can exist in the numbering plan.
    #[error("this is no complete phone number in use: check its digits and its country")]
    NotInUse,
}

const UNKNOWN_COUNTRY: &str = "the country is unknown: give the two letters of ISO 3166, such as SE";

impl PhoneNumber {
    /// Reads a number as a person writes it.
    ///
    /// A text with a leading `+` is international and `country` is not looked
    /// at; any other is read as dialled within `country`. Only numbers that
    /// their country's plan can hold are accepted; whether a code may be sent
    /// there is asked of [`sendable`](Self::sendable).
    pub fn parse(text: &str, country: Option<CountryCode>) -> Result<Self, InvalidPhoneNumber> {
        let (digits, home) = match Spelling::read(text)? {
            Spelling::International(digits) => (digits, None),
            Spelling::National(digits) => {
                let country = country.ok_or(InvalidPhoneNumber::MissingCountry)?;
                (digits, Some(country.region().ok_or(InvalidPhoneNumber::UnknownCountry)?))
            }
        };
        let number = PHONE_NUMBER_UTIL.parse(&digits, home)?;
        if !number.is_valid() {
            return Err(InvalidPhoneNumber::NotInUse);
        }
        Self::from_stored(&number.format_as(PhoneNumberFormat::E164))
    }

    /// Takes a number that [`parse`](Self::parse) once gave, such as one from
    /// our own database.
    ///
    /// Looks at the shape only, `^\+[1-9][0-9]{6,14}$`, so that numbers stay
    /// readable when a numbering plan changes. Trusted input only.
    pub fn from_stored(e164: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = e164.strip_prefix('+').ok_or(InvalidPhoneNumber::UnknownCallingCode)?;
        let in_shape = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if in_shape { Ok(Self(e164.to_owned())) } else { Err(InvalidPhoneNumber::NotInUse) }
    }

    /// The number in E.164, with its `+`.
    pub fn as_e164(&self) -> &str {
        &self.0
    }

    /// What a screen or a log may show: `+46•••••••67`.
    ///
    /// The calling code and the last two digits are kept; each `•` is one
    /// hidden digit.
    pub fn masked(&self) -> String {
        let (code, rest) = self.split_calling_code();
        let (hidden, shown) = rest.split_at(rest.len().saturating_sub(2));
        format!("+{code}{}{shown}", "•".repeat(hidden.len()))
    }

    /// The country the number belongs to, `None` for international codes.
    ///
    /// By the number, not by its calling code: Guernsey is not GB, and
    /// +1 809 is DO.
    pub fn region(&self) -> Option<CountryCode> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok()?;
        PHONE_NUMBER_UTIL.get_region_for_number(&number).and_then(CountryCode::of_region)
    }

    /// The lowest and the highest E.164 text of as many digits that is at most so far away.
    pub fn neighbourhood(&self, distance: u64) -> (String, String) {
        let digits = self.0.trim_start_matches('+');
        let number: u64 = digits.parse().unwrap_or(0);
        let beyond = u32::try_from(digits.len()).ok().and_then(|length| 10_u64.checked_pow(length));
        let highest = number.saturating_add(distance).min(beyond.map_or(u64::MAX, |beyond| beyond - 1));
        let text = |number: u64| format!("+{number:0>width$}", width = digits.len());
        (text(number.saturating_sub(distance)), text(highest))
    }

    /// Whether it is a fixed line and certainly no mobile.
    pub fn is_fixed_line(&self) -> bool {
        matches!(destination::kind(self), PhoneNumberType::FixedLine)
    }

    /// Whether a code may be sent to the number.
    pub fn sendable(&self, policy: &DestinationPolicy) -> Result<(), DestinationNotAllowed> {
        policy.admits(self)
    }

    /// The digits of the calling code (ITU-T E.164 list of country codes: `1`
    /// and `7`, the two-digit ones below, all others three) and those after it.
    fn split_calling_code(&self) -> (&str, &str) {
        const TWO_DIGITS: [&str; 44] = [
            "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
            "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
            "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
        ];
        let digits = self.0.trim_start_matches('+');
        let length = match digits.get(..2) {
            Some(two) if two.starts_with(['1', '7']) => 1,
            Some(two) if TWO_DIGITS.contains(&two) => 2,
            _ => 3,
        };
        digits.split_at_checked(length).unwrap_or((digits, ""))
    }
}

/// Shows the masked number.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

/// Loads the numbering plans (about 5 ms and 5 MB), so that the first request
/// does not wait for them.
pub fn warm_up() {
    std::sync::LazyLock::force(&PHONE_NUMBER_UTIL);
}

impl From<ParseError> for InvalidPhoneNumber {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::InvalidCountryCode => Self::UnknownCallingCode,
            _ => Self::NotInUse,
        }
    }
}
