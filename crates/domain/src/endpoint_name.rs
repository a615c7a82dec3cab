//! What an endpoint of webhooks is called.

use std::fmt;

/// The name of an endpoint that events are delivered to, as the settings call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName(String);

/// A name that no endpoint can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name an endpoint with 1 to 32 small letters, digits or underscores, a letter first")]
pub struct InvalidEndpointName;

impl EndpointName {
    /// Reads a name that can stand in the name of an environment variable, too.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpointName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let accepted = (1..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(plain)
            && !text.contains("__");
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidEndpointName) }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_environment_variables() {
        for good in ["a", "crm", "data_lake2", &"a".repeat(32)] {
            assert_eq!(EndpointName::parse(good).unwrap().as_str(), good);
        }
        for wrong in ["", "CRM", "2a", "_a", "a-b", "a__b", "a.b", "å", &"a".repeat(33)] {
            assert!(EndpointName::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
