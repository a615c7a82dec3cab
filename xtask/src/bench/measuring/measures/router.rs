//! What the router of providers adds to a call, and how one that hangs gives way.
//!
//! The providers answer at once and do nothing, so that what is left is the router's. No log is
//! written: the service writes a line more for each message that another provider sends.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use domain::{BreakerPolicy, Channel, Code, PhoneNumber, ProviderId, ProviderRoutes, Purpose, SendReference};
use jiff::SignedDuration;
use ports::{CodeCheck, CodeRequest, ProviderFault, StartError, StartedVerification, VerificationProvider};
use provider_router::{AfterLostAnswer, Bounded, Failover, LookupTrust, NamedProvider, ProviderRouter};
use tokio::task::yield_now;
use uuid::Uuid;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::statistics::Rounds;

/// Each way.
const CALLS: u32 = 50_000;
/// Not counted: caches and the memory of the process.
const WARM_UP: u32 = 1_000;
const ATTEMPT: Duration = Duration::from_millis(500);
/// As the service comes.
const FAULTS_TO_OPEN: u32 = 5;
/// Longer than any measurement takes.
const PAUSE: Duration = Duration::from_hours(1);

const FIRST: &str = "first";
const SECOND: &str = "second";

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let healthy = router(Fake::Answers)?;
    let calls = Calls::measure(&healthy, FIRST).await?;
    figures.add("router_added_p50_micros", calls.added.median()?);
    figures.add("router_added_p99_micros", calls.added.p99()?);

    let failing = router(Fake::Hangs)?;
    let mut hung = Rounds::new();
    for number in 0..FAULTS_TO_OPEN {
        hung.push(start_micros(&failing, number, Some(SECOND)).await? / 1000.0);
    }
    figures.add_median("failover_hang_ms", &hung)?;

    // It was the last one that was waited for: the breaker is open now.
    let calls = Calls::measure(&failing, SECOND).await?;
    figures.add("failover_open_ms", calls.through.p99()? / 1000.0);
    figures.add("router_open_added_p50_micros", calls.added.median()?);
    figures.add("router_open_added_p99_micros", calls.added.p99()?);
    Ok(())
}

/// How long calls took, in microseconds.
struct Calls {
    /// Through the router.
    through: Rounds,
    /// By how much more than a call of the provider just before or after.
    added: Rounds,
}

impl Calls {
    /// In turns, and each goes first as often as the other, so that what disturbs the machine
    /// disturbs both.
    async fn measure(router: &ProviderRouter, answers: &str) -> Result<Self> {
        let provider: Arc<dyn VerificationProvider> = Arc::new(Fake::Answers);
        let provider = provider.as_ref();
        let mut calls = Self { through: Rounds::new(), added: Rounds::new() };
        for number in 0..WARM_UP + CALLS {
            let before = number.is_multiple_of(2);
            let mut direct = 0.0;
            if before {
                direct = start_micros(provider, number, None).await?;
            }
            let through = start_micros(router, number, Some(answers)).await?;
            if !before {
                direct = start_micros(provider, number, None).await?;
            }
            if number >= WARM_UP {
                calls.through.push(through);
                calls.added.push(through - direct);
            }
        }
        Ok(calls)
    }
}

/// How long a start takes, which has to be answered by the provider of this name.
async fn start_micros(
    provider: &dyn VerificationProvider,
    number: u32,
    answers: Option<&str>,
) -> Result<f64> {
    let request = request(number)?;
    let begun = Instant::now();
    let started = provider.start(&request).await;
    let took = begun.elapsed();
    let id = started.context("no provider answered")?;
    let (name, ..) = id.origin();
    ensure!(name == answers, "the provider {answers:?} was to answer, not {name:?}");
    Ok(took.as_secs_f64() * 1_000_000.0)
}

fn request(number: u32) -> Result<CodeRequest> {
    Ok(CodeRequest {
        reference: SendReference(Uuid::from_u128(number.into())),
        phone: PhoneNumber::from_stored("+46701740605").context("a phone number")?,
        purpose: Purpose::Login,
        channel: Channel::Sms,
        locale: None,
        life: SignedDuration::from_mins(10),
    })
}

/// Asks `first`, and then one that answers.
fn router(first: Fake) -> Result<ProviderRouter> {
    let routes = ProviderRoutes::new(vec![FIRST, SECOND]).context("a route")?;
    let failover = Failover {
        breaker: BreakerPolicy { faults_to_open: FAULTS_TO_OPEN, open_for: PAUSE },
        attempt_timeout: ATTEMPT,
        most_calls: 64,
        after_lost_answer: AfterLostAnswer::AskNext,
    };
    let providers = vec![first.named(FIRST), Fake::Answers.named(SECOND)];
    ProviderRouter::new(providers, routes, FIRST, failover).context("a router")
}

#[derive(Clone, Copy)]
enum Fake {
    Answers,
    Hangs,
}

impl Fake {
    fn named(self, name: &'static str) -> NamedProvider {
        let channels = &[Channel::Sms];
        let provider =
            Arc::new(Bounded { provider: Arc::new(self), trust: LookupTrust::ByReference, timeout: ATTEMPT });
        NamedProvider { name, provider, channels, trust: LookupTrust::ByReference }
    }

    /// Never at once: as with an answer that comes over a network, the router sets its timer.
    async fn answer<T>(self, answer: T) -> T {
        match self {
            Self::Answers => yield_now().await,
            Self::Hangs => pending().await,
        }
        answer
    }
}

#[async_trait]
impl VerificationProvider for Fake {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        self.answer(Ok(ProviderId(request.reference.0.to_string()))).await
    }

    async fn find(
        &self,
        _: SendReference,
        _: &PhoneNumber,
        _: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        self.answer(Ok(None)).await
    }

    async fn check(&self, _: &StartedVerification, _: &Code) -> Result<CodeCheck, ProviderFault> {
        self.answer(Ok(CodeCheck::Accepted)).await
    }
}
