//! What became of messages, and that everything is counted once.

use domain::{
    Arrival, CallbackEvent, Channel, CountryCode, Currency, EntryTimes, FigureDimension, FigureGroup,
    FigureWindow, Money, PhoneNumber, ProviderId, Purpose, Quote, QuotedPrice, ResultStatus, SendFigures,
    SendTrace, Settlement,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{CROWD, fresh_reference, hour, minute, person, phone, start},
};
use crate::{Advance, Callback, Entry, FigureCell, FigureQuery, Heard, NewSendTrace};

const PROVIDER: &str = "sinch";
const COST: Money = Money(45_300);

const SUCCESSFUL: CallbackEvent = CallbackEvent::Result { status: ResultStatus::Successful, reason: None };
const EXPIRED: CallbackEvent = CallbackEvent::Result { status: ResultStatus::Fail, reason: Some("Expired") };
const FAILED: CallbackEvent = CallbackEvent::Receipt { is_delivered: false };
const DELIVERED: CallbackEvent = CallbackEvent::Receipt { is_delivered: true };

fn second(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn sweden() -> Option<CountryCode> {
    CountryCode::parse("SE").ok()
}

pub(super) fn message(phone: PhoneNumber) -> NewSendTrace {
    NewSendTrace {
        reference: fresh_reference(),
        provider: PROVIDER,
        country: phone.region(),
        phone,
        purpose: Purpose::Login,
        channel: Channel::Sms,
        cost: COST,
    }
}

fn id_of(message: &NewSendTrace) -> ProviderId {
    ProviderId(format!("verification-{}", message.reference.0.simple()))
}

/// A signed request of its own for each number.
fn callback(message: &NewSendTrace, event: CallbackEvent, number: u8) -> Callback {
    let mut fingerprint = [number; 32];
    fingerprint[..16].copy_from_slice(message.reference.0.as_bytes());
    Callback {
        fingerprint,
        reference: Some(message.reference),
        provider_id: id_of(message),
        phone: message.phone.clone(),
        event,
        quote: None,
        said_at: second(5 + i64::from(number)),
    }
}

fn quote(amount: u64) -> Quote {
    Quote::new(Money(amount), Currency::default()).unwrap()
}

/// A question that says what the message costs.
fn quoting(message: &NewSendTrace, amount: u64, number: u8) -> Callback {
    Callback { quote: Some(quote(amount)), ..callback(message, CallbackEvent::Request, number) }
}

fn price(message: &NewSendTrace, amount: u64, number: i64) -> QuotedPrice {
    QuotedPrice {
        provider: PROVIDER.to_owned(),
        channel: message.channel,
        country: message.country,
        quote: quote(amount),
        said_at: second(5 + number),
    }
}

const fn news(advanced: Option<Advance>) -> Heard {
    Heard::Ours { is_news: true, is_wanted: true, advanced, quoted: None }
}

fn came(to: Arrival) -> Heard {
    news(Some(Advance { channel: Channel::Sms, country: sweden(), to }))
}

fn priced(price: QuotedPrice) -> Heard {
    Heard::Ours { is_news: true, is_wanted: true, advanced: None, quoted: Some(price) }
}

const OLD: Heard = Heard::Ours { is_news: false, is_wanted: true, advanced: None, quoted: None };

impl Stores {
    async fn begin_message(&self, message: &NewSendTrace, now: Timestamp) {
        self.send_traces.begin_trace(message, now).await.expect("begin_trace");
    }

    async fn settle_as(&self, message: &NewSendTrace, settlement: Settlement, now: Timestamp) {
        let id = (settlement == Settlement::Sent).then(|| id_of(message));
        let settled =
            self.send_traces.settle_trace(message.reference, message.provider, settlement, id, now).await;
        settled.expect("settle_trace");
    }

    /// A message that was sent at the beginning.
    async fn sent_message(&self, number: u32) -> NewSendTrace {
        let message = message(phone(number));
        self.begin_message(&message, start()).await;
        self.settle_as(&message, Settlement::Sent, second(1)).await;
        message
    }

    async fn enter(&self, message: &NewSendTrace, now: Timestamp) -> Option<Entry> {
        self.send_traces.record_entry(PROVIDER, &id_of(message), now).await.expect("record_entry")
    }

    async fn hear(&self, callback: &Callback) -> Heard {
        let now = callback.said_at + SignedDuration::from_secs(1);
        self.send_traces.hear_callback(PROVIDER, callback, now).await.expect("hear_callback")
    }

    async fn hear_at_once(&self, callbacks: &[Callback]) -> Vec<Heard> {
        join_all(callbacks.iter().map(|callback| self.hear(callback))).await
    }

    async fn traces(&self, phone: &PhoneNumber) -> Vec<SendTrace> {
        self.send_traces.list_traces(phone, 10).await.expect("list_traces")
    }

    async fn trace_of(&self, message: &NewSendTrace) -> SendTrace {
        let traces = self.traces(&message.phone).await;
        let trace = traces.into_iter().find(|trace| trace.reference == message.reference);
        trace.expect("the trace of the message")
    }

    async fn quoted_prices(&self) -> Vec<QuotedPrice> {
        let mut prices = self.send_traces.list_quoted_prices().await.expect("list_quoted_prices");
        prices.sort_by_key(|price| (price.said_at, price.channel));
        prices
    }

    async fn figures(&self, by: &[FigureDimension], window: FigureWindow, most: u32) -> Vec<FigureCell> {
        let query = FigureQuery { window, by: by.to_vec(), most };
        self.send_traces.list_figures(&query).await.expect("list_figures")
    }

    /// Everything of the last day.
    async fn totals(&self) -> SendFigures {
        let mut total = SendFigures::default();
        for cell in self.figures(&[], FigureWindow::last_hours(24, minute(30)), 100).await {
            total += cell.figures;
        }
        total
    }
}

pub async fn a_message_is_traced_from_its_beginning_to_its_code(stores: &Stores) {
    let message = message(phone(1));
    stores.begin_message(&message, start()).await;
    let begun = stores.trace_of(&message).await;
    assert_eq!((begun.settlement, begun.outcome()), (None, "unsettled"));
    stores.settle_as(&message, Settlement::Sent, second(1)).await;
    assert_eq!(stores.hear(&callback(&message, CallbackEvent::Request, 1)).await, news(None));
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 2)).await, came(Arrival::Arrived));
    let entry = Entry { channel: Channel::Sms, country: sweden(), took: SignedDuration::from_secs(25) };
    assert_eq!(stores.enter(&message, second(25)).await, Some(entry));

    let trace = stores.trace_of(&message).await;
    assert_eq!((trace.provider.as_str(), trace.provider_id.clone()), (PROVIDER, Some(id_of(&message))));
    assert_eq!((trace.purpose, trace.channel), (Purpose::Login, Channel::Sms));
    assert_eq!(trace.country.as_deref(), Some("SE"));
    assert_eq!((trace.prefix.as_str(), trace.cost), (message.prefix().as_str(), COST));
    assert_eq!((trace.begun_at, trace.settled_at), (start(), Some(second(1))));
    assert_eq!((trace.arrival, trace.arrived_at), (Arrival::Arrived, Some(second(7))));
    assert_eq!((trace.entered_at, trace.outcome()), (Some(second(25)), "entered"));
    let told: Vec<(&str, Option<&str>)> =
        trace.callbacks.iter().map(|told| (told.event.as_str(), told.outcome.as_deref())).collect();
    assert_eq!(told, [("request", None), ("receipt", Some("delivered"))]);
    assert_eq!((trace.callbacks[0].said_at, trace.callbacks[0].heard_at), (second(6), second(7)));
    let times = EntryTimes { count: 1, total_ms: 25_000, within: [0, 0, 1, 1, 1, 1] };
    let figures = SendFigures { sent: 1, delivered: 1, failed: 0, entered: times, cost: COST };
    assert_eq!(stores.totals().await, figures);
}

