//! What can be set, and what of it can work.

use std::net::IpAddr;
use std::time::Duration;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use domain::Locale;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::signature::Credentials;

/// The one host that Sinch documents.
pub const SINCH_BASE_URL: &str = "https://verification.api.sinch.com";

/// Where the service takes callbacks, if no proxy changes the path.
pub const CALLBACK_PATH: &str = "/webhooks/sinch";

/// How requests prove who sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Each request is signed and the secret never leaves.
    #[default]
    Signed,
    /// Each request carries the secret.
    Basic,
}

/// The Sinch application and the bounds of calls to it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://host`, or `http://` to this machine, without a path.
    pub base_url: String,
    /// Accepts `http://` to any host: for a simulator in another container.
    /// Codes and numbers then cross the network readable.
    pub allow_plain_http: bool,
    /// The application key of the Sinch dashboard. Not secret.
    pub application_key: String,
    /// The application secret as the dashboard shows it: Base64 text.
    pub application_secret: SecretString,
    pub auth: Auth,
    /// The path of the callback URL in the dashboard, which callbacks are signed with.
    pub callback_path: String,
    /// For one port call with all that it asks of Sinch, its wait for a place
    /// included. 0.1 to 60 s.
    pub timeout: Duration,
    /// For one connection with its TLS handshake; at most two fifths of
    /// `timeout` are used, so that a call that could not connect ends knowing it.
    pub connect_timeout: Duration,
    /// The language of messages to people who asked for none.
    pub default_locale: Option<Locale>,
    /// Calls at one time. At least 1.
    pub max_concurrent_calls: usize,
    /// Faults in a row after which Sinch is not asked for a while. At least 1.
    pub breaker_faults: u32,
    /// How long it is not asked then.
    pub breaker_open_for: Duration,
}

impl Settings {
    /// Settings with the default bounds and signed requests.
    pub fn new(
        base_url: impl Into<String>,
        application_key: impl Into<String>,
        application_secret: SecretString,
    ) -> Self {
        Self {
            base_url: base_url.into(),
            allow_plain_http: false,
            application_key: application_key.into(),
            application_secret,
            auth: Auth::default(),
            callback_path: CALLBACK_PATH.to_owned(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            default_locale: None,
            max_concurrent_calls: 64,
            breaker_faults: 5,
            breaker_open_for: Duration::from_secs(10),
        }
    }
}

/// A setting that cannot work. Names it and says what is accepted, never what
/// was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSinchSettings {
    #[error(
        "sinch.base_url: give https://host, or http:// to this machine such as http://127.0.0.1:3018 (to others with sinch.allow_plain_http), without user, path or query"
    )]
    BaseUrl,
    #[error(
        "sinch.application_key: give the key of the Sinch dashboard, such as 11111111-2222-3333-4444-555555555555"
    )]
    ApplicationKey,
    #[error(
        "sinch.application_secret: give the secret as the Sinch dashboard shows it, a Base64 text of at least 16 bytes"
    )]
    ApplicationSecret,
    #[error(
        "sinch.callback_path: give the path of the callback URL in the Sinch dashboard, such as /webhooks/sinch"
    )]
    CallbackPath,
    #[error("sinch.timeout: give 100 ms to 60 s")]
    Timeout,
    #[error("sinch.connect_timeout: give 10 ms or more")]
    ConnectTimeout,
    #[error("sinch.max_concurrent_calls: give 1 to 10000")]
    MaxConcurrentCalls,
    #[error("sinch.breaker_faults: give 1 or more")]
    BreakerFaults,
    /// Most often the system has no CA certificates.
    #[error("TLS cannot be set up; are the system's CA certificates installed? {0}")]
    Tls(String),
}

/// The settings, each checked.
pub(crate) struct Checked {
    pub(crate) base_url: Url,
    pub(crate) credentials: Credentials,
    pub(crate) connect_timeout: Duration,
}

impl Settings {
    /// Everything that cannot work, not only the first mistake. TLS is left to
    /// [`SinchVerification::new`](crate::SinchVerification::new).
    pub fn problems(&self) -> Vec<InvalidSinchSettings> {
        use InvalidSinchSettings as Invalid;
        let timeouts = Duration::from_millis(100)..=Duration::from_mins(1);
        let rules = [
            (self.parse_base_url().is_some(), Invalid::BaseUrl),
            (self.has_usable_key(), Invalid::ApplicationKey),
            (self.secret().is_some(), Invalid::ApplicationSecret),
            (self.has_usable_callback_path(), Invalid::CallbackPath),
            (timeouts.contains(&self.timeout), Invalid::Timeout),
            (self.connect_timeout >= Duration::from_millis(10), Invalid::ConnectTimeout),
            ((1..=10_000).contains(&self.max_concurrent_calls), Invalid::MaxConcurrentCalls),
            (self.breaker_faults >= 1, Invalid::BreakerFaults),
        ];
        rules.into_iter().filter(|(kept, _)| !kept).map(|(_, problem)| problem).collect()
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<Checked, InvalidSinchSettings> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let secret = self.secret().ok_or(InvalidSinchSettings::ApplicationSecret)?;
        let key = self.application_key.as_str();
        Ok(Checked {
            base_url: self.parse_base_url().ok_or(InvalidSinchSettings::BaseUrl)?,
            credentials: match self.auth {
                Auth::Signed => Credentials::signed(key, &secret),
                Auth::Basic => Credentials::basic(key, self.application_secret.expose_secret()),
            },
            connect_timeout: self.connect_timeout.min(self.timeout * 2 / 5),
        })
    }

