//! Where a request came from.

use std::net::{IpAddr, Ipv6Addr};

/// The client behind a request, as the session list will show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address of the client, proxies already resolved.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<UserAgent>,
}

impl Client {
    /// What limits count by: an IPv4 address, or the /64 that an IPv6 address
    /// is in, because whoever has one address there has them all.
    pub fn network(&self) -> Option<IpAddr> {
        self.address.map(|address| match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// A `User-Agent` cut to printable text of at most [`UserAgent::MAX_CHARS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// The longest text kept, in characters.
    pub const MAX_CHARS: usize = 256;

    /// Keeps what can be stored and shown of `text`; `None` when nothing is left.
    pub fn cut(text: &str) -> Option<Self> {
        let kept: String = text.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS).collect();
        let kept = kept.trim();
        (!kept.is_empty()).then(|| Self(kept.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hx_04_addresses_count_by_the_network_that_one_client_has() {
        let network = |text: &str| {
            Client { address: Some(text.parse().unwrap()), user_agent: None }.network().unwrap().to_string()
        };
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn asvs_1_3_3_a_user_agent_is_cut_to_printable_text() {
        assert_eq!(UserAgent::cut("curl/8\r\nX: y\0").unwrap().as_str(), "curl/8X: y");
        assert_eq!(UserAgent::cut(" \u{7}\n"), None);
        assert_eq!(UserAgent::cut(&"ä".repeat(999)).unwrap().as_str().chars().count(), 256);
    }
}
