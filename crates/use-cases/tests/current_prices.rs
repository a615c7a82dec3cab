//! What messages cost now.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Channel, Currency, Money, Prices, Quote, QuotedPrice};
use fixtures::{now, quoted, sweden, unavailable};
use jiff::SignedDuration;
use ports::{MockSendTraceStore, StoreError};
use use_cases::{CurrentPrices, KeepPrices};

fn current(quoted_in: Option<Currency>) -> Arc<CurrentPrices> {
    let prices = Prices { default: Money(10), ..Prices::default() };
    Arc::new(CurrentPrices::new(prices, quoted_in))
}

fn in_euro() -> Arc<CurrentPrices> {
    current(Some(Currency::default()))
}

fn text(prices: &CurrentPrices) -> Money {
    prices.of(Some(sweden()), Channel::Sms)
}

#[test]
fn a_message_costs_the_most_that_any_provider_quoted_else_what_the_settings_say() {
    let prices = in_euro();
    assert_eq!(text(&prices), Money(10));
    prices.hear(quoted("twilio", 5));
    assert_eq!(text(&prices), Money(5), "what was quoted counts, though it is less");
    prices.hear(quoted("sinch", 7));
    assert_eq!(text(&prices), Money(7));
    assert_eq!(prices.of(Some(sweden()), Channel::Voice), Money(10), "of another channel nothing was said");
    assert_eq!(prices.of(None, Channel::Sms), Money(10));
    for (provider, price) in [("sinch", 7), ("twilio", 5), ("vonage", 10)] {
        assert_eq!(prices.by(provider, Some(sweden()), Channel::Sms), Money(price), "{provider}");
    }
}

#[test]
fn what_a_provider_said_later_counts() {
    let prices = in_euro();
    let at = |amount, seconds| QuotedPrice {
        said_at: now() + SignedDuration::from_secs(seconds),
        ..quoted("sinch", amount)
    };
    for (price, amount) in [(at(7, 0), 7), (at(6, 1), 6), (at(8, 0), 6)] {
        prices.hear(price);
        assert_eq!(text(&prices), Money(amount));
    }
    prices.replace(vec![at(5, -9)]);
    assert_eq!(text(&prices), Money(5), "what is read takes the place of everything");
    prices.replace(Vec::new());
    assert_eq!(text(&prices), Money(10));
}

#[test]
fn what_is_quoted_in_another_currency_does_not_count() {
    let prices = in_euro();
    let krona = Quote::new(Money(700), Currency::parse("SEK").unwrap()).unwrap();
    let in_krona = QuotedPrice { quote: krona, ..quoted("sinch", 0) };
    prices.hear(in_krona.clone());
    prices.replace(vec![in_krona]);
    assert_eq!(text(&prices), Money(10));
    assert!(!prices.takes(krona));
}

async fn refreshed(prices: &Arc<CurrentPrices>, read: Result<Vec<QuotedPrice>, StoreError>) {
    let mut traces = MockSendTraceStore::new();
    traces.expect_list_quoted_prices().once().return_once(|| read);
    KeepPrices { traces: Arc::new(traces), prices: prices.clone() }.refresh().await;
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_prices_that_are_known() {
    let prices = in_euro();
    refreshed(&prices, Err(unavailable())).await;
    assert_eq!(text(&prices), Money(10));
    refreshed(&prices, Ok(vec![quoted("sinch", 7)])).await;
    assert_eq!(text(&prices), Money(7));
    refreshed(&prices, Err(unavailable())).await;
    assert_eq!(text(&prices), Money(7));
}

#[tokio::test]
async fn where_quotes_do_not_count_none_is_read() {
    let prices = current(None);
    prices.hear(quoted("sinch", 7));
    KeepPrices { traces: Arc::new(MockSendTraceStore::new()), prices: prices.clone() }.refresh().await;
    assert_eq!(text(&prices), Money(10));
}
