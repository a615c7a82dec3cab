//! What leaves the service about events: notices and webhooks.

use std::{net::SocketAddr, time::Duration};

use adapters_sinch::SmsSettings;
use adapters_webhooks::{Endpoint, Secret};
use domain::{EndpointName, EventName, ProductName};
use ports::Subscription;

use super::{reachable, reader::Reader};

/// Whom what happens to accounts is told.
pub(crate) struct OutboxSettings {
    /// Without it nobody is told by text message.
    pub(crate) sms: Option<SmsSettings>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) subscriptions: Vec<Subscription>,
    /// How often what is due is looked for.
    pub(crate) poll: Duration,
}

const NOT_TOLD: &str = "nobody is told by text message when the guard of an account changes: set \
    OTP_LOGIN__SINCH__SMS__BASE_URL, OTP_LOGIN__SINCH__SMS__SERVICE_PLAN_ID and OTP_LOGIN__SINCH__SMS__API_TOKEN";

/// `simulator` is where one runs within the service; messages have what they call us and their
/// time.
pub(crate) fn read(
    reader: &mut Reader,
    production: bool,
    simulator: Option<SocketAddr>,
    messages: (&ProductName, Duration),
    warnings: &mut Vec<String>,
) -> OutboxSettings {
    let sms = sms(reader, production, simulator, messages);
    if sms.is_none() && production {
        warnings.push(NOT_TOLD.to_owned());
    }
    let (endpoints, subscriptions) = reader
        .subsections("webhooks")
        .into_iter()
        .filter_map(|name| endpoint(reader, &name, production))
        .unzip();
    let poll = Duration::from_millis(reader.number("events.poll_ms", 10..=3_600_000));
    OutboxSettings { sms, endpoints, subscriptions, poll }
}

fn sms(
    reader: &mut Reader,
    production: bool,
    simulator: Option<SocketAddr>,
    (product, timeout): (&ProductName, Duration),
) -> Option<SmsSettings> {
    let mut settings = SmsSettings {
        base_url: reader.text("sinch.sms.base_url"),
        allow_plain_http: !production,
        service_plan_id: reader.text("sinch.sms.service_plan_id"),
        api_token: reader.secret("sinch.sms.api_token").into(),
        from: reader.text("sinch.sms.from"),
        product: product.clone(),
        timeout: timeout.min(Duration::from_secs(30)),
    };
    let keys = ["sinch.sms.base_url", "sinch.sms.service_plan_id", "sinch.sms.api_token"];
    let given = keys.map(|key| reader.was_set(key));
    match (given, simulator) {
        ([false, false, false], None) => return None,
        ([false, false, false], Some(simulator)) => {
            settings.base_url = format!("http://{}", reachable(simulator));
            sinch_simulator::DEVELOPMENT_SMS_PLAN.clone_into(&mut settings.service_plan_id);
            settings.api_token = sinch_simulator::DEVELOPMENT_SMS_TOKEN.into();
        }
        _ => refuse_public(reader, production, &settings),
    }
    for problem in settings.problems() {
        let text = problem.to_string();
        let (key, what) = text.split_once(": ").unwrap_or(("sinch.sms.base_url", &text));
        reader.problem(key, what);
    }
    Some(settings)
}

fn refuse_public(reader: &mut Reader, production: bool, settings: &SmsSettings) {
    use secrecy::ExposeSecret as _;
    if production && settings.api_token.expose_secret() == sinch_simulator::DEVELOPMENT_SMS_TOKEN {
        let what = "this is the simulator's and public; set your own from the Sinch dashboard";
        reader.problem("sinch.sms.api_token", what);
    }
}

/// An endpoint and what it wants to hear of; `None` when it cannot be used.
fn endpoint(reader: &mut Reader, name: &str, production: bool) -> Option<(Endpoint, Subscription)> {
    let key = |setting: &str| format!("webhooks.{name}.{setting}");
    let parsed = EndpointName::parse(name);
    if let Err(error) = parsed {
        reader.problem(&format!("webhooks.{name}"), error.to_string());
    }
    // Its path or query may hold a token.
    let url = adapters_webhooks::parse_url(&reader.secret(&key("url")), !production);
    if let Err(error) = url {
        reader.problem(&key("url"), error.to_string());
    }
    let secret = secret(reader, &key("secret"), false);
    let previous_secret = secret_or_none(reader, &key("previous_secret"));
    let events = events(reader, &key("events"));
    let name = parsed.ok()?;
    let endpoint = Endpoint { name: name.clone(), url: url.ok()?, secret: secret?, previous_secret };
    Some((endpoint, Subscription { endpoint: name, events }))
}

fn secret_or_none(reader: &mut Reader, key: &str) -> Option<Secret> {
    secret(reader, key, true)
}

fn secret(reader: &mut Reader, key: &str, optional: bool) -> Option<Secret> {
    let text = reader.secret(key);
    if optional && text.is_empty() {
        return None;
    }
    let parsed = Secret::parse(&text);
    if let Err(error) = parsed {
        reader.problem(key, error.to_string());
    }
    parsed.ok()
}

/// All events, unless some are named.
fn events(reader: &mut Reader, key: &str) -> Vec<EventName> {
    let named = reader.list(key, |text| {
        EventName::find(text).ok_or_else(|| {
            format!("there is no such event; there are {}", EventName::ALL.map(EventName::as_str).join(", "))
        })
    });
    if named.is_empty() { EventName::ALL.to_vec() } else { named }
}
