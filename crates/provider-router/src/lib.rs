//! Several providers of codes behind one [`ports::VerificationProvider`].
//!
//! The country of a number says in which order they are asked ([`domain::ProviderRoutes`]). One
//! that failed several times in a row is passed over for a while. What comes of a start decides
//! whether the next one is asked, within the same call:
//!
//! | a provider says | what follows |
//! |---|---|
//! | started | its id, with the name of the provider before it |
//! | nothing was sent: it is away, busy, or refuses us | the next one is asked |
//! | nothing was sent: not to this number, or too soon | that is the answer. Such refusals protect the number; whom to ask instead for a country is a setting |
//! | unknown | within the same attempt it is asked what it knows of the message; if it knows nothing or cannot tell, as [`AfterLostAnswer`] says |
//!
//! Nobody is asked while another may still answer: requests are never raced. A message goes twice
//! only where the first provider took the request, hung, and did send: then the code of the
//! second one counts. After a few of these nobody asks the first one for a while.
//!
//! A code is checked by the provider that started it, and by no other, and by the channel that it
//! was sent by: a further message that never left may have changed what the challenge says. Checks
//! and look-ups are never refused by a breaker: nobody else could answer them.

mod bounded;
mod member;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    BreakerPolicy, Channel, Code, CountryCode, PhoneNumber, ProviderId, ProviderRoutes, SendReference,
};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use ports::{
    CodeCheck, CodeRequest, Dependency, NotSent, ProviderFault, StartError, StartedVerification, Unready,
    VerificationProvider,
};
use tokio::time::Instant;

pub use crate::bounded::Bounded;
use crate::member::Member;

/// One of the providers.
pub struct NamedProvider {
    /// What settings and ids call it, for good: no colon, and one name for each.
    pub name: &'static str,
    /// Whose calls end within their time, for nobody here ends them: see [`Bounded`].
    pub provider: Arc<dyn VerificationProvider>,
    /// What its codes travel by, the one that tells whether it is ready first.
    pub channels: &'static [Channel],
    pub trust: LookupTrust,
}

/// What it proves that a provider [finds](VerificationProvider::find) something. In the order of
/// trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupTrust {
    /// It was started under the reference.
    ByReference,
    /// Something was started for the number, by whomever and for whatever.
    ByNumber,
    /// Nothing: it makes its codes from the reference, so there is always something.
    Derived,
}

/// When one gives way to the next.
#[derive(Clone, Copy, Debug)]
pub struct Failover {
    pub breaker: BreakerPolicy,
    /// For one attempt at one provider: the start, and looking what became of it. [`Bounded`] should
    /// end a call within it, and an adapter sooner: it knows whether a request had left.
    pub attempt_timeout: Duration,
    /// How many calls of one provider are under way at once; further ones fail.
    pub most_calls: usize,
    pub after_lost_answer: AfterLostAnswer,
}

/// What follows where nobody can tell whether a provider sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLostAnswer {
    /// The next one is asked: the person gets a code within the request, and perhaps two.
    AskNext,
    /// Nobody is asked: the person gets at most one code, and asks again if none comes.
    Stop,
}

/// Who is asked after everybody else on a route.
pub trait Reputation: Send + Sync {
    /// Whether `provider` is for numbers of `country`.
    fn is_asked_last(&self, provider: &str, country: Option<CountryCode>) -> bool;
}

/// Everybody is asked in their order.
struct Unblemished;

impl Reputation for Unblemished {
    fn is_asked_last(&self, _: &str, _: Option<CountryCode>) -> bool {
        false
    }
}

/// A route or the default names none of the providers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider {0}")]
pub struct UnknownProvider(pub &'static str);

/// Nobody is asked later than this after the first one: who waits for an answer does not wait
/// forever. With the longest attempt it is within the time of a request.
const LAST_ATTEMPT_AFTER: Duration = Duration::from_secs(8);

/// Providers of which the country of a number says whom to ask.
pub struct ProviderRouter {
    members: Vec<Member>,
    routes: ProviderRoutes<&'static str>,
    /// Whose ids bear no name.
    default: &'static str,
    /// Whether ids are told apart by names.
    names_ids: bool,
    after_lost_answer: AfterLostAnswer,
    reputation: Arc<dyn Reputation>,
}

impl ProviderRouter {
    /// Asks `providers` by `routes`. An id without a name is from before there were several, and
    /// belongs to `default`.
    pub fn new(
        providers: Vec<NamedProvider>,
        routes: ProviderRoutes<&'static str>,
        default: &'static str,
        failover: Failover,
    ) -> Result<Self, UnknownProvider> {
        let is_there = |name: &&str| providers.iter().any(|provider| provider.name == *name);
        let named = routes.providers().into_iter().chain([default]);
        if let Some(unknown) = named.into_iter().find(|name| !is_there(name)) {
            return Err(UnknownProvider(unknown));
        }
        let members = providers.into_iter().map(|provider| Member::new(provider, Some(failover))).collect();
        let after_lost_answer = failover.after_lost_answer;
        let reputation = Arc::new(Unblemished);
        Ok(Self { members, routes, default, names_ids: true, after_lost_answer, reputation })
    }

    /// Asks those last of whom `reputation` says so.
    #[must_use]
    pub fn with_reputation(self, reputation: Arc<dyn Reputation>) -> Self {
        Self { reputation, ..self }
    }

    /// Asks one provider. Its ids get no name, so that an earlier version reads those of text
    /// messages; those of others, from before, are gone. Without `failover` it bounds its own calls.
    pub fn alone(provider: NamedProvider, failover: Option<Failover>) -> Self {
        let name = provider.name;
        Self {
            members: vec![Member::new(provider, failover)],
            routes: ProviderRoutes::only(name),
            default: name,
            names_ids: false,
            after_lost_answer: AfterLostAnswer::Stop,
            reputation: Arc::new(Unblemished),
        }
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name() == name)
    }

    /// Who is asked for a message to `phone`, the first one first.
    fn route(&self, phone: &PhoneNumber, channel: Channel) -> Vec<&Member> {
        let country = phone.region();
        let members = self.routes.of(country).iter().filter_map(|name| self.member(name));
        let mut route: Vec<&Member> = members.filter(|member| member.speaks(channel)).collect();
        // Stable: the order of the route holds among equals.
        route.sort_by_key(|member| self.reputation.is_asked_last(member.name(), country));
        route
    }

    fn named(&self, member: &Member, id: &ProviderId, channel: Channel) -> ProviderId {
        id.started_by(self.names_ids.then_some(member.name()), channel)
    }
}

