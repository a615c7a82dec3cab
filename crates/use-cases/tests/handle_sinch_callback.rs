//! Callbacks of Sinch with mocked ports.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Arrival, CallbackEvent, Channel, Currency, Money, Prices, Quote, SendLabels};
use fixtures::{clock, now, phone, provider_id, quoted, reference, sweden, unavailable};
use ports::{
    Advance, Callback, CallbackRefused, Heard, MeteredStep, MockCallbackVerifier, MockSendMeter,
    MockSendTraceStore, PresentedCallback, ProvenCallback, StoreError,
};
use use_cases::{CallbackAnswer, CurrentPrices, Fault, HandleCallbackError, HandleSinchCallback};

const RECEIPT: CallbackEvent = CallbackEvent::Receipt { is_delivered: true };

fn presented() -> PresentedCallback {
    PresentedCallback { body: b"{}".to_vec(), ..PresentedCallback::default() }
}

fn callback(event: CallbackEvent) -> Callback {
    Callback {
        fingerprint: [7; 32],
        reference: Some(reference()),
        provider_id: provider_id("sinch-1"),
        phone: phone(),
        event,
        quote: None,
        said_at: now(),
    }
}

const fn ours(is_news: bool, is_wanted: bool) -> Heard {
    Heard::Ours { is_news, is_wanted, advanced: None, quoted: None }
}

struct Mocks {
    verifier: MockCallbackVerifier,
    traces: MockSendTraceStore,
    meter: MockSendMeter,
    prices: Arc<CurrentPrices>,
}

impl Mocks {
    fn new(quoted_in: Option<Currency>) -> Self {
        Self {
            verifier: MockCallbackVerifier::new(),
            traces: MockSendTraceStore::new(),
            meter: MockSendMeter::new(),
            prices: Arc::new(CurrentPrices::new(Prices::default(), quoted_in)),
        }
    }

    fn verified(answer: Result<ProvenCallback, CallbackRefused>) -> Self {
        let mut mocks = Self::new(Some(Currency::default()));
        mocks
            .verifier
            .expect_verify()
            .withf(|told, at| *told == presented() && *at == now())
            .once()
            .return_once(move |_, _| answer);
        mocks
    }

    fn hearing(event: CallbackEvent, heard: Result<Heard, StoreError>) -> Self {
        let mut mocks = Self::verified(Ok(ProvenCallback::Known(callback(event))));
        mocks
            .traces
            .expect_hear_callback()
            .withf(move |provider, told, at| provider == "sinch" && *told == callback(event) && *at == now())
            .once()
            .return_once(move |_, _, _| heard);
        mocks
    }

    fn counted(mut self, expected: &'static str) -> Self {
        self.meter.expect_count_callback().withf(move |result| *result == *expected).once().return_const(());
        self
    }

    async fn execute(self) -> Result<CallbackAnswer, HandleCallbackError> {
        let handle = HandleSinchCallback {
            clock: clock(),
            verifier: Arc::new(self.verifier),
            traces: Arc::new(self.traces),
            meter: Arc::new(self.meter),
            prices: self.prices,
        };
        handle.execute(&presented()).await
    }
}

#[tokio::test]
async fn wh_01_what_is_not_signed_is_refused_and_nothing_is_looked_up() {
    for (reason, counted) in
        [(CallbackRefused::Forged, "forged"), (CallbackRefused::OutOfTime, "out_of_time")]
    {
        let refused = Mocks::verified(Err(reason)).counted(counted).execute().await;
        assert!(matches!(refused, Err(HandleCallbackError::Refused(told)) if told == reason));
    }
}

#[tokio::test]
async fn wh_02_only_a_message_of_ours_that_is_wanted_may_be_sent() {
    for (heard, counted, answer) in [
        (ours(true, true), "heard", CallbackAnswer::Allow),
        (ours(false, true), "repeated", CallbackAnswer::Allow),
        (ours(true, false), "heard", CallbackAnswer::Deny),
        (Heard::NotOurs, "not_ours", CallbackAnswer::Deny),
    ] {
        let mocks = Mocks::hearing(CallbackEvent::Request, Ok(heard)).counted(counted);
        assert_eq!(mocks.execute().await.unwrap(), answer);
    }
    let foreign = Mocks::verified(Ok(ProvenCallback::QuestionOfOthers)).counted("not_ours");
    assert_eq!(foreign.execute().await.unwrap(), CallbackAnswer::Deny);
}

