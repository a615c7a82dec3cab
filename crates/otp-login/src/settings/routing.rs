//! Which providers there are, and in which order they are asked.

use std::time::Duration;

use domain::{BreakerPolicy, Channel, ProviderConversionRule, ProviderRoutes};
use jiff::SignedDuration;
use provider_router::{AfterLostAnswer, Failover};

use super::{reader::Reader, shield};

/// The names of providers, in settings and in stored ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderName {
    Sinch,
    Twilio,
    Vonage,
    SelfIssued,
}

impl ProviderName {
    const ALL: [Self; 4] = [Self::Sinch, Self::Twilio, Self::Vonage, Self::SelfIssued];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sinch => use_cases::HandleSinchCallback::PROVIDER,
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
            Self::SelfIssued => "self_issued",
        }
    }

    /// What its codes travel by.
    pub(crate) const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Sinch => &[Channel::Sms, Channel::Voice, Channel::Flashcall, Channel::Whatsapp],
            Self::Twilio | Self::Vonage => &[Channel::Sms, Channel::Voice, Channel::Whatsapp],
            Self::SelfIssued => &[Channel::Sms],
        }
    }

    fn words() -> [(&'static str, Self); 4] {
        Self::ALL.map(|name| (name.as_str(), name))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("write one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// Whom to ask for which number.
pub(crate) struct Routing {
    pub(crate) routes: ProviderRoutes<ProviderName>,
    /// Whose ids bear no name, from when there was one provider.
    pub(crate) default: ProviderName,
    pub(crate) failover: Failover,
    /// When one is asked after the others, because its codes are not entered.
    pub(crate) conversion: ProviderConversionRule,
}

impl Routing {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let name = reader.one_of("provider.name", &ProviderName::words(), ProviderName::Sinch);
        let order = reader.list("provider.order", ProviderName::parse);
        let order = if order.is_empty() { vec![name] } else { order };
        let default = order.iter().copied().find(|one| *one == name).or(order.first().copied());
        let routes = ProviderRoutes::new(order).unwrap_or_else(|error| {
            reader.problem("provider.order", error.to_string());
            ProviderRoutes::only(name)
        });
        Self {
            routes: countries(reader, routes),
            conversion: ProviderConversionRule {
                mode: shield::mode(reader, "provider.conversion.mode"),
                grace: SignedDuration::from_secs(
                    reader.number("provider.conversion.grace_seconds", 0..=3600),
                ),
                least_sends: reader.number("provider.conversion.least_sends", 1..=1_000_000),
                collapse_percent: reader.number("provider.conversion.collapse_percent", 1..=100),
            },
            default: default.unwrap_or(name),
            failover: Failover {
                breaker: BreakerPolicy {
                    faults_to_open: reader.number("provider.breaker_faults", 1..=1000),
                    open_for: Duration::from_millis(
                        reader.number("provider.breaker_pause_ms", 100..=600_000),
                    ),
                },
                attempt_timeout: Duration::from_millis(
                    reader.number("provider.attempt_timeout_ms", 100..=6_000),
                ),
                most_calls: reader.number("provider.max_concurrent_calls", 1..=10_000),
                after_lost_answer: reader.one_of(
                    "provider.after_lost_answer",
                    &[("ask_next", AfterLostAnswer::AskNext), ("stop", AfterLostAnswer::Stop)],
                    AfterLostAnswer::AskNext,
                ),
            },
        }
    }

    /// Everybody who is asked for any number.
    pub(crate) fn names(&self) -> Vec<ProviderName> {
        self.routes.providers()
    }

    /// Whether one may give way to another.
    pub(crate) fn has_several(&self) -> bool {
        self.names().len() > 1
    }
}

/// Countries with an order of their own: `provider.routes.SE = "vonage,sinch"`.
fn countries(reader: &mut Reader, mut routes: ProviderRoutes<ProviderName>) -> ProviderRoutes<ProviderName> {
    for (key, country, order) in reader.by_country("provider", "routes.", ProviderName::parse) {
        match routes.clone().with_country(country, order) {
            Ok(with_country) => routes = with_country,
            Err(error) => reader.problem(&key, error.to_string()),
        }
    }
    routes
}
