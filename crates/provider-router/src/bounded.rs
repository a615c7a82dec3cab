//! The time of a provider's calls.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use ports::{CodeCheck, CodeRequest, ProviderFault, StartError, StartedVerification, VerificationProvider};
use tokio::time::{Instant, timeout};

use crate::LookupTrust;

/// A provider whose calls end within their time. Where the answer to a start is lost, it is asked within
/// what is left of that time what became of it; of a start that takes all of it nobody knows.
///
/// What is done around the calls, such as writing down what became of a message, belongs around
/// this, so that it is not taken for the provider's fault.
pub struct Bounded {
    pub provider: Arc<dyn VerificationProvider>,
    pub trust: LookupTrust,
    pub timeout: Duration,
}

impl Bounded {
    async fn within<F: Future>(&self, call: F) -> Result<F::Output, ProviderFault> {
        let late = |_| ProviderFault("it did not answer in its time".to_owned());
        timeout(self.timeout, call).await.map_err(late)
    }
}

#[async_trait]
impl VerificationProvider for Bounded {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let begun = Instant::now();
        let started = self.within(self.provider.start(request)).await;
        let started = started.unwrap_or_else(|fault| Err(StartError::Unknown(fault)));
        // What else is found may be of another time or purpose.
        if !matches!(started, Err(StartError::Unknown(_))) || self.trust != LookupTrust::ByReference {
            return started;
        }
        let left = self.timeout.saturating_sub(begun.elapsed());
        let CodeRequest { reference, phone, channel, .. } = request;
        match timeout(left, self.provider.find(*reference, phone, *channel)).await {
            Ok(Ok(Some(id))) => Ok(id),
            // The request may still be under way.
            Ok(Ok(None) | Err(_)) | Err(_) => started,
        }
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