pub async fn a_message_is_begun_and_settled_once(stores: &Stores) {
    let message = message(phone(1));
    join_all((0..CROWD).map(|_| stores.begin_message(&message, start()))).await;
    stores.settle_as(&message, Settlement::Sent, second(1)).await;
    stores.settle_as(&message, Settlement::Fault, second(2)).await;

    let trace = stores.trace_of(&message).await;
    assert_eq!((trace.settlement, trace.settled_at), (Some(Settlement::Sent), Some(second(1))));
    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.cost), (1, COST));
}

pub async fn two_providers_asked_for_one_message_have_a_trace_each(stores: &Stores) {
    let refused = message(phone(1));
    let stand_in = NewSendTrace { provider: "twilio", ..refused.clone() };
    stores.begin_message(&refused, start()).await;
    stores.settle_as(&refused, Settlement::Fault, second(1)).await;
    stores.begin_message(&stand_in, second(1)).await;
    stores.settle_as(&stand_in, Settlement::Sent, second(2)).await;
    let of_the_refused = callback(&refused, DELIVERED, 1);
    stores.hear(&of_the_refused).await;

    let traces = stores.traces(&refused.phone).await;

    let told: Vec<_> = traces
        .iter()
        .map(|trace| (trace.provider.as_str(), trace.outcome(), trace.callbacks.len()))
        .collect();
    assert_eq!(told, [("twilio", "sent", 0), (PROVIDER, "delivered", 1)], "the newest first");
    let by_stand_in = stores.send_traces.record_entry("twilio", &id_of(&stand_in), second(9)).await;
    assert_eq!(by_stand_in.expect("an answer").map(|entry| entry.took), Some(SignedDuration::from_secs(8)));
}

