//! What can be set about text messages, and what of it can work.

use std::time::Duration;

use domain::ProductName;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::is_loopback;

/// The service plan of the Sinch SMS API.
#[derive(Debug, Clone)]
pub struct SmsSettings {
    /// `https://host`, or `http://` to this machine, without a path.
    pub base_url: String,
    /// Accepts `http://` to any host: for a simulator in another container.
    pub allow_plain_http: bool,
    /// Of the Sinch dashboard. Not secret.
    pub service_plan_id: String,
    pub api_token: SecretString,
    /// A number, a short code or a name of the sender; empty for what the service plan says.
    pub from: String,
    /// How messages call us.
    pub product: ProductName,
    /// For one message with its answer. 0.1 to 30 s.
    pub timeout: Duration,
}

/// A setting that cannot work. Names it and says what is accepted, never what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSmsSettings {
    #[error(
        "sinch.sms.base_url: give https://host of your region, such as https://eu.sms.api.sinch.com, or in development http:// to this machine, without user, path or query"
    )]
    BaseUrl,
    #[error("sinch.sms.service_plan_id: give the service plan id of the Sinch dashboard: letters and digits")]
    ServicePlanId,
    #[error("sinch.sms.api_token: give the API token of the service plan, as the Sinch dashboard shows it")]
    ApiToken,
    #[error(
        "sinch.sms.from: give a number, a short code or a name of at most 11 letters and digits, or nothing"
    )]
    From,
    #[error("sinch.timeout_ms: give 100 to 30000 for text messages")]
    Timeout,
    /// Most often the system has no CA certificates.
    #[error("TLS cannot be set up; are the system's CA certificates installed? {0}")]
    Tls(String),
}

/// The settings, each checked.
pub(super) struct Checked {
    pub(super) batches: Url,
    pub(super) authorization: HeaderValue,
    pub(super) from: Option<String>,
}

impl SmsSettings {
    /// Everything that cannot work, not only the first mistake.
    pub fn problems(&self) -> Vec<InvalidSmsSettings> {
        use InvalidSmsSettings as Invalid;
        let timeouts = Duration::from_millis(100)..=Duration::from_secs(30);
        let rules = [
            (self.base_url().is_some(), Invalid::BaseUrl),
            (self.has_usable_plan(), Invalid::ServicePlanId),
            (self.authorization().is_some(), Invalid::ApiToken),
            (self.has_usable_sender(), Invalid::From),
            (timeouts.contains(&self.timeout), Invalid::Timeout),
        ];
        rules.into_iter().filter(|(kept, _)| !kept).map(|(_, problem)| problem).collect()
    }

    pub(super) fn check(&self) -> Result<Checked, InvalidSmsSettings> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let mut batches = self.base_url().ok_or(InvalidSmsSettings::BaseUrl)?;
        batches.set_path(&format!("/xms/v1/{}/batches", self.service_plan_id));
        Ok(Checked {
            batches,
            authorization: self.authorization().ok_or(InvalidSmsSettings::ApiToken)?,
            from: Some(self.from.clone()).filter(|from| !from.is_empty()),
        })
    }

    fn base_url(&self) -> Option<Url> {
        let url = Url::parse(&self.base_url).ok()?;
        let private = match url.scheme() {
            "https" => true,
            "http" => self.allow_plain_http || is_loopback(url.host_str()?),
            _ => false,
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        (private && bare && nobody).then_some(url)
    }

    fn has_usable_plan(&self) -> bool {
        let plan = self.service_plan_id.as_str();
        !plan.is_empty()
            && plan.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    }

    fn has_usable_sender(&self) -> bool {
        let from = self.from.as_str();
        let number = from.strip_prefix('+').unwrap_or(from);
        let digits = number.len() <= 15 && number.bytes().all(|byte| byte.is_ascii_digit());
        let name = from.len() <= 11 && from.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        digits || name
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let token = self.api_token.expose_secret();
        let usable = token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| usable)?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmsSettings {
        SmsSettings {
            base_url: "https://eu.sms.api.sinch.com".to_owned(),
            allow_plain_http: false,
            service_plan_id: "jd63jf88477ll123ab4567cd89012ef3".to_owned(),
            api_token: "0123456789abcdef".into(),
            from: "+46701740600".to_owned(),
            product: ProductName::parse("Acme").unwrap(),
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        use InvalidSmsSettings as Invalid;
        let cases = [
            (
                SmsSettings { base_url: "http://eu.sms.api.sinch.com".to_owned(), ..settings() },
                Invalid::BaseUrl,
            ),
            (
                SmsSettings { base_url: "https://eu.sms.api.sinch.com/xms".to_owned(), ..settings() },
                Invalid::BaseUrl,
            ),
            (
                SmsSettings { base_url: "https://a:b@eu.sms.api.sinch.com".to_owned(), ..settings() },
                Invalid::BaseUrl,
            ),
            (SmsSettings { base_url: String::new(), ..settings() }, Invalid::BaseUrl),
            (SmsSettings { service_plan_id: String::new(), ..settings() }, Invalid::ServicePlanId),
            (SmsSettings { service_plan_id: "../batches".to_owned(), ..settings() }, Invalid::ServicePlanId),
            (SmsSettings { api_token: "short".into(), ..settings() }, Invalid::ApiToken),
            (SmsSettings { api_token: "0123456789abcdef\r\n".into(), ..settings() }, Invalid::ApiToken),
            (SmsSettings { from: "a name too long".to_owned(), ..settings() }, Invalid::From),
            (SmsSettings { timeout: Duration::from_secs(31), ..settings() }, Invalid::Timeout),
        ];
        for (settings, problem) in cases {
            assert_eq!(settings.problems(), [problem]);
        }
    }

    #[test]
    fn senders_are_numbers_short_codes_names_or_nobody() {
        for from in ["", "+46701740600", "46701740600", "72000", "Acme", "ACME 24"] {
            assert_eq!(SmsSettings { from: from.to_owned(), ..settings() }.problems(), [], "{from}");
        }
    }

    #[test]
    fn lg_01_the_token_is_not_shown() {
        let settings = settings();
        let shown = format!("{settings:?} {:?}", settings.authorization());
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
    }
}