/// Why each of those who were asked sent nothing, or perhaps nothing.
#[derive(Default)]
struct Faults(Vec<(&'static str, StartError)>);

impl Faults {
    /// Whether something may have been sent counts before why the last one sent nothing.
    fn into_one(self) -> StartError {
        let may_have_sent = self.0.iter().any(|(_, error)| matches!(error, StartError::Unknown(_)));
        let told = |(name, error): &(&str, StartError)| match error {
            StartError::NotSent(NotSent::Fault(fault)) => format!("{name}: {fault}"),
            other => format!("{name}: {other}"),
        };
        let text: Vec<String> = self.0.iter().map(told).collect();
        let fault = ProviderFault(text.join("; "));
        match self.0.into_iter().next_back() {
            _ if may_have_sent => StartError::Unknown(fault),
            Some((_, refusal @ StartError::NotSent(NotSent::DestinationRefused(_) | NotSent::TooSoon))) => {
                refusal
            }
            _ => StartError::NotSent(NotSent::Fault(fault)),
        }
    }
}

#[async_trait]
impl VerificationProvider for ProviderRouter {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        let route = self.route(&request.phone, request.channel);
        if route.is_empty() {
            let channel = request.channel.as_str();
            let text = format!("no provider of the number's country has the channel {channel}");
            return Err(StartError::NotSent(NotSent::DestinationRefused(text)));
        }
        let mut faults = Faults::default();
        let begun = Instant::now();
        for member in route {
            if begun.elapsed() > LAST_ATTEMPT_AFTER {
                break;
            }
            let error = match member.start(request).await {
                Ok(id) => return Ok(self.named(member, &id, request.channel)),
                Err(error) => error,
            };
            let gives_way = match &error {
                StartError::NotSent(NotSent::Fault(_)) => true,
                StartError::Unknown(_) => self.after_lost_answer == AfterLostAnswer::AskNext,
                StartError::NotSent(_) | StartError::Shielded { .. } => false,
            };
            if !gives_way && faults.0.is_empty() {
                return Err(error);
            }
            let (provider, reference) = (member.name(), request.reference.0);
            tracing::warn!(event = "provider_failover", provider, send.reference = %reference, %error, "it gives way");
            faults.0.push((provider, error));
            if !gives_way {
                break;
            }
        }
        Err(faults.into_one())
    }

    /// Asks everybody who may have started it, at once. Who was started under the reference needs
    /// no other's word; what else is found counts only if everybody could tell, in the order of
    /// trust. `None` only if each of them knows of nothing.
    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        let mut asked: FuturesUnordered<_> = self
            .route(phone, channel)
            .into_iter()
            .map(|member| async move { (member, member.find(reference, phone, channel).await) })
            .collect();
        let (mut fault, mut found) = (None, Vec::new());
        while let Some((member, answer)) = asked.next().await {
            match answer {
                Ok(Some(id)) if member.trust() == LookupTrust::ByReference => {
                    return Ok(Some(self.named(member, &id, channel)));
                }
                Ok(Some(id)) => found.push((member, id)),
                Ok(None) => {}
                Err(why) => fault = Some(ProviderFault(format!("{}: {why}", member.name()))),
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let best = found.into_iter().min_by_key(|(member, _)| member.trust());
        Ok(best.map(|(member, id)| self.named(member, &id, channel)))
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        let (name, channel, id) = verification.id.origin();
        let Some(member) = self.member(name.unwrap_or(self.default)) else {
            tracing::warn!("a code is gone: its provider is not among the settings any more");
            return Ok(CodeCheck::Gone);
        };
        let phone = verification.phone.clone();
        member.check(&StartedVerification { id, phone, channel }, code).await
    }
}

/// Ready while somebody would be asked for numbers of countries without a route of their own. Of one
/// that bounds its own calls nothing is known here.
#[async_trait]
impl Dependency for ProviderRouter {
    fn name(&self) -> &'static str {
        "provider"
    }

    async fn probe(&self) -> Result<(), Unready> {
        let mut members = self.routes.of(None).iter().filter_map(|name| self.member(name));
        if members.any(Member::is_available) {
            return Ok(());
        }
        Err(Unready("every provider failed several times in a row and is not asked for a while".to_owned()))
    }
}
