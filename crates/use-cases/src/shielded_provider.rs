//! The fraud shield before the provider.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    Channel, Code, Finding, Outcome, PhoneNumber, ProviderId, SendReference, Shield, ShieldRule, Verdict,
};
use ports::{
    Clock, CodeCheck, CodeRequest, NotSent, ProviderFault, ShieldStore, ShieldedSend, StartError,
    StartedVerification, VerificationProvider,
};

use crate::CurrentPrices;

/// A provider that sends only what the fraud shield admits.
///
/// Whoever reserved a message asks it like any provider and is told that certainly nothing was
/// sent when the shield refuses. While the counters cannot be reached nothing is sent.
pub struct ShieldedProvider {
    pub clock: Arc<dyn Clock>,
    pub provider: Arc<dyn VerificationProvider>,
    pub store: Arc<dyn ShieldStore>,
    pub shield: Arc<Shield>,
    pub prices: Arc<CurrentPrices>,
}

impl ShieldedProvider {
    fn send(&self, request: &CodeRequest) -> ShieldedSend {
        let (origin, reference) = (request.purpose.origin(), Some(request.reference));
        let send = ShieldedSend::new(request.phone.clone(), origin, reference);
        ShieldedSend { cost: self.prices.of(send.country, request.channel), ..send }
    }

    /// Tells operators what the shield found, without the number.
    fn tell(send: &ShieldedSend, findings: &[Finding]) {
        for Finding { outcome, rule, scope, reason } in findings {
            let (event, rule, origin) = (outcome.event(), rule.as_str(), send.origin.as_str());
            let country = send.country.as_ref().map(domain::CountryCode::as_str);
            if *outcome == Outcome::Heal {
                tracing::info!(event, rule, %scope, country, origin, %reason);
            } else {
                tracing::warn!(event, rule, %scope, country, origin, %reason);
            }
        }
    }
}

#[async_trait]
impl VerificationProvider for ShieldedProvider {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        if self.shield.is_off() {
            return self.provider.start(request).await;
        }
        let now = self.clock.now();
        let send = self.send(request);
        let ruling = self.store.admit(&send, &self.shield, now).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the shield could not count");
            let fault = ProviderFault("the counters of the fraud shield cannot be reached".to_owned());
            StartError::NotSent(NotSent::Fault(fault))
        })?;
        Self::tell(&send, &ruling.findings);
        if let Verdict::Refuse(objection) = ruling.verdict {
            let is_over_budget = objection.rule == ShieldRule::Budget;
            return Err(StartError::Shielded { retry_at: objection.retry_at, is_over_budget });
        }
        let started = self.provider.start(request).await;
        if let Err(StartError::NotSent(_)) = &started
            && let Err(error) = self.store.take_back(&send, now).await
        {
            // What was not sent counts as sent until its window has passed.
            tracing::warn!(error = &error as &dyn std::error::Error, "the shield could not take back");
        }
        started
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        self.provider.find(reference, phone, channel).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        self.provider.check(verification, code).await
    }
}
