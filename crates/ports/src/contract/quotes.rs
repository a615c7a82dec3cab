//! What providers say that messages cost.

use domain::{Arrival, Channel, Currency, Money, PhoneNumber, Quote, QuotedPrice, Settlement};

use super::{
    Stores,
    fixtures::{CROWD, hour, phone, start},
    message_steps::{COST, DELIVERED, OLD, callback, came, message, price, priced, quote, quoting, second},
};
use crate::{Callback, Heard, NewSendTrace};

pub async fn a_quote_becomes_the_cost_of_its_message_once(stores: &Stores) {
    let (message, another) = (stores.sent_message(1).await, stores.sent_message(2).await);
    let dearer = quoting(&message, 50_000, 1);
    assert_eq!(stores.hear(&dearer).await, priced(price(&message, 50_000, 1)));
    assert_eq!(stores.hear(&dearer).await, OLD);
    assert_eq!(stores.trace_of(&message).await.cost, Money(50_000));
    assert_eq!(stores.trace_of(&another).await.cost, COST);
    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.cost), (2, Money(50_000) + COST));

    let cheaper = quoting(&message, 0, 2);
    assert_eq!(stores.hear(&cheaper).await, priced(price(&message, 0, 2)));
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 3)).await, came(Arrival::Arrived));
    assert_eq!(stores.trace_of(&message).await.cost, Money(0));
    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.delivered, totals.failed, totals.cost), (2, 1, 0, COST));
}

pub async fn of_50_concurrent_repeats_of_a_quote_one_changes_what_was_spent(stores: &Stores) {
    let message = stores.sent_message(1).await;
    let repeats: Vec<Callback> = (0..CROWD).map(|_| quoting(&message, 50_000, 1)).collect();

    let heard = stores.hear_at_once(&repeats).await;

    assert_eq!(heard.iter().filter(|heard| **heard == OLD).count(), repeats.len() - 1);
    assert_eq!(stores.totals().await.cost, Money(50_000));
    assert_eq!(stores.quoted_prices().await, [price(&message, 50_000, 1)]);
}

pub async fn what_was_spent_is_the_sum_of_50_concurrent_quotes(stores: &Stores) {
    let mut quotes = Vec::new();
    for number in 0..50_u8 {
        let message = stores.sent_message(number.into()).await;
        quotes.push(quoting(&message, 1_000 * u64::from(number), number));
    }

    stores.hear_at_once(&quotes).await;

    assert_eq!(stores.totals().await.cost, Money((0..50).map(|number| 1_000 * number).sum()));
    let prices = stores.quoted_prices().await;
    assert_eq!(prices.len(), 1);
    assert_eq!((prices[0].quote, prices[0].said_at), (quote(49_000), second(54)), "what was said last");
}

pub async fn a_quote_for_what_did_not_leave_changes_no_figures(stores: &Stores) {
    let sent = stores.sent_message(1).await;
    let not_sent = message(phone(2));
    stores.begin_message(&not_sent, start()).await;
    stores.settle_as(&not_sent, Settlement::Fault, second(1)).await;
    stores.hear(&quoting(&not_sent, 90_000, 1)).await;
    assert_eq!(stores.totals().await.cost, COST);

    // It asks while it is being asked, and then refuses.
    let refused = message(phone(3));
    stores.begin_message(&refused, start()).await;
    stores.hear(&quoting(&refused, 70_000, 2)).await;
    assert_eq!(stores.totals().await.cost, COST + Money(70_000));
    stores.settle_as(&refused, Settlement::DestinationRefused, second(9)).await;

    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.cost), (1, COST));
    assert_eq!(stores.trace_of(&refused).await.cost, Money(70_000));
    assert_eq!(stores.trace_of(&sent).await.cost, COST);
}

pub async fn the_last_quotes_are_listed_by_provider_channel_and_country(stores: &Stores) {
    assert_eq!(stores.quoted_prices().await, []);
    let text = stores.sent_message(1).await;
    let call = NewSendTrace { channel: Channel::Voice, ..message(phone(2)) };
    let norwegian = message(PhoneNumber::from_stored("+4740612345").unwrap());
    let by_another = NewSendTrace { provider: "twilio", ..message(phone(3)) };
    for message in [&call, &norwegian, &by_another] {
        stores.begin_message(message, start()).await;
    }
    let krona = Quote::new(Money(7), Currency::parse("SEK").unwrap()).unwrap();
    stores.hear(&quoting(&text, 10, 9)).await;
    // What was said before comes after it.
    stores.hear(&quoting(&text, 11, 8)).await;
    stores.hear(&quoting(&call, 20, 10)).await;
    stores.hear(&quoting(&norwegian, 30, 11)).await;
    let of_another = Callback { quote: Some(krona), ..quoting(&by_another, 0, 12) };
    stores.send_traces.hear_callback("twilio", &of_another, second(17)).await.expect("hear_callback");
    let unknown = message(phone(4));
    assert_eq!(stores.hear(&quoting(&unknown, 99, 13)).await, Heard::NotOurs);

    let expected_of_another =
        QuotedPrice { provider: "twilio".to_owned(), quote: krona, ..price(&by_another, 0, 12) };
    let expected =
        [price(&text, 10, 9), price(&call, 20, 10), price(&norwegian, 30, 11), expected_of_another];
    assert_eq!(stores.quoted_prices().await, expected);
}

pub async fn old_quotes_are_forgotten(stores: &Stores) {
    let message = stores.sent_message(1).await;
    stores.hear(&quoting(&message, 10, 1)).await;
    let forget = async |before| stores.send_traces.forget_traces(before, 10).await.expect("forget_traces");
    assert_eq!(forget(hour(-1)).await, 0);
    assert_eq!(stores.quoted_prices().await.len(), 1);
    assert_eq!(forget(hour(1)).await, 3, "the trace, its figures, and the price");
    assert_eq!(stores.quoted_prices().await, []);
}
