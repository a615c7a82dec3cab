//! What can be set, and what of it can work.

use std::time::Duration;

use provider_http::{TIMEOUTS, Url, base_url};
use secrecy::{ExposeSecret as _, SecretString};

/// Where Twilio Verify is.
pub const VERIFY_BASE_URL: &str = "https://verify.twilio.com";
/// Where Twilio Messages is.
pub const MESSAGES_BASE_URL: &str = "https://api.twilio.com";

/// Who asks: an API key (`SK…`) with its secret, or the account (`AC…`) with its token.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The SID, which is no secret.
    pub user: String,
    pub secret: SecretString,
}

/// A Verify service.
#[derive(Clone, Debug)]
pub struct VerifySettings {
    /// `https://host`, or `http://` to this machine, without a path.
    pub base_url: String,
    /// Accepts `http://` to any host: for a stand-in in another container.
    pub allow_plain_http: bool,
    pub credentials: Credentials,
    /// `VA…` of the Twilio console.
    pub service_sid: String,
    /// For one port call. 0.1 to 60 s.
    pub timeout: Duration,
}

/// Who texts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A number in E.164, a short code or a name.
    From(String),
    /// A messaging service, `MG…`, that chooses.
    MessagingService(String),
}

/// The Messages API of an account.
#[derive(Clone, Debug)]
pub struct MessagesSettings {
    /// `https://host`, or `http://` to this machine, without a path.
    pub base_url: String,
    /// Accepts `http://` to any host: for a stand-in in another container.
    pub allow_plain_http: bool,
    pub credentials: Credentials,
    /// `AC…` of the Twilio console.
    pub account_sid: String,
    pub sender: Sender,
    /// For one message with its answer. 0.1 to 60 s.
    pub timeout: Duration,
}

/// A setting that cannot work. Names it and says what is accepted, never what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTwilioSettings {
    #[error(
        "twilio.verify_base_url: give https://host, or in development http:// to this machine, without user, path or query"
    )]
    VerifyBaseUrl,
    #[error(
        "twilio.messages_base_url: give https://host, or in development http:// to this machine, without user, path or query"
    )]
    MessagesBaseUrl,
    #[error("twilio.account_sid: give the account SID of the Twilio console: AC and 32 hexadecimal digits")]
    AccountSid,
    #[error(
        "twilio.api_key_sid: give the SID of an API key: SK and 32 hexadecimal digits; nothing to use the auth token"
    )]
    ApiKeySid,
    #[error("twilio.secret: give the secret of the API key, or without one the auth token of the account")]
    Secret,
    #[error("twilio.verify_service_sid: give the SID of a Verify service: VA and 32 hexadecimal digits")]
    ServiceSid,
    #[error(
        "twilio.from: give a number such as +46701740600, a short code, a name of at most 11 letters and digits, or the SID of a messaging service: MG and 32 hexadecimal digits"
    )]
    From,
    #[error("twilio.timeout_ms: give 100 to 60000")]
    Timeout,
    /// Most often the system has no CA certificates.
    #[error("{0}")]
    Tls(String),
}

use InvalidTwilioSettings as Invalid;

type Rule = (bool, Invalid);

impl VerifySettings {
    /// Everything that cannot work, not only the first mistake.
    pub fn problems(&self) -> Vec<Invalid> {
        let mut rules = credentials(&self.credentials);
        rules.push((self.base().is_some(), Invalid::VerifyBaseUrl));
        rules.push((is_sid(&self.service_sid, "VA"), Invalid::ServiceSid));
        rules.push((TIMEOUTS.contains(&self.timeout), Invalid::Timeout));
        broken(rules)
    }

    pub(crate) fn base(&self) -> Option<Url> {
        base_url(&self.base_url, self.allow_plain_http)
    }
}

impl MessagesSettings {
    /// Everything that cannot work, not only the first mistake.
    pub fn problems(&self) -> Vec<Invalid> {
        let mut rules = credentials(&self.credentials);
        rules.push((self.base().is_some(), Invalid::MessagesBaseUrl));
        rules.push((is_sid(&self.account_sid, "AC"), Invalid::AccountSid));
        rules.push((self.sender.is_usable(), Invalid::From));
        rules.push((TIMEOUTS.contains(&self.timeout), Invalid::Timeout));
        broken(rules)
    }

