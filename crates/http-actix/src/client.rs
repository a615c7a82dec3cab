//! Who is asking: address, user agent and language.

use std::{
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ACCEPT_LANGUAGE, HeaderMap, USER_AGENT},
    web,
};
use domain::{Client, Locale, UserAgent};
use ipnet::IpNet;

use crate::HttpSettings;

/// Whoever sent a request, before anybody is known to be signed in.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) client: Client,
    /// The language preferred by `Accept-Language`.
    pub(crate) locale: Option<Locale>,
}

impl FromRequest for Visitor {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let trusted =
            req.app_data::<web::Data<HttpSettings>>().map_or(&[][..], |settings| &settings.trusted_proxies);
        let text = |name| req.headers().get(name).and_then(|value| value.to_str().ok());
        ready(Ok(Self {
            client: Client {
                address: address(req.peer_addr(), req.headers(), trusted),
                user_agent: text(USER_AGENT).and_then(UserAgent::cut),
            },
            locale: text(ACCEPT_LANGUAGE).and_then(preferred_language),
        }))
    }
}

/// The address of the client.
///
/// `X-Forwarded-For` counts only behind a trusted proxy and is read from the
/// right: each trusted hop vouches for the entry before it, and the first hop
/// not trusted is the client, whatever it claims further left. An unreadable
/// entry ends the walk. `Forwarded` and `X-Real-IP` never count. IPv4-mapped
/// IPv6 addresses are IPv4.
pub(crate) fn address(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut client = peer?.ip().to_canonical();
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        if !is_trusted(client, trusted) {
            break;
        }
        let Some(address) = read_hop(hop.trim()) else { break };
        client = address;
    }
    Some(client)
}

/// Whether a trusted proxy says that the client came over TLS.
pub(crate) fn came_over_tls(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
    let behind_proxy = peer.is_some_and(|peer| is_trusted(peer.ip().to_canonical(), trusted));
    let nearest = headers.get_all("x-forwarded-proto").last().and_then(|value| value.to_str().ok());
    let scheme = nearest.and_then(|value| value.rsplit(',').next()).map(str::trim);
    behind_proxy && scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// An address, as some proxies write it with brackets or a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The language with the highest weight (RFC 9110 §12.5.4), the first of equals.
fn preferred_language(header: &str) -> Option<Locale> {
    let mut best: Option<(Locale, u16)> = None;
    for range in header.split(',').take(20) {
        let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
        let Ok(locale) = Locale::parse(tag.trim()) else { continue };
        let weight = weight(parameter.trim());
        if weight > best.as_ref().map_or(0, |(_, best)| *best) {
            best = Some((locale, weight));
        }
    }
    best.map(|(locale, _)| locale)
}

/// `q=0.8` in thousandths; what cannot be read weighs nothing.
fn weight(parameter: &str) -> u16 {
    let Some((whole, decimals)) = parameter.strip_prefix("q=").map(|q| q.split_once('.').unwrap_or((q, "")))
    else {
        return 0;
    };
    match (whole, decimals.len()) {
        ("1", _) => 1000,
        ("0", ..=3) => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn resolve(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(line).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        address(Some(SocketAddr::new(peer.parse().unwrap(), 1)), &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn asvs_4_1_3_x_forwarded_for_counts_from_the_right_behind_trusted_peers_only() {
        let cases: [(&str, &[&str], &str); 14] = [
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1,10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(resolve(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(resolve("fd00::1", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn without_a_peer_there_is_no_address() {
        assert_eq!(address(None, &HeaderMap::new(), &[]), None);
    }

    #[test]
    fn the_heaviest_readable_language_is_preferred() {
        let cases = [
            ("sv-SE", Some("sv-SE")),
            ("en;q=0.8, sv", Some("sv")),
            ("de;q=0.5,fr;q=0.9,*;q=0.1", Some("fr")),
            ("en, sv", Some("en")),
            ("*", None),
            ("en;q=0", None),
            ("{{CODE}}, \u{7f}", None),
            ("en;q=banana, sv;q=0.1", Some("sv")),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(preferred_language(header).as_ref().map(Locale::as_str), expected, "{header}");
        }
    }
}
