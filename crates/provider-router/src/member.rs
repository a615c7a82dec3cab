//! One provider among several: its places and its breakers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{
    Admission, Breaker, BreakerChange, CallEnd, Channel, Code, PhoneNumber, ProviderId, SendReference,
};
use ports::{CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use crate::{Failover, LookupTrust, NamedProvider};

/// A provider that others may stand in for.
pub(crate) struct Member {
    provider: NamedProvider,
    /// `None`: it bounds its own calls.
    failover: Option<Failover>,
    /// Of calls that are under way.
    places: Semaphore,
    /// One for each channel, because an account may have texts and no calls. They learn from starts
    /// alone: a provider may check codes well and send none. The locks are held for a few
    /// instructions, never across an await.
    breakers: Vec<(Channel, Mutex<Breaker>)>,
}

impl Member {
    pub(crate) fn new(provider: NamedProvider, failover: Option<Failover>) -> Self {
        let most_calls = failover.map_or(Semaphore::MAX_PERMITS, |failover| failover.most_calls);
        let breakers = provider.channels.iter().map(|channel| (*channel, Mutex::default())).collect();
        Self { provider, failover, places: Semaphore::new(most_calls), breakers }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.provider.name
    }

    pub(crate) fn trust(&self) -> LookupTrust {
        self.provider.trust
    }

    pub(crate) fn speaks(&self, channel: Channel) -> bool {
        self.provider.channels.contains(&channel)
    }

    /// Whether it would be asked for a message by its first channel now.
    pub(crate) fn is_available(&self) -> bool {
        self.breakers.first().is_some_and(|(_, breaker)| lock(breaker).admits(now()))
    }

    pub(crate) async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let not_sent = |why: &str| Err(StartError::NotSent(NotSent::Fault(ProviderFault(why.to_owned()))));
        let Some(pass) = self.pass(request.channel) else {
            return not_sent("it is down and not asked for a while");
        };
        let Ok(_place) = self.places.try_acquire() else {
            return not_sent("too many calls of it are under way");
        };
        let started = self.provider.provider.start(request).await;
        pass.end(match &started {
            Err(StartError::NotSent(NotSent::Fault(_)) | StartError::Unknown(_)) => CallEnd::Failed,
            Ok(_) | Err(StartError::NotSent(_) | StartError::Shielded { .. }) => CallEnd::Answered,
        });
        started
    }

    pub(crate) async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let _place = self.place().await?;
        self.provider.provider.find(reference, phone, channel).await
    }

    pub(crate) async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        let _place = self.place().await?;
        self.provider.provider.check(verification, code).await
    }

    /// Waits for a place, for nobody else could answer; not longer than a call may take.
    async fn place(&self) -> Result<Option<SemaphorePermit<'_>>, ProviderFault> {
        let Some(failover) = self.failover else { return Ok(None) };
        match timeout(failover.attempt_timeout, self.places.acquire()).await {
            // Nobody closes it.
            Ok(place) => Ok(place.ok()),
            Err(_) => Err(ProviderFault("too many calls of it are under way".to_owned())),
        }
    }

    /// Leave to ask for a message by a channel that it has.
    fn pass(&self, channel: Channel) -> Option<Pass<'_>> {
        let (_, breaker) = self.breakers.iter().find(|(known, _)| *known == channel)?;
        let admission = lock(breaker).admit(now())?;
        Some(Pass { member: self, channel, breaker, admission: Some(admission) })
    }

    fn end(&self, channel: Channel, breaker: &Mutex<Breaker>, admission: Admission, end: CallEnd) {
        let Some(Failover { breaker: policy, .. }) = self.failover else { return };
        let change = lock(breaker).end(admission, end, policy, now());
        let (provider, channel) = (self.name(), channel.as_str());
        match change {
            Some(BreakerChange::Opened) => tracing::error!(
                event = "provider_down",
                provider,
                channel,
                pause_seconds = policy.open_for.as_secs_f64(),
                "the provider is down: it is not asked for messages for a while"
            ),
            Some(BreakerChange::Closed) => {
                tracing::info!(event = "provider_back", provider, channel, "the provider is back");
            }
            None => {}
        }
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
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
    channel: Channel,
    breaker: &'a Mutex<Breaker>,
    admission: Option<Admission>,
}

impl Pass<'_> {
    fn end(mut self, end: CallEnd) {
        self.tell(end);
    }

    fn tell(&mut self, end: CallEnd) {
        if let Some(admission) = self.admission.take() {
            self.member.end(self.channel, self.breaker, admission, end);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.tell(CallEnd::Abandoned);
    }
}
