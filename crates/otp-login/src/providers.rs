//! Which adapters make, send and check codes.

use std::{sync::Arc, time::Duration};

use adapters_crypto::DataKey;
use adapters_self_issued::{CodeKey, SelfIssued};
use adapters_sinch::{SinchSms, SinchVerification, SmsSettings};
use adapters_twilio::{MessagesSettings, TwilioMessages, TwilioVerify, VerifySettings};
use adapters_vonage::{VonageSettings, VonageVerify};
use adapters_webhooks::{TextMessageWebhook, WebhookGateway};
use anyhow::Context as _;
use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use ports::{
    Clock, CodeCheck, CodeRequest, Dependency, ProviderFault, SendMeter, SendTraceStore, StartError,
    StartedVerification, TextMessageGateway, VerificationProvider,
};
use provider_router::{Bounded, Failover, LookupTrust, NamedProvider, ProviderRouter};
use use_cases::{CurrentPrices, TracedProvider};

use crate::reputation::AskedLast;
use crate::settings::{GatewaySettings, ProviderName, ProviderSettings, SelfIssuedSettings, Settings};

/// The providers that were chosen, as one.
pub(crate) struct Provider {
    pub(crate) verification: Arc<dyn VerificationProvider>,
    /// What readiness tells of it.
    pub(crate) dependency: Arc<dyn Dependency>,
    /// How long a check takes before any was made.
    pub(crate) typical_check: Duration,
}

/// What a check over the network takes.
const ASKED: Duration = Duration::from_millis(100);

/// Where it is kept and counted what became of messages, and what they cost.
#[derive(Clone)]
pub(crate) struct Traces {
    pub(crate) store: Arc<dyn SendTraceStore>,
    pub(crate) meter: Arc<dyn SendMeter>,
    /// Who is asked last, by what the traces tell.
    pub(crate) asked_last: Arc<AskedLast>,
    pub(crate) prices: Arc<CurrentPrices>,
}

/// Builds the providers of the settings, each of which leaves traces of its own.
pub(crate) fn provider(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    traces: &Traces,
) -> anyhow::Result<Provider> {
    if settings.routing.has_several() {
        several(settings, clock, traces)
    } else {
        alone(settings, clock, traces)
    }
}

fn alone(settings: &Settings, clock: &Arc<dyn Clock>, traces: &Traces) -> anyhow::Result<Provider> {
    let one = settings.providers.first().context("no provider was chosen")?;
    // Sinch bounds its own calls, and has a breaker that learns from all of them.
    let failover = (!matches!(one, ProviderSettings::Sinch)).then_some(settings.routing.failover);
    let Built { provider, dependency } = build(one, settings, clock, traces, failover)?;
    let router = Arc::new(ProviderRouter::alone(provider, failover));
    let dependency = dependency.unwrap_or_else(|| router.clone());
    Ok(Provider { typical_check: typical_check(one.name()), verification: router, dependency })
}

fn several(settings: &Settings, clock: &Arc<dyn Clock>, traces: &Traces) -> anyhow::Result<Provider> {
    let failover = settings.routing.failover;
    let built = settings
        .providers
        .iter()
        .map(|one| build(one, settings, clock, traces, Some(failover)).map(|built| built.provider));
    let routing = &settings.routing;
    let router = ProviderRouter::new(
        built.collect::<anyhow::Result<_>>()?,
        routing.routes.map(ProviderName::as_str),
        routing.default.as_str(),
        failover,
    )?;
    let router = Arc::new(router.with_reputation(traces.asked_last.clone()));
    let first = routing.routes.of(None).first().copied().unwrap_or(routing.default);
    Ok(Provider { typical_check: typical_check(first), verification: router.clone(), dependency: router })
}

/// Where nobody is asked decoys must not look as if somebody were.
const fn typical_check(name: ProviderName) -> Duration {
    match name {
        ProviderName::SelfIssued => Duration::ZERO,
        ProviderName::Sinch | ProviderName::Twilio | ProviderName::Vonage => ASKED,
    }
}

struct Built {
    provider: NamedProvider,
    dependency: Option<Arc<dyn Dependency>>,
}

