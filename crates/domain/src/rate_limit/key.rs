//! What is counted together.

use std::{fmt, net::IpAddr};

use crate::{Client, CountryCode, NumberPrefix, PhoneNumber, SignInName};

/// Whom a limit counts: the same for a name whether or not it has an account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitSubject {
    kind: &'static str,
    text: String,
}

impl LimitSubject {
    /// A client by its address: IPv4, or the /64 of IPv6. Clients without one are one.
    pub fn address(address: Option<IpAddr>) -> Self {
        let network = Client { address, user_agent: None }.network();
        Self { kind: "address", text: network.map_or_else(String::new, |network| network.to_string()) }
    }

    /// The account that somebody names, if there is one.
    pub fn account(name: &SignInName) -> Self {
        Self { kind: "account", text: name.canonical().to_owned() }
    }

    /// A number.
    pub fn phone(phone: &PhoneNumber) -> Self {
        Self { kind: "phone", text: phone.as_e164().to_owned() }
    }

    /// A block of numbers.
    pub fn prefix(prefix: &NumberPrefix) -> Self {
        Self { kind: "prefix", text: prefix.as_str().to_owned() }
    }

    /// All numbers of a country.
    pub fn country(country: CountryCode) -> Self {
        Self { kind: "country", text: country.as_str().to_owned() }
    }

    /// Everybody together.
    pub fn everyone() -> Self {
        Self { kind: "everyone", text: String::new() }
    }

    /// Whether it stands for many who share it, such as a country. There are few of these.
    pub fn is_shared(&self) -> bool {
        matches!(self.kind, "country" | "everyone")
    }

    /// What kind it is: a word of lower-case letters.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Which of its kind. It may name a person: it must not be logged, nor stored in the clear.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for LimitSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitSubject({})", self.kind)
    }
}

/// What one count belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey {
    /// What is limited: a word of lower-case letters.
    pub limit: &'static str,
    pub subject: LimitSubject,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> LimitSubject {
        LimitSubject::address(Some(text.parse().unwrap()))
    }

    #[test]
    fn hx_04_an_ipv6_client_counts_by_its_64_bit_network() {
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_eq!(address("::ffff:198.51.100.1"), address("198.51.100.1"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_ne!(address("198.51.100.1"), address("198.51.100.2"));
        assert_ne!(LimitSubject::address(None), LimitSubject::everyone());
    }

    #[test]
    fn a_number_is_not_the_account_that_it_names_nor_the_prefix_that_it_is_in() {
        let phone = PhoneNumber::from_stored("+46701234567").unwrap();
        let subjects = [
            LimitSubject::phone(&phone),
            LimitSubject::account(&SignInName::Phone(phone.clone())),
            LimitSubject::prefix(&NumberPrefix::of(&phone)),
            LimitSubject::country(phone.region().unwrap()),
        ];
        for (index, subject) in subjects.iter().enumerate() {
            assert!(subjects.iter().skip(index + 1).all(|other| other != subject), "{subject:?}");
        }
    }

    #[test]
    fn lg_02_what_is_printed_names_nobody() {
        let phone = PhoneNumber::from_stored("+46701234567").unwrap();
        let key = LimitKey { limit: "requests", subject: LimitSubject::phone(&phone) };
        assert!(!format!("{key:?}").contains("4567"));
    }
}
