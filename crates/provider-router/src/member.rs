//! One provider among several: its time, its places and its breaker.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{
    Admission, Breaker, BreakerChange, CallEnd, Channel, Code, PhoneNumber, ProviderId, SendReference,
};
use ports::{CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{Failover, Finds, NamedProvider};

/// A provider that others may stand in for.
pub(crate) struct Member {
    provider: NamedProvider,
    /// `None`: it bounds its own calls.
    failover: Option<Failover>,
    /// Of calls that are under way.
    places: Semaphore,
    /// Learns from starts alone: a provider may check codes well and send none. The lock is held
    /// for a few instructions, never across an await.
    breaker: Mutex<Breaker>,
}

impl Member {
    pub(crate) fn new(provider: NamedProvider, failover: Option<Failover>) -> Self {
        let most_calls = failover.map_or(Semaphore::MAX_PERMITS, |failover| failover.most_calls);
        let places = Semaphore::new(most_calls);
        Self { provider, failover, places, breaker: Mutex::new(Breaker::default()) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.provider.name
    }

    pub(crate) fn finds(&self) -> Finds {
        self.provider.finds
    }

    pub(crate) fn speaks(&self, channel: Channel) -> bool {
        self.provider.channels.contains(&channel)
    }

    /// Whether it would be asked for a message now.
    pub(crate) fn is_available(&self) -> bool {
        self.lock().admits(now())
    }

    pub(crate) async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let Some(pass) = self.pass() else {
            let fault = ProviderFault("it is down and not asked for a while".to_owned());
            return Err(StartError::NotSent(NotSent::Fault(fault)));
        };
        let Ok(_place) = self.places.try_acquire() else {
            let fault = ProviderFault("too many calls of it are under way".to_owned());
            return Err(StartError::NotSent(NotSent::Fault(fault)));
        };
        let started = self.within(self.attempt(request)).await;
        let started = started.unwrap_or_else(|fault| Err(StartError::Unknown(fault)));
        pass.end(match &started {
            Err(StartError::NotSent(NotSent::Fault(_)) | StartError::Unknown(_)) => CallEnd::Failed,
            Ok(_) | Err(StartError::NotSent(_) | StartError::Shielded { .. }) => CallEnd::Answered,
        });
        started
    }

    /// Asks for a message, and where the answer is lost what became of it.
    async fn attempt(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let CodeRequest { reference, phone, channel, .. } = request;
        let started = self.provider.provider.start(request).await;
        let Err(StartError::Unknown(_)) = started else { return started };
        // What is always found proves nothing, and one that is alone was asked enough.
        if self.failover.is_none() || self.finds() == Finds::Always {
            return started;
        }
        match self.provider.provider.find(*reference, phone, *channel).await {
            Ok(Some(id)) => Ok(id),
            // The request may still be under way.
            Ok(None) | Err(_) => started,
        }
    }

    pub(crate) async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        self.within(self.in_place(self.provider.provider.find(reference, phone, channel))).await?
    }

    pub(crate) async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        self.within(self.in_place(self.provider.provider.check(verification, code))).await?
    }

    /// Waits for a place: nobody else could answer.
    async fn in_place<F: Future>(&self, call: F) -> F::Output {
        // Nobody closes it.
        let _place = self.places.acquire().await;
        call.await
    }

    async fn within<F: Future>(&self, call: F) -> Result<F::Output, ProviderFault> {
        let Some(Failover { attempt_timeout, .. }) = self.failover else { return Ok(call.await) };
        let late = |_| ProviderFault(format!("{} did not answer in its time", self.name()));
        timeout(attempt_timeout, call).await.map_err(late)
    }

    fn pass(&self) -> Option<Pass<'_>> {
        let admission = self.lock().admit(now())?;
        Some(Pass { member: self, admission: Some(admission) })
    }

    fn end(&self, admission: Admission, end: CallEnd) {
        let Some(Failover { breaker: policy, .. }) = self.failover else { return };
        let change = self.lock().end(admission, end, policy, now());
        let provider = self.name();
        match change {
            Some(BreakerChange::Opened) => tracing::error!(
                event = "provider_down",
                provider,
                pause_seconds = policy.open_for.as_secs_f64(),
                "the provider is down: it is not asked for messages for a while"
            ),
            Some(BreakerChange::Closed) => {
                tracing::info!(event = "provider_back", provider, "the provider is back");
            }
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the clock that tests can drive.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Leave to ask for one message. Dropped without an end, because its caller went away, it says
/// nothing of the provider.
#[must_use]
struct Pass<'a> {
    member: &'a Member,
    admission: Option<Admission>,
}

impl Pass<'_> {
    fn end(mut self, end: CallEnd) {
        self.tell(end);
    }

    fn tell(&mut self, end: CallEnd) {
        if let Some(admission) = self.admission.take() {
            self.member.end(admission, end);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.tell(CallEnd::Abandoned);
    }
}
