//! The shield before the provider.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Channel, Currency, Money, Objection, Prices, Purpose, RuleMode, Ruling, SendOrigin, Shield, ShieldRule,
    ShieldScope, Verdict,
};
use fixtures::{now, phone, provider_away, provider_id, quoted, reference, unavailable};
use jiff::SignedDuration;
use ports::{
    CodeRequest, MockClock, MockShieldStore, MockVerificationProvider, NotSent, ProviderFault, StartError,
    VerificationProvider,
};
use use_cases::{CurrentPrices, ShieldedProvider};

/// Whoever sends is not known yet.
fn prices() -> CurrentPrices {
    let prices = Prices { default: Money(1), ..Prices::default() };
    let prices = CurrentPrices::new(prices, Some(Currency::default()));
    prices.replace(vec![quoted("sinch", 7), quoted("twilio", 5)]);
    prices
}

struct Mocks {
    provider: MockVerificationProvider,
    store: MockShieldStore,
    mode: RuleMode,
}

impl Mocks {
    fn ruling(verdict: Verdict) -> Self {
        let mut store = MockShieldStore::new();
        let ruling = Ruling {
            verdict,
            findings: Vec::new(),
            prefix: None,
            country: None,
            refused_by: None,
            caps: Vec::new(),
        };
        store
            .expect_admit()
            .withf(|send, _, at| {
                send.phone == phone()
                    && send.origin == SendOrigin::Stranger
                    && send.reference == Some(reference())
                    && send.cost == Money(7)
                    && *at == now()
            })
            .once()
            .return_once(move |_, _, _| Ok(ruling));
        Self { provider: MockVerificationProvider::new(), store, mode: RuleMode::Block }
    }

    fn refusing(rule: ShieldRule) -> Self {
        let retry_at = now() + SignedDuration::from_mins(5);
        Self::ruling(Verdict::Refuse(Objection { rule, scope: ShieldScope::Service, retry_at }))
    }

    fn answering(mut self, answer: Result<domain::ProviderId, StartError>) -> Self {
        self.provider.expect_start().once().return_once(|_| answer);
        self
    }

    async fn start(self) -> Result<domain::ProviderId, StartError> {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(now());
        let shielded = ShieldedProvider {
            clock: Arc::new(clock),
            provider: Arc::new(self.provider),
            store: Arc::new(self.store),
            shield: Arc::new(Shield::with_every_rule(self.mode)),
            prices: Arc::new(prices()),
        };
        let request = CodeRequest {
            reference: reference(),
            phone: phone(),
            purpose: Purpose::Registration,
            channel: Channel::Sms,
            locale: None,
            life: SignedDuration::from_mins(10),
        };
        shielded.start(&request).await
    }
}

#[tokio::test]
async fn sm_01_what_is_admitted_is_sent() {
    let started = Mocks::ruling(Verdict::Admit).answering(Ok(provider_id("sinch-1"))).start().await;
    assert_eq!(started, Ok(provider_id("sinch-1")));
}

#[tokio::test]
async fn sm_01_what_is_refused_never_reaches_the_provider() {
    let retry_at = now() + SignedDuration::from_mins(5);
    let refused = Mocks::refusing(ShieldRule::Unanswered).start().await;
    assert_eq!(refused, Err(StartError::Shielded { retry_at, is_over_budget: false }));
    let refused = Mocks::refusing(ShieldRule::Budget).start().await;
    assert_eq!(refused, Err(StartError::Shielded { retry_at, is_over_budget: true }));
}

#[tokio::test]
async fn sm_09_nothing_is_sent_while_the_counters_are_away() {
    let mut store = MockShieldStore::new();
    store.expect_admit().once().return_once(|_, _, _| Err(unavailable()));
    let mocks = Mocks { provider: MockVerificationProvider::new(), store, mode: RuleMode::Block };
    assert!(matches!(mocks.start().await, Err(StartError::NotSent(NotSent::Fault(ProviderFault(_))))));
}

#[tokio::test]
async fn a_message_that_was_not_sent_is_taken_back_and_one_that_may_have_been_is_not() {
    let fault = StartError::NotSent(NotSent::Fault(provider_away()));
    let mut mocks = Mocks::ruling(Verdict::Admit).answering(Err(fault.clone()));
    mocks
        .store
        .expect_take_back()
        .withf(|send, at| send.phone == phone() && send.cost == Money(7) && *at == now())
        .once()
        .return_once(|_, _| Ok(()));
    assert_eq!(mocks.start().await, Err(fault));

    let unknown = StartError::Unknown(provider_away());
    let started = Mocks::ruling(Verdict::Admit).answering(Err(unknown.clone())).start().await;
    assert_eq!(started, Err(unknown));
}

#[tokio::test]
async fn a_shield_without_rules_asks_nobody() {
    let (provider, store) = (MockVerificationProvider::new(), MockShieldStore::new());
    let mocks = Mocks { provider, store, mode: RuleMode::Off };
    assert_eq!(mocks.answering(Ok(provider_id("sinch-1"))).start().await, Ok(provider_id("sinch-1")));
}
