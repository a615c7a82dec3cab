//! Whom passkeys belong to: one domain, and the web origins under it.

/// How the pages that use passkeys may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By `https` only.
    Https,
    /// Also by `http` from this machine, as browsers allow for development.
    HttpsOrLoopback,
}

/// A domain whose passkeys are asked for, and the origins that may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) origins: Vec<String>,
}

/// The relying party cannot be used. Passkeys are bound to its id for good, so a mistake
/// must not be found out later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelyingParty {
    #[error(
        "{0:?} is no domain: write one like example.com in lower case, without scheme, port or path; \
         an address or a top-level domain is not accepted"
    )]
    Id(String),
    #[error("the name has 1 to 64 characters and no control characters")]
    Name,
    #[error("{0:?} is no origin: write one like https://login.example.com, without a path")]
    Origin(String),
    #[error("{origin:?} is neither {id} nor under it, so browsers would refuse its passkeys")]
    Elsewhere { origin: String, id: String },
    #[error("{0:?} is not https, without which browsers offer no passkeys")]
    Insecure(String),
}

impl RelyingParty {
    const LOCALHOST: &str = "localhost";
    /// What RFC 1035 §2.3.4 leaves of 255 bytes.
    const MOST_CHARS: usize = 253;

    /// Checks the id, the name and each origin, which must be the id's own host or one below.
    pub fn parse(
        id: &str,
        name: &str,
        origins: &[String],
        transport: Transport,
    ) -> Result<Self, InvalidRelyingParty> {
        if !is_domain(id) {
            return Err(InvalidRelyingParty::Id(id.to_owned()));
        }
        let length = name.chars().count();
        if !(1..=64).contains(&length) || name.contains(char::is_control) {
            return Err(InvalidRelyingParty::Name);
        }
        origins.iter().try_for_each(|origin| check_origin(origin, id, transport))?;
        Ok(Self { id: id.to_owned(), name: name.to_owned(), origins: origins.to_vec() })
    }
}

/// A host of several labels, or this machine. Addresses have no passkeys, and a domain of
/// one label is no site's own. That `co.uk` is not either only the public suffix list knows.
fn is_domain(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let has_letters = labels.last().is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
    text.len() <= RelyingParty::MOST_CHARS
        && labels.iter().all(is_label)
        && has_letters
        && (labels.len() > 1 || text == RelyingParty::LOCALHOST)
}

fn check_origin(origin: &str, id: &str, transport: Transport) -> Result<(), InvalidRelyingParty> {
    let invalid = || InvalidRelyingParty::Origin(origin.to_owned());
    let (scheme, authority) = origin.split_once("://").ok_or_else(invalid)?;
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    // Browsers leave the default port out, so with it no origin would ever match.
    let default_port = if scheme == "https" { "443" } else { "80" };
    let is_port = |port: &str| {
        port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port)
            && port != default_port
    };
    if !["https", "http"].contains(&scheme) || !is_domain(host) || !port.is_none_or(is_port) {
        return Err(invalid());
    }
    if host != id && !host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.')) {
        return Err(InvalidRelyingParty::Elsewhere { origin: origin.to_owned(), id: id.to_owned() });
    }
    let is_here = host == RelyingParty::LOCALHOST || host.ends_with(".localhost");
    if scheme == "http" && !(is_here && transport == Transport::HttpsOrLoopback) {
        return Err(InvalidRelyingParty::Insecure(origin.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(id: &str, origin: &str, transport: Transport) -> Result<RelyingParty, InvalidRelyingParty> {
        RelyingParty::parse(id, "Example", &[origin.to_owned()], transport)
    }

    #[test]
    fn a_domain_with_origins_at_or_under_it_is_accepted() {
        for origin in ["https://example.com", "https://login.example.com:8443", "https://a.b.example.com"] {
            assert!(parse("example.com", origin, Transport::Https).is_ok(), "{origin}");
        }
        for origin in ["http://localhost:3000", "http://app.localhost:5173", "https://localhost"] {
            assert!(parse("localhost", origin, Transport::HttpsOrLoopback).is_ok(), "{origin}");
        }
    }

    #[test]
    fn what_is_no_domain_of_a_site_is_refused() {
        let long = format!("{}.com", "a.".repeat(130));
        for id in [
            "",
            "com",
            "Example.com",
            "https://example.com",
            "example.com:443",
            "example.com/",
            "192.0.2.1",
            "[::1]",
            "-a.com",
            "a-.com",
            "a..com",
            ".com",
            "exa mple.com",
            "exämple.com",
            "example.com.",
            &long,
        ] {
            let found = parse(id, "https://example.com", Transport::Https);
            assert_eq!(found, Err(InvalidRelyingParty::Id(id.to_owned())));
        }
    }

    #[test]
    fn an_origin_elsewhere_or_in_another_form_is_refused() {
        for origin in
            ["https://example.org", "https://notexample.com", "https://com", "https://example.com.evil.org"]
        {
            let found = parse("example.com", origin, Transport::Https).unwrap_err();
            let is_refused =
                matches!(found, InvalidRelyingParty::Elsewhere { .. } | InvalidRelyingParty::Origin(_));
            assert!(is_refused, "{origin}: {found}");
        }
        for origin in [
            "example.com",
            "https://example.com/",
            "https://example.com:443",
            "https://example.com:0",
            "https://example.com:08443",
            "https://*.example.com",
            "https://u@example.com",
            "ftp://example.com",
            "HTTPS://example.com",
            "https://Example.com",
            "null",
            "",
        ] {
            let found = parse("example.com", origin, Transport::Https);
            assert_eq!(found, Err(InvalidRelyingParty::Origin(origin.to_owned())));
        }
    }

    #[test]
    fn http_is_for_this_machine_in_development_only() {
        let refused = |id, origin: &str, transport| {
            parse(id, origin, transport) == Err(InvalidRelyingParty::Insecure(origin.to_owned()))
        };
        assert!(refused("example.com", "http://example.com", Transport::HttpsOrLoopback));
        assert!(refused("localhost", "http://localhost:3000", Transport::Https));
    }

    #[test]
    fn a_name_is_one_short_line() {
        for name in ["", "a\nb", &"a".repeat(65)] {
            let found = RelyingParty::parse("example.com", name, &[], Transport::Https);
            assert_eq!(found, Err(InvalidRelyingParty::Name));
        }
    }
}
