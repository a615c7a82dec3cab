//! Where a provider is.

use std::net::IpAddr;

use reqwest::Url;

/// Reads `https://host` without user, path, query and fragment. Plain HTTP goes to this
/// machine, or with `allow_plain_http` anywhere: for a stand-in in another container.
pub fn base_url(text: &str, allow_plain_http: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let encrypted = match url.scheme() {
        "https" => true,
        "http" => allow_plain_http || is_loopback(url.host_str()?),
        _ => false,
    };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    (encrypted && bare && nobody).then_some(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_1_2_2_a_base_is_encrypted_or_this_machine() {
        for good in ["https://verify.twilio.com", "http://127.0.0.1:1", "http://[::1]", "http://localhost/"] {
            assert!(base_url(good, false).is_some(), "{good}");
        }
        for wrong in [
            "",
            "verify.twilio.com",
            "http://verify.twilio.com",
            "http://localhost.example.com",
            "ftp://localhost",
            "https://a:b@verify.twilio.com",
            "https://verify.twilio.com/v2",
            "https://verify.twilio.com/?a",
            "https://verify.twilio.com/#a",
        ] {
            assert!(base_url(wrong, false).is_none(), "{wrong}");
        }
        assert!(base_url("http://stand-in:3001", true).is_some());
    }
}