pub async fn what_did_not_leave_is_not_counted_as_sent(stores: &Stores) {
    for (number, settlement) in
        [(1, Settlement::DestinationRefused), (2, Settlement::TooSoon), (3, Settlement::Fault)]
    {
        let message = message(phone(number));
        stores.begin_message(&message, start()).await;
        join_all((0..CROWD).map(|_| stores.settle_as(&message, settlement, second(1)))).await;
        assert_eq!(stores.trace_of(&message).await.outcome(), settlement.as_str());
    }
    stores.sent_message(4).await;

    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.cost), (1, COST));
}

pub async fn a_message_whose_answer_was_lost_may_prove_to_be_sent(stores: &Stores) {
    let message = message(phone(1));
    stores.begin_message(&message, start()).await;
    stores.settle_as(&message, Settlement::Unknown, second(5)).await;
    assert_eq!(stores.totals().await.sent, 1, "it may be on its way");

    stores.settle_as(&message, Settlement::Sent, second(30)).await;

    let trace = stores.trace_of(&message).await;
    assert_eq!(
        (trace.settlement, trace.provider_id.clone()),
        (Some(Settlement::Sent), Some(id_of(&message)))
    );
    assert_eq!(stores.totals().await.sent, 1);
    assert!(stores.enter(&message, second(31)).await.is_some());
}

pub async fn one_of_50_concurrent_entries_counts(stores: &Stores) {
    let message = stores.sent_message(1).await;
    assert_eq!(stores.hear(&callback(&message, FAILED, 1)).await, came(Arrival::Failed));

    let entries = join_all((0..CROWD).map(|_| stores.enter(&message, second(9)))).await;

    assert_eq!(entries.into_iter().flatten().count(), 1);
    let totals = stores.totals().await;
    assert_eq!((totals.entered.count, totals.entered.total_ms), (1, 9_000));
    assert_eq!((totals.delivered, totals.failed), (1, 0), "whoever enters the code has the message");
    let other = ProviderId("of nobody".to_owned());
    assert_eq!(stores.send_traces.record_entry(PROVIDER, &other, second(9)).await.expect("an answer"), None);
    let id = id_of(&message);
    let of_another = stores.send_traces.record_entry("twilio", &id, second(9)).await;
    assert_eq!(of_another.expect("an answer"), None);
}

pub async fn of_two_messages_with_one_id_of_the_provider_the_newer_is_entered_once(stores: &Stores) {
    let (first, second_one) = (message(phone(1)), message(phone(1)));
    for (message, at) in [(&first, start()), (&second_one, second(40))] {
        stores.begin_message(message, at).await;
        let repeated = Some(id_of(&first));
        let settled = stores
            .send_traces
            .settle_trace(message.reference, PROVIDER, Settlement::Sent, repeated, at)
            .await;
        settled.expect("settle_trace");
    }
    let took = stores.enter(&first, second(50)).await.map(|entry| entry.took);
    assert_eq!(took, Some(SignedDuration::from_secs(10)));
    assert_eq!(stores.enter(&first, second(51)).await, None);
    assert_eq!(stores.totals().await.entered.count, 1);
}

