//! What the HTTP surface is told at start.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use domain::PasswordPolicy;
use ipnet::{IpNet, Ipv4Net};

/// Everything configurable about the HTTP surface.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
    pub trusted_proxies: Vec<IpNet>,
    /// Whose clients may use the admin API.
    pub admin_networks: Vec<IpNet>,
    /// Web origins that may read answers; none switches CORS off.
    pub cors_origins: Vec<Origin>,
    /// Requests a client address may make a minute, for the feature `governor`.
    pub ip_per_minute: NonZeroU32,
    /// Requests a client address may make at once.
    pub ip_burst: NonZeroU32,
    /// From where services may ask about tokens; without it, there is nothing to ask.
    pub introspection_allow: Option<Vec<IpNet>>,
    /// What nobody may choose as a password.
    pub password_policy: PasswordPolicy,
    /// Whether `/docs` is served.
    pub docs: bool,
    /// The version of this service, told by `/health`.
    pub version: String,
    /// The name of this service, shown on its pages.
    pub service_name: String,
    /// Whose codes an authenticator app says that it shows.
    pub totp_issuer: String,
    /// Where the start page links to for messages of the simulator.
    pub inbox_url: Option<String>,
    /// The longest body read, in bytes.
    pub body_limit: usize,
    /// How long the head of a request may take.
    pub header_deadline: Duration,
    /// How long the body of a request may take.
    pub body_deadline: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// Connections of one worker; more wait in the backlog.
    pub max_connections: usize,
    /// Threads that answer requests.
    pub workers: usize,
    /// How long requests in flight may take after the stop signal.
    pub shutdown_timeout: Duration,
}

impl HttpSettings {
    /// This machine alone.
    pub fn loopback() -> Vec<IpNet> {
        let ipv4 = Ipv4Net::new(Ipv4Addr::LOCALHOST, 8).map(|network| network.trunc().into());
        ipv4.into_iter().chain([IpAddr::from(Ipv6Addr::LOCALHOST).into()]).collect()
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
        const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
        Self {
            trusted_proxies: Vec::new(),
            admin_networks: Self::loopback(),
            cors_origins: Vec::new(),
            ip_per_minute: PER_MINUTE,
            ip_burst: BURST,
            introspection_allow: None,
            password_policy: PasswordPolicy::default(),
            docs: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            service_name: "otp-login".to_owned(),
            totp_issuer: "otp-login".to_owned(),
            inbox_url: None,
            body_limit: 16 * 1024,
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            max_connections: 10_000,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// A web origin (RFC 6454 §6.2): scheme, host and, unless default, port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// The text is no single web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin looks like https://app.example.com, in lower case, without a path; * and null are not accepted"
)]
pub struct InvalidOrigin;

impl Origin {
    /// Reads an origin exactly as browsers send it.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let authority =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(InvalidOrigin)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let in_alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:".contains(&b);
        let host_is_plausible = !host.is_empty() && host.bytes().all(in_alphabet);
        let port_is_plausible = port.is_none_or(|port| port.parse::<u16>().is_ok());
        if host_is_plausible && port_is_plausible { Ok(Self(text.to_owned())) } else { Err(InvalidOrigin) }
    }

    /// The origin as a browser sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_3_4_2_only_single_origins_can_be_allowed() {
        for text in ["https://app.example.com", "http://localhost:5173", "http://[::1]:8080", "https://[::1]"]
        {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        for wrong in [
            "",
            "*",
            "null",
            "https://*",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/x",
            "HTTPS://a.example",
            "https://A.example",
            "ftp://a.example",
            "https://",
            "https://a.example:99999",
            "https://u@a.example",
            "https://a.example, https://b.example",
        ] {
            assert_eq!(Origin::parse(wrong), Err(InvalidOrigin), "{wrong}");
        }
    }
}
