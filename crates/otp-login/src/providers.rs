//! Which adapter makes, sends and checks codes.

use std::{sync::Arc, time::Duration};

use adapters_crypto::DataKey;
use adapters_self_issued::{CodeKey, SelfIssued};
use adapters_sinch::{SinchSms, SinchVerification};
use adapters_twilio::{TwilioMessages, TwilioVerify};
use adapters_vonage::VonageVerify;
use adapters_webhooks::WebhookGateway;
use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use ports::{
    Clock, CodeCheck, CodeRequest, Dependency, ProviderFault, StartError, StartedVerification,
    TextMessageGateway, VerificationProvider,
};

use crate::settings::{GatewaySettings, ProviderSettings, SelfIssuedSettings, Settings};

/// The provider that was chosen.
pub(crate) struct Provider {
    pub(crate) verification: Arc<dyn VerificationProvider>,
    /// What readiness tells of it, if it tells anything.
    pub(crate) dependency: Option<Arc<dyn Dependency>>,
    /// How long a check takes before any was made.
    pub(crate) typical_check: Duration,
}

/// What a check over the network takes.
const ASKED: Duration = Duration::from_millis(100);

/// Builds the provider of the settings.
pub(crate) fn provider(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Provider> {
    let asked = |verification| Provider { verification, dependency: None, typical_check: ASKED };
    Ok(match &settings.provider {
        ProviderSettings::Sinch => {
            let sinch = Arc::new(SinchVerification::new(&settings.sinch, clock.clone())?);
            Provider { dependency: Some(sinch.clone()), ..asked(Arc::new(Traced(sinch))) }
        }
        ProviderSettings::Twilio(twilio) => asked(Arc::new(TwilioVerify::new(twilio)?)),
        ProviderSettings::Vonage(vonage) => asked(Arc::new(VonageVerify::new(vonage)?)),
        ProviderSettings::SelfIssued(SelfIssuedSettings { gateway, product, site }) => {
            let self_issued = SelfIssued {
                gateway: text_gateway(gateway, clock)?,
                clock: clock.clone(),
                key: code_key(&settings.data_key),
                product: product.clone(),
                site: site.clone(),
                life: settings.challenges.ttl,
            };
            // Nobody is asked, so decoys must not look as if somebody were.
            Provider { typical_check: Duration::ZERO, ..asked(Arc::new(self_issued)) }
        }
    })
}

fn code_key(data_key: &DataKey) -> CodeKey {
    CodeKey::new(&data_key.derive("codes of our own"))
}

fn text_gateway(
    settings: &GatewaySettings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn TextMessageGateway>> {
    Ok(match settings {
        GatewaySettings::SinchSms(sms) => Arc::new(SinchSms::new(sms)?),
        GatewaySettings::Twilio(messages) => Arc::new(TwilioMessages::new(messages)?),
        GatewaySettings::Webhook(webhook) => Arc::new(WebhookGateway::new(*webhook.clone(), clock.clone())?),
    })
}

/// Hands the trace of the request on to the provider: HTTP surface and adapter
/// know nothing of each other.
struct Traced(Arc<SinchVerification>);

impl Traced {
    async fn within<F: Future>(call: F) -> F::Output {
        match http_actix::trace_context::current() {
            Some(traceparent) => adapters_sinch::trace_context::scope(traceparent, call).await,
            None => call.await,
        }
    }
}

#[async_trait]
impl VerificationProvider for Traced {
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