/// Builds one. Where `failover` bounds it, it has no breaker of its own, and for a call four fifths of
/// the time of an attempt: the rest is for looking what became of a message, and for writing it down.
fn build(
    one: &ProviderSettings,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    traces: &Traces,
    failover: Option<Failover>,
) -> anyhow::Result<Built> {
    let within = |timeout: Duration| {
        failover.map_or(timeout, |failover| timeout.min(failover.attempt_timeout * 4 / 5))
    };
    let mut dependency: Option<Arc<dyn Dependency>> = None;
    let (provider, trust): (Arc<dyn VerificationProvider>, LookupTrust) = match one {
        ProviderSettings::Sinch => {
            let mut sinch = settings.sinch.clone();
            sinch.timeout = within(sinch.timeout);
            if failover.is_some() {
                sinch.breaker_faults = u32::MAX;
            }
            let sinch = Arc::new(SinchVerification::new(&sinch, clock.clone())?);
            dependency = Some(sinch.clone());
            (Arc::new(InTraceContext(sinch)), LookupTrust::ByReference)
        }
        ProviderSettings::Twilio(twilio) => {
            let twilio = VerifySettings { timeout: within(twilio.timeout), ..twilio.clone() };
            (Arc::new(TwilioVerify::new(&twilio)?), LookupTrust::ByNumber)
        }
        ProviderSettings::Vonage(vonage) => {
            let vonage = VonageSettings { timeout: within(vonage.timeout), ..vonage.clone() };
            // It finds nothing: it says that it cannot.
            (Arc::new(VonageVerify::new(&vonage)?), LookupTrust::ByReference)
        }
        ProviderSettings::SelfIssued(SelfIssuedSettings { gateway, product, site }) => {
            let self_issued = SelfIssued {
                gateway: text_gateway(gateway, clock, within)?,
                clock: clock.clone(),
                key: code_key(&settings.data_key),
                product: product.clone(),
                site: site.clone(),
                life: settings.challenges.ttl,
            };
            (Arc::new(self_issued), LookupTrust::Derived)
        }
    };
    let provider = match failover {
        Some(failover) => Arc::new(Bounded { provider, trust, timeout: failover.attempt_timeout }),
        None => provider,
    };
    let name = one.name();
    let provider = TracedProvider {
        clock: clock.clone(),
        name: name.as_str(),
        provider,
        traces: traces.store.clone(),
        meter: traces.meter.clone(),
        prices: traces.prices.clone(),
    };
    let provider =
        NamedProvider { name: name.as_str(), provider: Arc::new(provider), channels: name.channels(), trust };
    Ok(Built { provider, dependency })
}

fn code_key(data_key: &DataKey) -> CodeKey {
    CodeKey::new(&data_key.derive("codes of our own"))
}

fn text_gateway(
    settings: &GatewaySettings,
    clock: &Arc<dyn Clock>,
    within: impl Fn(Duration) -> Duration + Copy,
) -> anyhow::Result<Arc<dyn TextMessageGateway>> {
    Ok(match settings {
        GatewaySettings::SinchSms(sms) => {
            let sms = SmsSettings { timeout: within(sms.timeout), ..sms.clone() };
            Arc::new(SinchSms::new(&sms)?)
        }
        GatewaySettings::Twilio(messages) => {
            let messages = MessagesSettings { timeout: within(messages.timeout), ..messages.clone() };
            Arc::new(TwilioMessages::new(&messages)?)
        }
        GatewaySettings::Webhook(webhook) => {
            let webhook =
                TextMessageWebhook { timeout: within(webhook.timeout), ..TextMessageWebhook::clone(webhook) };
            Arc::new(WebhookGateway::new(webhook, clock.clone())?)
        }
    })
}

/// Hands the trace of the request on to the provider: HTTP surface and adapter
/// know nothing of each other.
struct InTraceContext(Arc<SinchVerification>);

impl InTraceContext {
    async fn within<F: Future>(call: F) -> F::Output {
        match http_actix::trace_context::current() {
            Some(traceparent) => adapters_sinch::trace_context::scope(traceparent, call).await,
            None => call.await,
        }
    }
}

#[async_trait]
impl VerificationProvider for InTraceContext {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        Self::within(self.0.start(request)).await
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        Self::within(self.0.find(reference, phone, channel)).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        Self::within(self.0.check(verification, code)).await
    }
}
