//! Amounts of money, and what providers say that a message costs.

use std::{fmt, ops::Add};

/// An amount in millionths of whatever currency the prices are given in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u64);

impl Money {
    const UNIT: u64 = 1_000_000;
    const DECIMALS: i32 = 6;

    /// Reads a decimal number such as `0.075`; `None` when it is none, or has more than six
    /// decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 {
            return None;
        }
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        whole.parse::<u64>().ok()?.checked_mul(Self::UNIT)?.checked_add(part).map(Self)
    }

    /// Reads a number as JSON writes it, such as `0.0453` or `4.53e-2`, to the nearest millionth and
    /// upwards from its middle; `None` when it is none, below zero, or too large.
    pub fn nearest(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let digits: Vec<u64> = whole
            .chars()
            .chain(part.chars())
            .map(|c| c.to_digit(10).map(u64::from))
            .collect::<Option<_>>()?;
        if whole.is_empty() || part.is_empty() {
            return None;
        }
        // How many of the digits are whole millionths.
        let point = i32::try_from(whole.len()).ok()?.checked_add(Self::DECIMALS)?;
        let point = point.checked_add(exponent.parse().ok()?)?;
        let Ok(point) = usize::try_from(point) else { return Some(Self(0)) };
        if point > 40 {
            return None;
        }
        let digit = |place: usize| digits.get(place).copied().unwrap_or(0);
        let append = |amount: u64, place: usize| amount.checked_mul(10)?.checked_add(digit(place));
        let rounds_up = u64::from(digit(point) >= 5);
        (0..point).try_fold(0, append)?.checked_add(rounds_up).map(Self)
    }

    /// To the millionth, as a decimal number.
    pub fn exact(self) -> String {
        format!("{}.{:06}", self.0 / Self::UNIT, self.0 % Self::UNIT)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / Self::UNIT, self.0 % Self::UNIT / 10_000)
    }
}

/// A currency by its three ISO 4217 letters, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// The text names no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three letters of ISO 4217, such as EUR")]
pub struct InvalidCurrency;

impl Currency {
    /// Reads three letters in any case. Which of them are in use changes, so that is not checked.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if !letters.iter().all(u8::is_ascii_alphabetic) {
            return Err(InvalidCurrency);
        }
        Ok(Self(letters.map(|letter| letter.to_ascii_uppercase())))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The euro.
impl Default for Currency {
    fn default() -> Self {
        Self(*b"EUR")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

/// What a provider says that a message costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    amount: Money,
    currency: Currency,
}

impl Quote {
    /// More than any message costs in any currency, in its units: such a price is a mistake.
    const MOST: Money = Money(100_000 * Money::UNIT);

    /// `None` for an amount that no message costs.
    pub fn new(amount: Money, currency: Currency) -> Option<Self> {
        (amount <= Self::MOST).then_some(Self { amount, currency })
    }

    /// How much.
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// Of what.
    pub const fn currency(&self) -> Currency {
        self.currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_as_people_write_it() {
        assert_eq!(Money::parse("0.075"), Some(Money(75_000)));
        assert_eq!(Money::parse("12"), Some(Money(12_000_000)));
        assert_eq!(Money::parse("12.50").unwrap().to_string(), "12.50");
        for text in ["", ".", "1.", ".5", "-1", "1,5", "1e3", "0.0000001", "99999999999999999999"] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
    }

    #[test]
    fn money_is_read_as_programs_write_it_to_the_nearest_millionth() {
        for (text, amount) in [
            ("0.0453", 45_300),
            ("0.045299999999999996", 45_300),
            ("0.0000004", 0),
            ("0.0000005", 1),
            ("0.9999995", 1_000_000),
            ("10.5", 10_500_000),
            ("0", 0),
            ("7", 7_000_000),
            ("4.53e-2", 45_300),
            ("1E+2", 100_000_000),
            ("5e-7", 1),
            ("9e-99", 0),
            ("18446744073709.551615", u64::MAX),
        ] {
            assert_eq!(Money::nearest(text), Some(Money(amount)), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "-0.0",
            "+1",
            "1,5",
            "1e",
            "1e1.5",
            "0x1",
            "NaN",
            "\"1\"",
            "٣",
            "18446744073709.5516155",
            "1e99",
            "1e99999999999",
            "0e2147483647",
        ] {
            assert_eq!(Money::nearest(text), None, "{text}");
        }
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(Currency::parse("sek").unwrap().as_str(), "SEK");
        assert_eq!(Currency::parse("EUR"), Ok(Currency::default()));
        for text in ["", "EU", "EURO", "E R", "€", "12A", "ÅB"] {
            assert_eq!(Currency::parse(text), Err(InvalidCurrency), "{text}");
        }
    }

    #[test]
    fn a_price_that_no_message_has_is_no_quote() {
        let quote = |amount| Quote::new(Money(amount), Currency::default());
        assert_eq!(quote(45_300).map(|quote| quote.amount()), Some(Money(45_300)));
        assert!(quote(100_000_000_000).is_some());
        assert_eq!(quote(100_000_000_001), None);
    }
}
