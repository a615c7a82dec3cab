//! Where events go.

use std::net::IpAddr;

use domain::EndpointName;
use reqwest::Url;

use crate::secret::Secret;

/// An endpoint of the product.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub name: EndpointName,
    pub url: Url,
    pub secret: Secret,
    /// Still signed with, too, while the endpoint learns the new one.
    pub previous_secret: Option<Secret>,
}

/// A URL that events may not be sent to. Never repeats it: some hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write https://host/path, or in development also http:// to this machine, without user or fragment")]
pub struct InvalidEndpointUrl;

/// Reads where an endpoint is. Plain HTTP goes to this machine only, and only with
/// `allow_plain_loopback`.
pub fn parse_url(text: &str, allow_plain_loopback: bool) -> Result<Url, InvalidEndpointUrl> {
    let url = Url::parse(text).map_err(|_| InvalidEndpointUrl)?;
    let host = url.host_str().ok_or(InvalidEndpointUrl)?;
    let private = match url.scheme() {
        "https" => true,
        "http" => allow_plain_loopback && is_loopback(host),
        _ => false,
    };
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if private && bare { Ok(url) } else { Err(InvalidEndpointUrl) }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_1_2_2_events_travel_encrypted_or_stay_on_this_machine() {
        for good in ["https://example.com/hooks?from=otp", "https://127.0.0.1:8443"] {
            assert!(parse_url(good, false).is_ok(), "{good}");
        }
        for local in ["http://127.0.0.1:4000/hooks", "http://[::1]:4000", "http://localhost/"] {
            assert!(parse_url(local, true).is_ok(), "{local}");
            assert!(parse_url(local, false).is_err(), "{local}");
        }
        for wrong in [
            "",
            "example.com",
            "http://example.com",
            "http://localhost.example.com",
            "ftp://localhost",
            "https://user:secret@example.com",
            "https://example.com/#part",
        ] {
            assert!(parse_url(wrong, true).is_err(), "{wrong}");
        }
    }
}