    pub(crate) fn base(&self) -> Option<Url> {
        base_url(&self.base_url, self.allow_plain_http)
    }
}

impl Sender {
    /// A text that begins with `MG` and has the length of a SID is one.
    pub fn read(text: &str) -> Self {
        if is_sid(text, "MG") { Self::MessagingService(text.to_owned()) } else { Self::From(text.to_owned()) }
    }

    pub(crate) fn pair(&self) -> (&'static str, &str) {
        match self {
            Self::From(from) => ("From", from),
            Self::MessagingService(sid) => ("MessagingServiceSid", sid),
        }
    }

    fn is_usable(&self) -> bool {
        let Self::From(from) = self else { return true };
        let number = from.strip_prefix('+').unwrap_or(from);
        let digits = (3..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let name = (1..=11).contains(&from.len())
            && from.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        digits || name
    }
}

fn credentials(Credentials { user, secret }: &Credentials) -> Vec<Rule> {
    let secret = secret.expose_secret();
    let usable = secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_graphic());
    let whose = if user.starts_with("SK") { Invalid::ApiKeySid } else { Invalid::AccountSid };
    vec![(is_sid(user, "SK") || is_sid(user, "AC"), whose), (usable, Invalid::Secret)]
}

fn is_sid(text: &str, kind: &str) -> bool {
    let digits = text.strip_prefix(kind).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn broken(rules: Vec<Rule>) -> Vec<Invalid> {
    let mut broken: Vec<Invalid> = Vec::new();
    for (kept, problem) in rules {
        if !kept && !broken.contains(&problem) {
            broken.push(problem);
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

    fn verify() -> VerifySettings {
        VerifySettings {
            base_url: VERIFY_BASE_URL.to_owned(),
            allow_plain_http: false,
            credentials: Credentials { user: ACCOUNT.to_owned(), secret: "0123456789abcdef".into() },
            service_sid: ACCOUNT.replace("AC", "VA"),
            timeout: Duration::from_secs(5),
        }
    }

    fn messages(from: &str) -> MessagesSettings {
        MessagesSettings {
            base_url: MESSAGES_BASE_URL.to_owned(),
            allow_plain_http: false,
            credentials: verify().credentials,
            account_sid: ACCOUNT.to_owned(),
            sender: Sender::read(from),
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!((verify().problems(), messages("+46701740600").problems()), (vec![], vec![]));
        let who = |user: &str, secret: &str| Credentials { user: user.to_owned(), secret: secret.into() };
        let cases = [
            (
                VerifySettings { base_url: "http://verify.twilio.com".to_owned(), ..verify() },
                Invalid::VerifyBaseUrl,
            ),
            (VerifySettings { service_sid: ACCOUNT.to_owned(), ..verify() }, Invalid::ServiceSid),
            (
                VerifySettings { service_sid: "VA/../0123456789abcdef0123456789a".to_owned(), ..verify() },
                Invalid::ServiceSid,
            ),
            (VerifySettings { credentials: who("", "0123456789abcdef"), ..verify() }, Invalid::AccountSid),
            (VerifySettings { credentials: who("SK1", "0123456789abcdef"), ..verify() }, Invalid::ApiKeySid),
            (VerifySettings { credentials: who(ACCOUNT, "short"), ..verify() }, Invalid::Secret),
            (VerifySettings { credentials: who(ACCOUNT, "0123456789abcdef\n"), ..verify() }, Invalid::Secret),
            (VerifySettings { timeout: Duration::ZERO, ..verify() }, Invalid::Timeout),
        ];
        for (settings, problem) in cases {
            assert_eq!(settings.problems(), [problem]);
        }
        for from in ["", "+", "a name too long", "+4670174060012345", "Acmé"] {
            assert_eq!(messages(from).problems(), [Invalid::From], "{from}");
        }
        for from in ["72000", "Acme 24", &ACCOUNT.replace("AC", "MG")] {
            assert_eq!(messages(from).problems(), [], "{from}");
        }
    }

    #[test]
    fn lg_01_settings_never_print_the_secret() {
        let credentials = Credentials { user: ACCOUNT.to_owned(), secret: "hunter2-hunter2-hunter2".into() };
        let verify = VerifySettings { credentials: credentials.clone(), ..verify() };
        let shown = format!("{verify:?} {:?}", MessagesSettings { credentials, ..messages("Acme") });
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
