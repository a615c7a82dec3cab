//! A trace around the provider.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Channel, Code, Currency, Money, Prices, ProviderId, Purpose, SendLabels, Settlement};
use fixtures::{clock, now, phone, provider_away, provider_id, quoted, reference, sweden, unavailable};
use jiff::SignedDuration;
use mockall::Sequence;
use ports::{
    CodeCheck, CodeRequest, Entry, MeteredStep, MockSendMeter, MockSendTraceStore, MockVerificationProvider,
    NotSent, StartError, StartedVerification, VerificationProvider,
};
use use_cases::{CurrentPrices, TracedProvider};

#[derive(Default)]
struct Mocks {
    provider: MockVerificationProvider,
    traces: MockSendTraceStore,
    meter: MockSendMeter,
}

impl Mocks {
    fn traced(self) -> TracedProvider {
        TracedProvider {
            clock: clock(),
            name: "sinch",
            provider: Arc::new(self.provider),
            traces: Arc::new(self.traces),
            meter: Arc::new(self.meter),
            prices: Arc::new(prices()),
        }
    }

    fn metered(&mut self, expected: MeteredStep) {
        let labels =
            SendLabels { provider: "sinch", channel: Channel::Sms, country: sweden().as_str().to_owned() };
        self.meter
            .expect_count_step()
            .withf(move |told, step| *told == labels && *step == expected)
            .once()
            .return_const(());
    }
}

fn prices() -> CurrentPrices {
    let by_country = [(sweden(), Money(45_300))].into();
    let prices = Prices { default: Money(1), by_country, ..Prices::default() };
    CurrentPrices::new(prices, Some(Currency::default()))
}

fn request() -> CodeRequest {
    CodeRequest {
        reference: reference(),
        phone: phone(),
        purpose: Purpose::Login,
        channel: Channel::Sms,
        locale: None,
        life: SignedDuration::from_mins(10),
    }
}

fn verification() -> StartedVerification {
    StartedVerification { id: provider_id("sinch-1"), phone: phone(), channel: Channel::Sms }
}

fn code() -> Code {
    Code::parse("123456").unwrap()
}

#[tokio::test]
async fn a_trace_begins_before_the_provider_is_asked_and_is_settled_after() {
    let mut mocks = Mocks::default();
    let mut order = Sequence::new();
    mocks
        .traces
        .expect_begin_trace()
        .withf(|trace, at| {
            trace.reference == reference()
                && trace.provider == "sinch"
                && trace.phone == phone()
                && (trace.purpose, trace.channel) == (Purpose::Login, Channel::Sms)
                && (trace.country, trace.cost) == (Some(sweden()), Money(45_300))
                && *at == now()
        })
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(()));
    mocks.provider.expect_start().once().in_sequence(&mut order).return_once(|_| Ok(provider_id("sinch-1")));
    mocks
        .traces
        .expect_settle_trace()
        .withf(|told, provider, settlement, id, at| {
            *told == reference()
                && provider == "sinch"
                && *settlement == Settlement::Sent
                && *id == Some(provider_id("sinch-1"))
                && *at == now()
        })
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _, _, _| Ok(()));
    mocks.metered(MeteredStep::Sent { cost: Money(45_300) });

    assert_eq!(mocks.traced().start(&request()).await, Ok(provider_id("sinch-1")));
}

#[tokio::test]
async fn a_trace_costs_what_its_own_provider_quoted() {
    for (provider, cost) in [("sinch", Money(50_000)), ("twilio", Money(45_300))] {
        let mut mocks = Mocks::default();
        mocks
            .traces
            .expect_begin_trace()
            .withf(move |trace, _| trace.cost == cost)
            .once()
            .return_once(|_, _| Ok(()));
        mocks.traces.expect_settle_trace().once().return_once(|_, _, _, _, _| Ok(()));
        mocks.provider.expect_start().once().return_once(|_| Ok(provider_id("sinch-1")));
        mocks.metered(MeteredStep::Sent { cost });
        let traced = mocks.traced();
        traced.prices.hear(quoted(provider, 50_000));
        assert_eq!(traced.start(&request()).await, Ok(provider_id("sinch-1")));
    }
}