pub async fn wh_03_a_result_before_the_answer_of_the_provider_does_not_say_which_try_counts(stores: &Stores) {
    let message = message(phone(1));
    stores.begin_message(&message, start()).await;
    let of_a_lost_try =
        Callback { provider_id: ProviderId("lost".to_owned()), ..callback(&message, FAILED, 1) };
    assert_eq!(stores.hear(&of_a_lost_try).await, came(Arrival::Failed));
    assert_eq!(stores.hear(&callback(&message, CallbackEvent::Request, 2)).await, news(None));
    stores.settle_as(&message, Settlement::Sent, second(9)).await;
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 3)).await, came(Arrival::Arrived));
}

pub async fn conversions_are_those_of_people_who_had_proven_a_password(stores: &Stores) {
    let entered = stores.sent_message(1).await;
    assert!(stores.enter(&entered, second(20)).await.is_some());
    stores.sent_message(2).await;
    let of_a_stranger = NewSendTrace { purpose: Purpose::Registration, ..message(phone(3)) };
    let by_another = NewSendTrace { provider: "twilio", ..message(phone(4)) };
    let later = message(phone(5));
    for (message, at) in [(&of_a_stranger, start()), (&by_another, start()), (&later, hour(1))] {
        stores.begin_message(message, at).await;
        let settled = stores
            .send_traces
            .settle_trace(message.reference, message.provider, Settlement::Sent, None, at)
            .await;
        settled.expect("settle_trace");
    }
    let refused = message(phone(6));
    stores.begin_message(&refused, start()).await;
    stores.settle_as(&refused, Settlement::Fault, second(1)).await;

    let listed = stores.send_traces.list_conversions(start(), hour(1)).await.expect("list_conversions");

    let mut told: Vec<_> =
        listed.iter().map(|it| (it.provider.as_str(), it.country.as_str(), it.sent, it.entered)).collect();
    told.sort_unstable();
    assert_eq!(told, [(PROVIDER, "SE", 2, 1), ("twilio", "SE", 1, 0)]);
}

pub async fn wh_02_a_callback_of_nothing_that_was_sent_is_not_ours(stores: &Stores) {
    stores.sent_message(1).await;
    let unknown = message(phone(1));
    for event in [CallbackEvent::Request, SUCCESSFUL, DELIVERED] {
        assert_eq!(stores.hear(&callback(&unknown, event, 1)).await, Heard::NotOurs);
    }
    let without_reference = Callback { reference: None, ..callback(&unknown, DELIVERED, 1) };
    assert_eq!(stores.hear(&without_reference).await, Heard::NotOurs);
    let totals = stores.totals().await;
    assert_eq!((totals.delivered, totals.failed), (0, 0));
}

pub async fn wh_02_a_callback_of_another_number_or_verification_is_not_ours(stores: &Stores) {
    let message = stores.sent_message(1).await;
    let ours = callback(&message, DELIVERED, 1);
    let of_another_number = Callback { phone: phone(2), ..ours.clone() };
    let of_another = Callback { provider_id: ProviderId("another".to_owned()), ..ours.clone() };
    for foreign in [of_another_number, of_another] {
        assert_eq!(stores.hear(&foreign).await, Heard::NotOurs);
    }
    let by_another = stores.send_traces.hear_callback("twilio", &ours, second(9)).await;
    assert_eq!(by_another.expect("an answer"), Heard::NotOurs);

    let by_id_alone = Callback { reference: None, ..ours };
    assert_eq!(stores.hear(&by_id_alone).await, came(Arrival::Arrived));
}

pub async fn wh_02_a_message_that_was_not_sent_is_not_wanted(stores: &Stores) {
    let message = message(phone(1));
    stores.begin_message(&message, start()).await;
    stores.settle_as(&message, Settlement::Fault, second(1)).await;

    let heard = stores.hear(&callback(&message, CallbackEvent::Request, 1)).await;

    assert_eq!(heard, Heard::Ours { is_news: true, is_wanted: false, advanced: None, quoted: None });
}

pub async fn wh_03_a_callback_that_came_before_has_no_effect(stores: &Stores) {
    let message = stores.sent_message(1).await;
    let failed = callback(&message, FAILED, 1);
    assert_eq!(stores.hear(&failed).await, came(Arrival::Failed));
    assert_eq!(stores.hear(&failed).await, OLD);
    assert_eq!(stores.trace_of(&message).await.callbacks.len(), 1);
}

