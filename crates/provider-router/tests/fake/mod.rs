//! A provider whose manner a test chooses.

use std::{
    collections::BTreeSet,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{BreakerPolicy, Channel, Code, PhoneNumber, ProviderId, ProviderRoutes, Purpose, SendReference};
use jiff::SignedDuration;
use ports::{
    CodeCheck, CodeRequest, NotSent, ProviderFault, StartError, StartedVerification, VerificationProvider,
};
use provider_router::{AfterLostAnswer, Bounded, Failover, LookupTrust, NamedProvider, ProviderRouter};
use uuid::Uuid;

pub(crate) const BUDGET: Duration = Duration::from_secs(3);
pub(crate) const PAUSE: Duration = Duration::from_secs(10);
pub(crate) const WITHIN: Duration = Duration::from_secs(1);

/// How a provider treats those who ask.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    Works,
    /// Refuses connections.
    Away,
    HangsBeforeSending,
    HangsAfterSending,
    LosesItsAnswer,
    /// Sends, and cannot tell for a while.
    LosesEveryAnswer,
    /// Sends at once.
    AnswersAfter(Duration),
    RefusesTheNumber,
    FindsItTooSoon,
    LiesInItsId(&'static str),
}

pub(crate) struct Fake {
    name: &'static str,
    trust: LookupTrust,
    channels: &'static [Channel],
    manner: Mutex<Manner>,
    started: Mutex<BTreeSet<String>>,
    sent: AtomicU32,
    checks: AtomicU32,
    checked: Mutex<Option<Channel>>,
}

impl Fake {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Self::finding(name, LookupTrust::ByReference)
    }

    pub(crate) fn finding(name: &'static str, trust: LookupTrust) -> Arc<Self> {
        Self::with(name, trust, &[Channel::Sms])
    }

    fn with(name: &'static str, trust: LookupTrust, channels: &'static [Channel]) -> Arc<Self> {
        Arc::new(Self {
            name,
            trust,
            channels,
            manner: Mutex::new(Manner::Works),
            started: Mutex::default(),
            sent: AtomicU32::new(0),
            checks: AtomicU32::new(0),
            checked: Mutex::default(),
        })
    }

    /// Without bounds of its own.
    pub(crate) fn unbounded(self: &Arc<Self>) -> NamedProvider {
        NamedProvider { provider: Arc::new(Handle(self.clone())), ..self.named() }
    }

    pub(crate) fn named(self: &Arc<Self>) -> NamedProvider {
        let (name, trust, channels) = (self.name, self.trust, self.channels);
        let handle = Arc::new(Handle(self.clone()));
        NamedProvider {
            name,
            provider: Arc::new(Bounded { provider: handle, trust, timeout: BUDGET }),
            channels,
            trust,
        }
    }

    pub(crate) fn is(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// How many messages it sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn checks(&self) -> u32 {
        self.checks.load(Ordering::SeqCst)
    }

    /// By which channel it last checked a code.
    pub(crate) fn checked(&self) -> Option<Channel> {
        *self.checked.lock().unwrap()
    }

    /// Has started this before; its id.
    pub(crate) fn knows(&self, request: &CodeRequest) -> ProviderId {
        let id = self.id(request.reference);
        self.started.lock().unwrap().insert(id.0.clone());
        id
    }

    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap()
    }

    fn id(&self, reference: SendReference) -> ProviderId {
        ProviderId(format!("{}-{}", self.name, reference.0))
    }

    fn send(&self, request: &CodeRequest) -> ProviderId {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.knows(request)
    }
}

struct Handle(Arc<Fake>);

fn away() -> ProviderFault {
    ProviderFault("away".to_owned())
}