#[tokio::test]
async fn wh_02_what_is_told_is_heard_and_counted() {
    let advance = Advance { channel: Channel::Sms, country: Some(sweden()), to: Arrival::Arrived };
    let heard = Heard::Ours { is_news: true, is_wanted: true, advanced: Some(advance), quoted: None };
    let mut mocks = Mocks::hearing(RECEIPT, Ok(heard)).counted("heard");
    let labels = SendLabels { provider: "sinch", channel: Channel::Sms, country: "SE".to_owned() };
    mocks
        .meter
        .expect_count_step()
        .withf(move |told, step| *told == labels && *step == MeteredStep::Came(Arrival::Arrived))
        .once()
        .return_const(());
    assert_eq!(mocks.execute().await.unwrap(), CallbackAnswer::Heard);

    for (heard, counted) in [
        (ours(true, true), "heard"),
        (ours(false, true), "repeated"),
        (ours(true, false), "heard"),
        (Heard::NotOurs, "not_ours"),
    ] {
        let mocks = Mocks::hearing(RECEIPT, Ok(heard)).counted(counted);
        assert_eq!(mocks.execute().await.unwrap(), CallbackAnswer::Heard, "nothing is counted as a step");
    }
}

#[tokio::test]
async fn a_quote_is_the_price_of_the_next_message_at_once() {
    let quote = quoted("sinch", 45_300).quote;
    for (is_news, price) in [(true, Money(45_300)), (false, Money(0))] {
        let asked = Callback { quote: Some(quote), ..callback(CallbackEvent::Request) };
        let quoted = is_news.then(|| quoted("sinch", 45_300));
        let heard = Heard::Ours { is_news, is_wanted: true, advanced: None, quoted };
        let mut mocks = Mocks::verified(Ok(ProvenCallback::Known(asked)));
        mocks
            .traces
            .expect_hear_callback()
            .withf(move |_, told, _| told.quote == Some(quote))
            .once()
            .return_once(move |_, _, _| Ok(heard));
        let prices = mocks.prices.clone();
        let mocks = mocks.counted(if is_news { "heard" } else { "repeated" });
        assert_eq!(mocks.execute().await.unwrap(), CallbackAnswer::Allow);
        assert_eq!(prices.of(Some(sweden()), Channel::Sms), price);
    }
}

#[tokio::test]
async fn a_quote_in_another_currency_or_one_that_nobody_wants_is_dropped() {
    let krona = Currency::parse("SEK").unwrap();
    for (quoted_in, currency) in [(Some(Currency::default()), krona), (None, Currency::default())] {
        let quote = Quote::new(Money(45_300), currency);
        let asked = Callback { quote, ..callback(CallbackEvent::Request) };
        let mut mocks = Mocks::verified(Ok(ProvenCallback::Known(asked)));
        mocks.prices = Mocks::new(quoted_in).prices;
        mocks
            .traces
            .expect_hear_callback()
            .withf(|_, told, _| *told == callback(CallbackEvent::Request))
            .once()
            .return_once(|_, _, _| Ok(ours(true, true)));
        assert_eq!(mocks.counted("heard").execute().await.unwrap(), CallbackAnswer::Allow);
    }
}

#[tokio::test]
async fn an_unknown_event_is_heard_and_has_no_effect() {
    let mocks = Mocks::verified(Ok(ProvenCallback::Other)).counted("ignored");
    assert_eq!(mocks.execute().await.unwrap(), CallbackAnswer::Heard);
}

#[tokio::test]
async fn without_the_database_nothing_is_allowed() {
    let away = Mocks::hearing(CallbackEvent::Request, Err(unavailable())).execute().await;
    assert!(matches!(away, Err(HandleCallbackError::Fault(Fault::DatabaseUnavailable(_)))));
}