pub async fn wh_03_50_concurrent_repeats_of_a_callback_count_once(stores: &Stores) {
    let message = stores.sent_message(1).await;
    let repeats: Vec<Callback> = (0..CROWD).map(|_| callback(&message, DELIVERED, 1)).collect();

    let heard = stores.hear_at_once(&repeats).await;

    assert_eq!(heard.iter().filter(|heard| **heard == came(Arrival::Arrived)).count(), 1);
    assert_eq!(heard.iter().filter(|heard| **heard == OLD).count(), repeats.len() - 1);
    assert_eq!(stores.totals().await.delivered, 1);
    assert_eq!(stores.trace_of(&message).await.callbacks.len(), 1);
}

pub async fn wh_03_50_concurrent_callbacks_of_one_end_count_once(stores: &Stores) {
    let message = stores.sent_message(1).await;
    let crowd: Vec<Callback> = (0..50).map(|number| callback(&message, SUCCESSFUL, number)).collect();

    let heard = stores.hear_at_once(&crowd).await;

    assert_eq!(heard.iter().filter(|heard| **heard == came(Arrival::Arrived)).count(), 1);
    assert_eq!(heard.iter().filter(|heard| **heard == news(None)).count(), crowd.len() - 1);
    assert_eq!(stores.totals().await.delivered, 1);
}

pub async fn wh_03_no_callback_moves_a_message_backwards(stores: &Stores) {
    let message = stores.sent_message(1).await;
    for (number, event, expected) in [
        (1, FAILED, came(Arrival::Failed)),
        (2, EXPIRED, news(None)),
        (3, SUCCESSFUL, came(Arrival::Arrived)),
        (4, FAILED, news(None)),
        (5, EXPIRED, news(None)),
        (6, CallbackEvent::Request, news(None)),
    ] {
        assert_eq!(stores.hear(&callback(&message, event, number)).await, expected, "{event:?}");
    }

    let trace = stores.trace_of(&message).await;
    assert_eq!((trace.arrival, trace.arrived_at), (Arrival::Arrived, Some(second(8))));
    assert_eq!(trace.callbacks[1].reason.as_deref(), Some("Expired"));
    assert_eq!(trace.entered_at, None, "only a code that was checked here counts as entered");
    let totals = stores.totals().await;
    assert_eq!((totals.delivered, totals.failed, totals.entered.count), (1, 0, 0));
}

pub async fn wh_03_callbacks_before_the_answer_of_the_provider_count(stores: &Stores) {
    let message = message(phone(1));
    stores.begin_message(&message, start()).await;
    let first_try = Callback {
        provider_id: ProviderId("lost".to_owned()),
        ..callback(&message, CallbackEvent::Request, 1)
    };
    assert_eq!(stores.hear(&first_try).await, news(None));
    assert_eq!(stores.hear(&callback(&message, CallbackEvent::Request, 2)).await, news(None));
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 3)).await, came(Arrival::Arrived));
    stores.settle_as(&message, Settlement::Sent, second(9)).await;

    let trace = stores.trace_of(&message).await;
    assert_eq!((trace.arrival, trace.provider_id.clone()), (Arrival::Arrived, Some(id_of(&message))));
    let totals = stores.totals().await;
    assert_eq!((totals.sent, totals.delivered), (1, 1));
}

pub async fn callbacks_of_a_message_are_bounded(stores: &Stores) {
    let message = stores.sent_message(1).await;
    for number in 0..64 {
        assert_eq!(stores.hear(&callback(&message, EXPIRED, number)).await, news(None));
    }
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 64)).await, OLD);
    assert_eq!(stores.trace_of(&message).await.callbacks.len(), 64);
}

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

