//! The ports that this crate stands behind.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Channel, Code, Locale, PhoneNumber, ProviderId, SendReference};
use ports::{
    Clock, CodeCheck, CodeRequest, Dependency, ProviderFault, StartError, StartedVerification, Unready,
    VerificationProvider,
};

use crate::check::check;
use crate::find::find;
use crate::settings::{InvalidSinchSettings, Settings};
use crate::start::start;
use crate::transport::{NoAnswer, Share, Transport};

/// A Sinch application that verifies telephone numbers.
pub struct SinchVerification {
    transport: Transport,
    default_locale: Option<Locale>,
}

impl SinchVerification {
    /// Checks the settings and prepares the connection pool; asks nothing yet.
    ///
    /// `clock` dates the signatures: Sinch refuses requests that look old.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSinchSettings> {
        let transport = Transport::new(settings, clock)?;
        Ok(Self { transport, default_locale: settings.default_locale.clone() })
    }

    /// Whether Sinch would be asked now; `false` while the breaker is open.
    pub fn is_available(&self) -> bool {
        self.transport.is_available()
    }
}

#[async_trait]
impl VerificationProvider for SinchVerification {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        start(&self.transport, request, self.default_locale.as_ref()).await
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let call = self.transport.begin().await.map_err(NoAnswer::into_fault)?;
        find(&call, reference, phone, channel, Share::Rest).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        check(&self.transport, verification, code).await
    }
}

/// Ready unless the breaker is open. Nothing is asked for it: a probe of Sinch
/// would cost every replica a request a second.
#[async_trait]
impl Dependency for SinchVerification {
    fn name(&self) -> &'static str {
        "provider"
    }

    async fn probe(&self) -> Result<(), Unready> {
        if self.is_available() {
            return Ok(());
        }
        Err(Unready("Sinch failed several times in a row and is not asked for a while".to_owned()))
    }
}