    fn parse_base_url(&self) -> Option<Url> {
        let url = Url::parse(&self.base_url).ok()?;
        let private = match url.scheme() {
            "https" => true,
            "http" => self.allow_plain_http || is_loopback(url.host_str()?),
            _ => false,
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        (private && bare).then_some(url)
    }

    /// Visible ASCII without the colon that ends it in a header.
    fn has_usable_key(&self) -> bool {
        let key = self.application_key.as_str();
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
    }

    /// Visible ASCII from the first slash to the end of the path.
    fn has_usable_callback_path(&self) -> bool {
        let path = self.callback_path.as_str();
        path.starts_with('/')
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
    }

    pub(crate) fn secret(&self) -> Option<Vec<u8>> {
        decode(self.application_secret.expose_secret())
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Base64 in either alphabet, padded or not, as Sinch's own SDKs take it. At
/// least 16 bytes: what the dashboard gives, and what a cut copy lacks.
fn decode(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
        .filter(|secret| secret.len() >= 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

    fn settings() -> Settings {
        Settings::new(SINCH_BASE_URL, "11111111-2222-3333-4444-555555555555", SECRET.into())
    }

    fn refusal(settings: &Settings) -> Option<InvalidSinchSettings> {
        settings.check().err()
    }

    #[test]
    fn asvs_1_2_2_the_base_is_encrypted_or_this_machine() {
        for good in [
            SINCH_BASE_URL,
            "https://verification.api.sinch.com/",
            "http://127.0.0.1:3018",
            "http://[::1]:3018",
            "http://localhost",
        ] {
            assert_eq!(refusal(&Settings { base_url: good.to_owned(), ..settings() }), None, "{good}");
        }
        for wrong in [
            "",
            "verification.api.sinch.com",
            "http://verification.api.sinch.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://user:pass@verification.api.sinch.com",
            "https://verification.api.sinch.com/verification",
            "https://verification.api.sinch.com/?a=b",
            "https://verification.api.sinch.com/#a",
        ] {
            let settings = Settings { base_url: wrong.to_owned(), ..settings() };
            assert_eq!(refusal(&settings), Some(InvalidSinchSettings::BaseUrl), "{wrong}");
        }
    }

    #[test]
    fn plain_http_to_another_host_is_asked_for_by_name() {
        let base_url = "http://simulator:3001".to_owned();
        assert_eq!(refusal(&Settings { base_url, allow_plain_http: true, ..settings() }), None);
        let base_url = "ftp://simulator:3001".to_owned();
        let settings = Settings { base_url, allow_plain_http: true, ..settings() };
        assert_eq!(refusal(&settings), Some(InvalidSinchSettings::BaseUrl));
    }

    #[test]
    fn the_secret_is_base64_as_sinch_sdks_read_it() {
        for good in [SECRET, "MDEyMzQ1Njc4OWFiY2RlZg", "_____________________w", "/////////////////////w=="] {
            let settings = Settings { application_secret: good.into(), ..settings() };
            assert_eq!(refusal(&settings), None, "{good}");
        }
        for wrong in ["", "secret!", "MDEyMzQ1Njc4OWFiY2RlZg==\n", "MDEyMzQ1Njc4", "å"] {
            let settings = Settings { application_secret: wrong.into(), ..settings() };
            assert_eq!(refusal(&settings), Some(InvalidSinchSettings::ApplicationSecret), "{wrong:?}");
        }
    }

    #[test]
    fn bounds_that_cannot_work_are_refused() {
        use InvalidSinchSettings as Invalid;
        let key = |text: &str| Settings { application_key: text.to_owned(), ..settings() };
        let cases = [
            (key(""), Invalid::ApplicationKey),
            (key("a:b"), Invalid::ApplicationKey),
            (key("a b"), Invalid::ApplicationKey),
            (Settings { callback_path: "hooks".to_owned(), ..settings() }, Invalid::CallbackPath),
            (Settings { callback_path: "/a?b".to_owned(), ..settings() }, Invalid::CallbackPath),
            (Settings { timeout: Duration::ZERO, ..settings() }, Invalid::Timeout),
            (Settings { timeout: Duration::from_secs(61), ..settings() }, Invalid::Timeout),
            (Settings { connect_timeout: Duration::ZERO, ..settings() }, Invalid::ConnectTimeout),
            (Settings { max_concurrent_calls: 0, ..settings() }, Invalid::MaxConcurrentCalls),
            (Settings { max_concurrent_calls: usize::MAX, ..settings() }, Invalid::MaxConcurrentCalls),
            (Settings { breaker_faults: 0, ..settings() }, Invalid::BreakerFaults),
        ];
        for (settings, expected) in cases {
            assert_eq!(refusal(&settings), Some(expected));
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let settings = Settings { timeout: Duration::ZERO, ..Settings::new("", "", "".into()) };
        let texts: Vec<String> = settings.problems().iter().map(ToString::to_string).collect();
        let names = ["sinch.base_url", "sinch.application_key", "sinch.application_secret", "sinch.timeout"];
        assert_eq!(texts.len(), names.len());
        assert!(texts.iter().zip(names).all(|(text, name)| text.starts_with(name)), "{texts:?}");
    }

    #[test]
    fn lg_01_settings_never_print_the_secret() {
        assert!(!format!("{:?}", settings()).contains(SECRET));
        let wrong = Settings { application_secret: "hunter2!".into(), ..settings() };
        let error = refusal(&wrong).unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
