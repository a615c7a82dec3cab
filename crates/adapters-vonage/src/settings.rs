//! What can be set, and what of it can work.

use std::time::Duration;

use provider_http::{TIMEOUTS, Url, base_url};
use secrecy::{ExposeSecret as _, SecretString};

/// Where Vonage Verify is.
pub const VONAGE_BASE_URL: &str = "https://api.nexmo.com";

/// A Vonage account.
#[derive(Clone, Debug)]
pub struct VonageSettings {
    /// `https://host`, or `http://` to this machine, without a path.
    pub base_url: String,
    /// Accepts `http://` to any host: for a stand-in in another container.
    pub allow_plain_http: bool,
    /// Of the Vonage dashboard. Not secret.
    pub api_key: String,
    /// Sent with every request, over TLS (HTTP Basic).
    pub api_secret: SecretString,
    /// What messages call us; at most 16 characters.
    pub brand: String,
    /// Digits of a code, 6 to 10.
    pub code_length: u8,
    /// For one port call. 0.1 to 60 s.
    pub timeout: Duration,
}

/// A setting that cannot work. Names it and says what is accepted, never what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVonageSettings {
    #[error(
        "vonage.base_url: give https://host, or in development http:// to this machine, without user, path or query"
    )]
    BaseUrl,
    #[error("vonage.api_key: give the API key of the Vonage dashboard: letters and digits")]
    ApiKey,
    #[error("vonage.api_secret: give the API secret of the Vonage dashboard")]
    ApiSecret,
    #[error(
        "vonage.brand: give a name of 1 to 16 letters, digits and spaces; nothing for server.product_name, if that is short enough"
    )]
    Brand,
    #[error("vonage.code_length: give 6 to 10")]
    CodeLength,
    #[error("vonage.timeout_ms: give 100 to 60000")]
    Timeout,
    /// Most often the system has no CA certificates.
    #[error("{0}")]
    Tls(String),
}

impl VonageSettings {
    /// Everything that cannot work, not only the first mistake.
    pub fn problems(&self) -> Vec<InvalidVonageSettings> {
        use InvalidVonageSettings as Invalid;
        let secret = self.api_secret.expose_secret();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -'&".contains(&byte);
        let rules = [
            (self.base().is_some(), Invalid::BaseUrl),
            (
                !self.api_key.is_empty() && self.api_key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                Invalid::ApiKey,
            ),
            (secret.len() >= 8 && secret.bytes().all(|byte| byte.is_ascii_graphic()), Invalid::ApiSecret),
            ((1..=16).contains(&self.brand.len()) && self.brand.bytes().all(plain), Invalid::Brand),
            ((6..=10).contains(&self.code_length), Invalid::CodeLength),
            (TIMEOUTS.contains(&self.timeout), Invalid::Timeout),
        ];
        rules.into_iter().filter(|(kept, _)| !kept).map(|(_, problem)| problem).collect()
    }

    pub(crate) fn base(&self) -> Option<Url> {
        base_url(&self.base_url, self.allow_plain_http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> VonageSettings {
        VonageSettings {
            base_url: VONAGE_BASE_URL.to_owned(),
            allow_plain_http: false,
            api_key: "a1b2c3d4".to_owned(),
            api_secret: "0123456789abcdef".into(),
            brand: "Acme".to_owned(),
            code_length: 6,
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        use InvalidVonageSettings as Invalid;
        assert_eq!(settings().problems(), []);
        let cases = [
            (VonageSettings { base_url: "http://api.nexmo.com".to_owned(), ..settings() }, Invalid::BaseUrl),
            (VonageSettings { api_key: "a:b".to_owned(), ..settings() }, Invalid::ApiKey),
            (VonageSettings { api_secret: "short".into(), ..settings() }, Invalid::ApiSecret),
            (VonageSettings { brand: "a name that is too long".to_owned(), ..settings() }, Invalid::Brand),
            (VonageSettings { brand: String::new(), ..settings() }, Invalid::Brand),
            (VonageSettings { code_length: 4, ..settings() }, Invalid::CodeLength),
            (VonageSettings { timeout: Duration::ZERO, ..settings() }, Invalid::Timeout),
        ];
        for (settings, problem) in cases {
            assert_eq!(settings.problems(), [problem]);
        }
    }

    #[test]
    fn lg_01_settings_never_print_the_secret() {
        let settings = VonageSettings { api_secret: "hunter2-hunter2".into(), ..settings() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