#[tokio::test]
async fn a_trace_tells_how_the_provider_took_the_message() {
    let not_sent = |reason| StartError::NotSent(reason);
    let cases = [
        (
            StartError::Unknown(provider_away()),
            Settlement::Unknown,
            MeteredStep::Sent { cost: Money(45_300) },
        ),
        (
            not_sent(NotSent::DestinationRefused("no".to_owned())),
            Settlement::DestinationRefused,
            MeteredStep::NotSent(Settlement::DestinationRefused),
        ),
        (not_sent(NotSent::TooSoon), Settlement::TooSoon, MeteredStep::NotSent(Settlement::TooSoon)),
        (
            not_sent(NotSent::Fault(provider_away())),
            Settlement::Fault,
            MeteredStep::NotSent(Settlement::Fault),
        ),
    ];
    for (error, settlement, step) in cases {
        let mut mocks = Mocks::default();
        mocks.traces.expect_begin_trace().once().return_once(|_, _| Ok(()));
        let answer = error.clone();
        mocks.provider.expect_start().once().return_once(move |_| Err(answer));
        mocks
            .traces
            .expect_settle_trace()
            .withf(move |_, _, told, id, _| *told == settlement && id.is_none())
            .once()
            .return_once(|_, _, _, _, _| Ok(()));
        mocks.metered(step);
        assert_eq!(mocks.traced().start(&request()).await, Err(error));
    }
}

#[tokio::test]
async fn nobody_is_kept_out_because_a_trace_cannot_be_written() {
    let mut mocks = Mocks::default();
    mocks.traces.expect_begin_trace().once().return_once(|_, _| Err(unavailable()));
    mocks.traces.expect_settle_trace().once().return_once(|_, _, _, _, _| Err(unavailable()));
    mocks.traces.expect_record_entry().once().return_once(|_, _, _| Err(unavailable()));
    mocks.provider.expect_start().once().return_once(|_| Ok(provider_id("sinch-1")));
    mocks.provider.expect_check().once().return_once(|_, _| Ok(CodeCheck::Accepted));
    mocks.metered(MeteredStep::Sent { cost: Money(45_300) });
    let traced = mocks.traced();
    assert_eq!(traced.start(&request()).await, Ok(provider_id("sinch-1")));
    assert_eq!(traced.check(&verification(), &code()).await, Ok(CodeCheck::Accepted));
}

#[tokio::test]
async fn a_right_code_is_recorded_and_counted_once() {
    let took = SignedDuration::from_secs(17);
    let entry = Entry { channel: Channel::Sms, country: Some(sweden()), took };
    for recorded in [Some(entry), None] {
        let mut mocks = Mocks::default();
        mocks.provider.expect_check().once().return_once(|_, _| Ok(CodeCheck::Accepted));
        mocks
            .traces
            .expect_record_entry()
            .withf(|provider, id, at| provider == "sinch" && *id == provider_id("sinch-1") && *at == now())
            .once()
            .return_once(move |_, _, _| Ok(recorded));
        if recorded.is_some() {
            mocks.metered(MeteredStep::Entered { took });
        }
        let answer = mocks.traced().check(&verification(), &code()).await;
        assert_eq!(answer, Ok(CodeCheck::Accepted));
    }
}

#[tokio::test]
async fn a_wrong_code_leaves_no_trace() {
    for answer in [Ok(CodeCheck::Wrong), Ok(CodeCheck::Gone), Err(provider_away())] {
        let mut mocks = Mocks::default();
        let told = answer.clone();
        mocks.provider.expect_check().once().return_once(move |_, _| told);
        assert_eq!(mocks.traced().check(&verification(), &code()).await, answer);
    }
}

#[tokio::test]
async fn rc_06_what_is_found_later_was_sent() {
    let found: [Option<ProviderId>; 2] = [Some(provider_id("sinch-1")), None];
    for found in found {
        let mut mocks = Mocks::default();
        let answer = found.clone();
        mocks.provider.expect_find().once().return_once(move |_, _, _| Ok(answer));
        if found.is_some() {
            mocks
                .traces
                .expect_settle_trace()
                .withf(|told, _, settlement, id, _| {
                    *told == reference()
                        && *settlement == Settlement::Sent
                        && *id == Some(provider_id("sinch-1"))
                })
                .once()
                .return_once(|_, _, _, _, _| Ok(()));
        }
        let answer = mocks.traced().find(reference(), &phone(), Channel::Sms).await;
        assert_eq!(answer, Ok(found));
    }
}
