//! Who makes, sends and checks codes.

use std::time::Duration;

use adapters_sinch::SmsSettings;
use adapters_twilio::{
    Credentials, MESSAGES_BASE_URL, MessagesSettings, Sender, VERIFY_BASE_URL, VerifySettings,
};
use adapters_vonage::{VONAGE_BASE_URL, VonageSettings};
use adapters_webhooks::{Secret, TextMessageWebhook};
use domain::{ProductName, SiteHost};

use super::reader::Reader;

/// The names of `provider.name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderName {
    Sinch,
    Twilio,
    Vonage,
    SelfIssued,
}

/// The provider that was chosen. Sinch's own settings stand beside, for the simulator has them
/// in common.
pub(crate) enum ProviderSettings {
    Sinch,
    Twilio(VerifySettings),
    Vonage(VonageSettings),
    SelfIssued(SelfIssuedSettings),
}

/// Codes of our own.
pub(crate) struct SelfIssuedSettings {
    pub(crate) gateway: GatewaySettings,
    pub(crate) product: ProductName,
    pub(crate) site: Option<SiteHost>,
}

/// What carries texts.
pub(crate) enum GatewaySettings {
    SinchSms(SmsSettings),
    Twilio(MessagesSettings),
    Webhook(Box<TextMessageWebhook>),
}

impl ProviderSettings {
    /// What traces, figures and metrics call it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sinch => use_cases::HandleSinchCallback::PROVIDER,
            Self::Twilio(_) => "twilio",
            Self::Vonage(_) => "vonage",
            Self::SelfIssued(_) => "self_issued",
        }
    }

    /// For people, without anything secret; `None` for Sinch, of which the rest of the settings
    /// tells.
    pub(crate) fn describe(&self) -> Option<String> {
        Some(match self {
            Self::Sinch => return None,
            Self::Twilio(settings) => format!("Twilio Verify at {}", settings.base_url),
            Self::Vonage(settings) => format!("Vonage Verify at {}", settings.base_url),
            Self::SelfIssued(SelfIssuedSettings { gateway, .. }) => match gateway {
                GatewaySettings::SinchSms(sms) => {
                    format!("codes of our own by Sinch SMS at {}", sms.base_url)
                }
                GatewaySettings::Twilio(messages) => {
                    format!("codes of our own by Twilio at {}", messages.base_url)
                }
                GatewaySettings::Webhook(_) => "codes of our own by webhook".to_owned(),
            },
        })
    }
}

pub(crate) fn name(reader: &mut Reader) -> ProviderName {
    let words = [
        ("sinch", ProviderName::Sinch),
        ("twilio", ProviderName::Twilio),
        ("vonage", ProviderName::Vonage),
        ("self_issued", ProviderName::SelfIssued),
    ];
    reader.one_of("provider.name", &words, ProviderName::Sinch)
}

#[derive(Clone, Copy)]
enum Gateway {
    SinchSms,
    Twilio,
    Webhook,
}

/// Reads the settings of all providers, so that each is a known one, and checks those of the
/// provider that was chosen. `None` when it cannot be used; then there are problems.
pub(crate) fn read(
    reader: &mut Reader,
    production: bool,
    name: ProviderName,
    product: &ProductName,
    sms: Option<&SmsSettings>,
    warnings: &mut Vec<String>,
) -> Option<ProviderSettings> {
    let twilio = Twilio::read(reader, production);
    let vonage = vonage(reader, production, product);
    let webhook = Webhook::read(reader);
    let words =
        [("webhook", Gateway::Webhook), ("sinch_sms", Gateway::SinchSms), ("twilio", Gateway::Twilio)];
    let gateway = reader.one_of("self_issued.gateway", &words, Gateway::Webhook);
    let host = reader.text("self_issued.site_host");
    match name {
        ProviderName::Sinch => Some(ProviderSettings::Sinch),
        ProviderName::Twilio => twilio.verify(reader).map(ProviderSettings::Twilio),
        ProviderName::Vonage => {
            let problems = vonage.problems();
            tell(reader, &problems, "vonage.base_url").then_some(ProviderSettings::Vonage(vonage))
        }
        ProviderName::SelfIssued => {
            let site = site(reader, &host, production, warnings);
            let gateway = match gateway {
                Gateway::Webhook => {
                    webhook.gateway(reader, production).map(Box::new).map(GatewaySettings::Webhook)
                }
                Gateway::Twilio => twilio.messages(reader).map(GatewaySettings::Twilio),
                Gateway::SinchSms => sinch_sms(reader, sms).map(GatewaySettings::SinchSms),
            };
            let product = product.clone();
            Some(ProviderSettings::SelfIssued(SelfIssuedSettings { gateway: gateway?, product, site }))
        }
    }
}

/// Tells of problems that name their setting; whether there were none.
fn tell(reader: &mut Reader, problems: &[impl ToString], otherwise: &str) -> bool {
    for problem in problems {
        let text = problem.to_string();
        let (key, what) = text.split_once(": ").unwrap_or((otherwise, &text));
        reader.problem(key, what);
    }
    problems.is_empty()
}