#[async_trait]
impl VerificationProvider for Handle {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let fake = &self.0;
        let not_sent = |reason| Err(StartError::NotSent(reason));
        match fake.manner() {
            Manner::Works => Ok(fake.send(request)),
            Manner::Away => not_sent(NotSent::Fault(away())),
            Manner::HangsBeforeSending => pending().await,
            Manner::HangsAfterSending => {
                fake.send(request);
                pending().await
            }
            Manner::LosesItsAnswer | Manner::LosesEveryAnswer => {
                fake.send(request);
                Err(StartError::Unknown(away()))
            }
            Manner::AnswersAfter(time) => {
                let id = fake.send(request);
                tokio::time::sleep(time).await;
                Ok(id)
            }
            Manner::RefusesTheNumber => {
                not_sent(NotSent::DestinationRefused("not to this number".to_owned()))
            }
            Manner::FindsItTooSoon => not_sent(NotSent::TooSoon),
            Manner::LiesInItsId(id) => {
                fake.send(request);
                Ok(ProviderId(id.to_owned()))
            }
        }
    }

    async fn find(
        &self,
        reference: SendReference,
        _: &PhoneNumber,
        _: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let fake = &self.0;
        let id = fake.id(reference);
        match fake.manner() {
            Manner::Away | Manner::LosesEveryAnswer => Err(away()),
            Manner::HangsBeforeSending | Manner::HangsAfterSending => pending().await,
            _ if fake.trust == LookupTrust::Derived => Ok(Some(id)),
            _ => Ok(fake.started.lock().unwrap().contains(&id.0).then_some(id)),
        }
    }

    async fn check(&self, asked: &StartedVerification, given: &Code) -> Result<CodeCheck, ProviderFault> {
        let fake = &self.0;
        match fake.manner() {
            Manner::Away | Manner::LosesEveryAnswer => return Err(away()),
            Manner::HangsBeforeSending | Manner::HangsAfterSending => return pending().await,
            _ => {}
        }
        fake.checks.fetch_add(1, Ordering::SeqCst);
        *fake.checked.lock().unwrap() = Some(asked.channel);
        if !fake.started.lock().unwrap().contains(&asked.id.0) {
            return Ok(CodeCheck::Gone);
        }
        Ok(if given.expose() == code().expose() { CodeCheck::Accepted } else { CodeCheck::Wrong })
    }
}

pub(crate) fn failover() -> Failover {
    Failover {
        breaker: BreakerPolicy { faults_to_open: 3, open_for: PAUSE },
        attempt_timeout: BUDGET,
        most_calls: 100,
        after_lost_answer: AfterLostAnswer::AskNext,
    }
}

/// Two, the first of which is asked first.
pub(crate) fn pair() -> (Arc<Fake>, Arc<Fake>, ProviderRouter) {
    both(Fake::new("first"), Fake::new("second"), failover())
}

/// Two, the second of which is not asked for what the first may have sent.
pub(crate) fn cautious_pair() -> (Arc<Fake>, Arc<Fake>, ProviderRouter) {
    let failover = Failover { after_lost_answer: AfterLostAnswer::Stop, ..failover() };
    both(Fake::new("first"), Fake::new("second"), failover)
}

/// Two, of which only the second makes calls.
pub(crate) fn mute_and_speaking() -> (Arc<Fake>, Arc<Fake>, ProviderRouter) {
    let speaks = Fake::with("speaks", LookupTrust::ByReference, &[Channel::Sms, Channel::Voice]);
    both(Fake::new("mute"), speaks, failover())
}

fn both(first: Arc<Fake>, second: Arc<Fake>, failover: Failover) -> (Arc<Fake>, Arc<Fake>, ProviderRouter) {
    let order = ProviderRoutes::new(vec![first.name, second.name]).unwrap();
    let providers = vec![first.named(), second.named()];
    let router = ProviderRouter::new(providers, order, first.name, failover).unwrap();
    (first, second, router)
}

pub(crate) fn code() -> Code {
    Code::parse("123456").unwrap()
}

pub(crate) fn phone() -> PhoneNumber {
    phone_of("+46701740605")
}

pub(crate) fn phone_of(e164: &str) -> PhoneNumber {
    PhoneNumber::from_stored(e164).unwrap()
}

/// A message to [`phone`], under the reference `n`.
pub(crate) fn request(n: u128) -> CodeRequest {
    CodeRequest {
        reference: SendReference(Uuid::from_u128(n)),
        phone: phone(),
        purpose: Purpose::Login,
        channel: Channel::Sms,
        locale: None,
        life: SignedDuration::from_mins(10),
    }
}

pub(crate) fn voice(n: u128) -> CodeRequest {
    CodeRequest { channel: Channel::Voice, ..request(n) }
}
