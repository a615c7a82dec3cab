//! A trace of each message, around the provider.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Channel, Code, CountryCode, PhoneNumber, ProviderId, SendLabels, SendReference, Settlement};
use ports::{
    Clock, CodeCheck, CodeRequest, MeteredStep, NewSendTrace, NotSent, ProviderFault, SendMeter,
    SendTraceStore, StartError, StartedVerification, StoreError, VerificationProvider,
};

use crate::CurrentPrices;

/// A provider whose messages leave a trace.
///
/// The trace begins before the provider is asked, so that what the provider then tells of the message
/// by itself finds it. Whoever sends or signs in never waits for more than the statements of the
/// trace, and never fails because of them, save that a provider that asks back about a message
/// without a trace is told that it is none of ours.
pub struct TracedProvider {
    pub clock: Arc<dyn Clock>,
    /// What operators call the provider.
    pub name: &'static str,
    pub provider: Arc<dyn VerificationProvider>,
    pub traces: Arc<dyn SendTraceStore>,
    pub meter: Arc<dyn SendMeter>,
    pub prices: Arc<CurrentPrices>,
}

impl TracedProvider {
    fn labels(&self, channel: Channel, country: Option<CountryCode>) -> SendLabels {
        let country = country.map(|country| country.as_str().to_owned()).unwrap_or_default();
        SendLabels { provider: self.name, channel, country }
    }

    async fn settle(&self, reference: SendReference, settlement: Settlement, id: Option<ProviderId>) {
        or_gap(self.traces.settle_trace(reference, self.name, settlement, id, self.clock.now()).await);
    }
}

/// A trace with a gap is better than a sign-in that fails.
fn or_gap<T>(recorded: Result<T, StoreError>) -> Option<T> {
    recorded
        .inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "the trace of a message has a gap");
        })
        .ok()
}

fn settlement(started: &Result<ProviderId, StartError>) -> Settlement {
    match started {
        Ok(_) => Settlement::Sent,
        Err(StartError::Unknown(_)) => Settlement::Unknown,
        Err(StartError::NotSent(NotSent::DestinationRefused(_))) => Settlement::DestinationRefused,
        Err(StartError::NotSent(NotSent::TooSoon)) => Settlement::TooSoon,
        Err(StartError::NotSent(NotSent::Fault(_)) | StartError::Shielded { .. }) => Settlement::Fault,
    }
}

#[async_trait]
impl VerificationProvider for TracedProvider {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let country = request.phone.region();
        let cost = self.prices.by(self.name, country, request.channel);
        let trace = NewSendTrace {
            reference: request.reference,
            provider: self.name,
            phone: request.phone.clone(),
            purpose: request.purpose,
            channel: request.channel,
            country,
            cost,
        };
        or_gap(self.traces.begin_trace(&trace, self.clock.now()).await);
        let started = self.provider.start(request).await;
        let settlement = settlement(&started);
        self.settle(request.reference, settlement, started.as_ref().ok().cloned()).await;
        let step = if settlement.may_have_left() {
            MeteredStep::Sent { cost }
        } else {
            MeteredStep::NotSent(settlement)
        };
        self.meter.count_step(&self.labels(request.channel, country), step);
        started
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let found = self.provider.find(reference, phone, channel).await?;
        if let Some(id) = &found {
            self.settle(reference, Settlement::Sent, Some(id.clone())).await;
        }
        Ok(found)
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        let answer = self.provider.check(verification, code).await?;
        if answer == CodeCheck::Accepted {
            let entry = self.traces.record_entry(self.name, &verification.id, self.clock.now()).await;
            if let Some(entry) = or_gap(entry).flatten() {
                let labels = self.labels(entry.channel, entry.country);
                self.meter.count_step(&labels, MeteredStep::Entered { took: entry.took });
            }
        }
        Ok(answer)
    }
}