fn site(reader: &mut Reader, host: &str, production: bool, warnings: &mut Vec<String>) -> Option<SiteHost> {
    if host.is_empty() {
        if production {
            warnings.push(
                "texts do not say which site a code is for, so phones cannot keep it from others: set \
                 OTP_LOGIN__SELF_ISSUED__SITE_HOST"
                    .to_owned(),
            );
        }
        return None;
    }
    let site = SiteHost::parse(host);
    if let Err(error) = site {
        reader.problem("self_issued.site_host", error.to_string());
    }
    site.ok()
}

fn sinch_sms(reader: &mut Reader, sms: Option<&SmsSettings>) -> Option<SmsSettings> {
    if sms.is_none() {
        let what = "sinch_sms needs OTP_LOGIN__SINCH__SMS__BASE_URL, OTP_LOGIN__SINCH__SMS__SERVICE_PLAN_ID \
                    and OTP_LOGIN__SINCH__SMS__API_TOKEN";
        reader.problem("self_issued.gateway", what);
    }
    sms.cloned()
}

fn or_default(text: String, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text }
}

fn millis(reader: &mut Reader, key: &str) -> Duration {
    Duration::from_millis(reader.number(key, 100..=60_000))
}

/// What both of Twilio's APIs are asked with.
struct Twilio {
    account_sid: String,
    credentials: Credentials,
    service_sid: String,
    sender: Sender,
    verify_base_url: String,
    messages_base_url: String,
    allow_plain_http: bool,
    timeout: Duration,
}

impl Twilio {
    fn read(reader: &mut Reader, production: bool) -> Self {
        let account_sid = reader.text("twilio.account_sid");
        let user = or_default(reader.text("twilio.api_key_sid"), &account_sid);
        Self {
            account_sid,
            credentials: Credentials { user, secret: reader.secret("twilio.secret").into() },
            service_sid: reader.text("twilio.verify_service_sid"),
            sender: Sender::read(&reader.text("twilio.from")),
            verify_base_url: or_default(reader.text("twilio.verify_base_url"), VERIFY_BASE_URL),
            messages_base_url: or_default(reader.text("twilio.messages_base_url"), MESSAGES_BASE_URL),
            allow_plain_http: !production,
            timeout: millis(reader, "twilio.timeout_ms"),
        }
    }

    fn verify(self, reader: &mut Reader) -> Option<VerifySettings> {
        let settings = VerifySettings {
            base_url: self.verify_base_url,
            allow_plain_http: self.allow_plain_http,
            credentials: self.credentials,
            service_sid: self.service_sid,
            timeout: self.timeout,
        };
        let problems = settings.problems();
        tell(reader, &problems, "twilio.verify_base_url").then_some(settings)
    }

    fn messages(self, reader: &mut Reader) -> Option<MessagesSettings> {
        let settings = MessagesSettings {
            base_url: self.messages_base_url,
            allow_plain_http: self.allow_plain_http,
            credentials: self.credentials,
            account_sid: self.account_sid,
            sender: self.sender,
            timeout: self.timeout,
        };
        let problems = settings.problems();
        tell(reader, &problems, "twilio.messages_base_url").then_some(settings)
    }
}

fn vonage(reader: &mut Reader, production: bool, product: &ProductName) -> VonageSettings {
    VonageSettings {
        base_url: or_default(reader.text("vonage.base_url"), VONAGE_BASE_URL),
        allow_plain_http: !production,
        api_key: reader.text("vonage.api_key"),
        api_secret: reader.secret("vonage.api_secret").into(),
        brand: or_default(reader.text("vonage.brand"), &product.to_string()),
        code_length: reader.number("vonage.code_length", 6..=10),
        timeout: millis(reader, "vonage.timeout_ms"),
    }
}

/// The gateway by webhook, still as text.
struct Webhook {
    url: String,
    secret: String,
    previous_secret: String,
    timeout: Duration,
}

impl Webhook {
    fn read(reader: &mut Reader) -> Self {
        Self {
            // Its path or query may hold a token.
            url: reader.secret("gateway.url"),
            secret: reader.secret("gateway.secret"),
            previous_secret: reader.secret("gateway.previous_secret"),
            timeout: millis(reader, "gateway.timeout_ms"),
        }
    }

    fn gateway(self, reader: &mut Reader, production: bool) -> Option<TextMessageWebhook> {
        let url = adapters_webhooks::parse_url(&self.url, !production);
        if let Err(error) = url {
            reader.problem("gateway.url", error.to_string());
        }
        let mut secret = |key: &str, text: &str| {
            Secret::parse(text).map_err(|error| reader.problem(key, error.to_string())).ok()
        };
        let previous_secret = match self.previous_secret.as_str() {
            "" => None,
            text => secret("gateway.previous_secret", text),
        };
        let secret = secret("gateway.secret", &self.secret);
        Some(TextMessageWebhook { url: url.ok()?, secret: secret?, previous_secret, timeout: self.timeout })
    }
}