pub async fn figures_are_told_apart_by_what_is_asked_for(stores: &Stores) {
    let norwegian = PhoneNumber::from_stored("+4740612345").unwrap();
    let spoken = NewSendTrace { channel: Channel::Voice, ..message(phone(1)) };
    let by_another = NewSendTrace { provider: "twilio", ..message(norwegian) };
    for message in [&message(phone(2)), &spoken, &by_another] {
        stores.begin_message(message, start()).await;
    }
    let window = FigureWindow::last_hours(1, minute(30));
    let groups = async |by: &[FigureDimension]| {
        let cells = stores.figures(by, window, 100).await;
        let mut groups: Vec<(FigureGroup, u64)> =
            cells.into_iter().map(|cell| (cell.group, cell.figures.sent)).collect();
        groups.sort();
        groups
    };
    let group = |country: &str, channel: &str, provider: &str| FigureGroup {
        country: country.to_owned(),
        channel: channel.to_owned(),
        provider: provider.to_owned(),
        prefix: String::new(),
    };

    assert_eq!(groups(&[]).await, [(FigureGroup::default(), 3)]);
    assert_eq!(
        groups(&[FigureDimension::Country]).await,
        [(group("NO", "", ""), 1), (group("SE", "", ""), 2)]
    );
    assert_eq!(
        groups(&[FigureDimension::Channel, FigureDimension::Provider]).await,
        [(group("", "sms", "sinch"), 1), (group("", "sms", "twilio"), 1), (group("", "voice", "sinch"), 1)]
    );
    let prefixes = groups(&[FigureDimension::Prefix]).await;
    assert!(prefixes.iter().any(|(group, _)| group.prefix == by_another.prefix().as_str()), "{prefixes:?}");
}

pub async fn figures_come_in_steps_and_the_largest_groups_first(stores: &Stores) {
    let norwegian = message(PhoneNumber::from_stored("+4740612345").unwrap());
    stores.begin_message(&message(phone(1)), hour(-30)).await;
    stores.begin_message(&message(phone(2)), hour(-2)).await;
    stores.begin_message(&message(phone(3)), hour(0)).await;
    stores.begin_message(&norwegian, hour(0)).await;
    let steps = async |hours: u32, most: u32| {
        let window = FigureWindow::last_hours(hours, minute(5));
        let cells = stores.figures(&[FigureDimension::Country], window, most).await;
        let mut steps: Vec<(String, u32, u64)> =
            cells.into_iter().map(|cell| (cell.group.country, cell.point, cell.figures.sent)).collect();
        steps.sort();
        steps
    };

    let of_sweden = [("SE".to_owned(), 0, 1), ("SE".to_owned(), 2, 1)];
    assert_eq!(steps(3, 1).await, of_sweden, "the largest group only");
    let of_norway = ("NO".to_owned(), 2, 1);
    assert_eq!(steps(3, 2).await, [&[of_norway][..], &of_sweden[..]].concat());
    // In steps of two hours: the hour before the last begins a step of its own.
    assert_eq!(steps(31, 1).await.iter().map(|(_, _, sent)| sent).sum::<u64>(), 3);
}

pub async fn asvs_14_2_7_a_deleted_account_leaves_no_number_in_traces(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let message = message(user.phone.clone());
    stores.begin_message(&message, start()).await;
    stores.settle_as(&message, Settlement::Sent, second(1)).await;
    let of_another = stores.sent_message(2).await;

    assert!(stores.delete_account(user.id, minute(1)).await);

    assert_eq!(stores.traces(&user.phone).await, []);
    assert_eq!(stores.traces(&of_another.phone).await.len(), 1);
    assert_eq!(stores.hear(&callback(&message, DELIVERED, 1)).await, came(Arrival::Arrived), "figures go on");
}

pub async fn asvs_14_2_7_old_traces_are_forgotten_with_their_callbacks(stores: &Stores) {
    let mut sent: Vec<NewSendTrace> = Vec::new();
    for number in 0..3 {
        let message = stores.sent_message(number).await;
        stores.hear(&callback(&message, DELIVERED, 1)).await;
        sent.push(message);
    }
    let later = message(phone(4));
    stores.begin_message(&later, hour(5)).await;

    let forget = async |most| stores.send_traces.forget_traces(hour(4), most).await.expect("forget_traces");
    assert_eq!(forget(2).await, 3, "two traces, and the figures of the hour");
    assert_eq!(forget(10).await, 1);
    assert_eq!(forget(10).await, 0);

    for message in &sent {
        assert_eq!(stores.traces(&message.phone).await, []);
        assert_eq!(stores.hear(&callback(message, DELIVERED, 1)).await, Heard::NotOurs);
    }
    assert_eq!(stores.traces(&later.phone).await.len(), 1);
    assert_eq!(stores.traces(&phone(9)).await, []);
}
