//! The time of a provider's calls.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use ports::{CodeCheck, CodeRequest, ProviderFault, StartError, StartedVerification, VerificationProvider};

/// A provider whose calls end within their time. Of a start that does not nobody knows what came.
///
/// What is done around the calls, such as writing down what became of a message, belongs around
/// this, so that it is not taken for the provider's fault.
pub struct Bounded {
    pub provider: Arc<dyn VerificationProvider>,
    pub timeout: Duration,
}

impl Bounded {
    async fn within<F: Future>(&self, call: F) -> Result<F::Output, ProviderFault> {
        let late = |_| ProviderFault("it did not answer in its time".to_owned());
        tokio::time::timeout(self.timeout, call).await.map_err(late)
    }
}

#[async_trait]
impl VerificationProvider for Bounded {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let started = self.within(self.provider.start(request)).await;
        started.unwrap_or_else(|fault| Err(StartError::Unknown(fault)))
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        self.within(self.provider.find(reference, phone, channel)).await?
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        self.within(self.provider.check(verification, code)).await?
    }
}
