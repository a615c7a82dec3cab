//! What happens to a message, step by step.

use domain::{
    Arrival, CallbackEvent, Channel, CountryCode, Currency, FigureDimension, FigureWindow, Money,
    PhoneNumber, ProviderId, Purpose, Quote, QuotedPrice, ResultStatus, SendFigures, SendTrace, Settlement,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{fresh_reference, minute, phone, start},
};
use crate::{Advance, Callback, Entry, FigureCell, FigureQuery, Heard, NewSendTrace};

pub(super) const PROVIDER: &str = "sinch";
pub(super) const COST: Money = Money(45_300);

pub(super) const SUCCESSFUL: CallbackEvent =
    CallbackEvent::Result { status: ResultStatus::Successful, reason: None };
pub(super) const EXPIRED: CallbackEvent =
    CallbackEvent::Result { status: ResultStatus::Fail, reason: Some("Expired") };
pub(super) const FAILED: CallbackEvent = CallbackEvent::Receipt { is_delivered: false };
pub(super) const DELIVERED: CallbackEvent = CallbackEvent::Receipt { is_delivered: true };

pub(super) fn second(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub(super) fn sweden() -> Option<CountryCode> {
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

pub(super) fn id_of(message: &NewSendTrace) -> ProviderId {
    ProviderId(format!("verification-{}", message.reference.0.simple()))
}

/// A signed request of its own for each number.
pub(super) fn callback(message: &NewSendTrace, event: CallbackEvent, number: u8) -> Callback {
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

pub(super) fn quote(amount: u64) -> Quote {
    Quote::new(Money(amount), Currency::default()).unwrap()
}

/// A question that says what the message costs.
pub(super) fn quoting(message: &NewSendTrace, amount: u64, number: u8) -> Callback {
    Callback { quote: Some(quote(amount)), ..callback(message, CallbackEvent::Request, number) }
}

pub(super) fn price(message: &NewSendTrace, amount: u64, number: i64) -> QuotedPrice {
    QuotedPrice {
        provider: PROVIDER.to_owned(),
        channel: message.channel,
        country: message.country,
        quote: quote(amount),
        said_at: second(5 + number),
    }
}

pub(super) const fn news(advanced: Option<Advance>) -> Heard {
    Heard::Ours { is_news: true, is_wanted: true, advanced, quoted: None }
}

pub(super) fn came(to: Arrival) -> Heard {
    news(Some(Advance { channel: Channel::Sms, country: sweden(), to }))
}

pub(super) fn priced(price: QuotedPrice) -> Heard {
    Heard::Ours { is_news: true, is_wanted: true, advanced: None, quoted: Some(price) }
}

pub(super) const OLD: Heard = Heard::Ours { is_news: false, is_wanted: true, advanced: None, quoted: None };

impl Stores {
    pub(super) async fn begin_message(&self, message: &NewSendTrace, now: Timestamp) {
        self.send_traces.begin_trace(message, now).await.expect("begin_trace");
    }

    pub(super) async fn settle_as(&self, message: &NewSendTrace, settlement: Settlement, now: Timestamp) {
        let id = (settlement == Settlement::Sent).then(|| id_of(message));
        let settled =
            self.send_traces.settle_trace(message.reference, message.provider, settlement, id, now).await;
        settled.expect("settle_trace");
    }

    /// A message that was sent at the beginning.
    pub(super) async fn sent_message(&self, number: u32) -> NewSendTrace {
        let message = message(phone(number));
        self.begin_message(&message, start()).await;
        self.settle_as(&message, Settlement::Sent, second(1)).await;
        message
    }

    pub(super) async fn enter(&self, message: &NewSendTrace, now: Timestamp) -> Option<Entry> {
        self.send_traces.record_entry(PROVIDER, &id_of(message), now).await.expect("record_entry")
    }

    pub(super) async fn hear(&self, callback: &Callback) -> Heard {
        let now = callback.said_at + SignedDuration::from_secs(1);
        self.send_traces.hear_callback(PROVIDER, callback, now).await.expect("hear_callback")
    }

    pub(super) async fn hear_at_once(&self, callbacks: &[Callback]) -> Vec<Heard> {
        join_all(callbacks.iter().map(|callback| self.hear(callback))).await
    }

    pub(super) async fn traces(&self, phone: &PhoneNumber) -> Vec<SendTrace> {
        self.send_traces.list_traces(phone, 10).await.expect("list_traces")
    }

    pub(super) async fn trace_of(&self, message: &NewSendTrace) -> SendTrace {
        let traces = self.traces(&message.phone).await;
        let trace = traces.into_iter().find(|trace| trace.reference == message.reference);
        trace.expect("the trace of the message")
    }

    pub(super) async fn quoted_prices(&self) -> Vec<QuotedPrice> {
        let mut prices = self.send_traces.list_quoted_prices().await.expect("list_quoted_prices");
        prices.sort_by_key(|price| (price.said_at, price.channel));
        prices
    }

    pub(super) async fn figures(
        &self,
        by: &[FigureDimension],
        window: FigureWindow,
        most: u32,
    ) -> Vec<FigureCell> {
        let query = FigureQuery { window, by: by.to_vec(), most };
        self.send_traces.list_figures(&query).await.expect("list_figures")
    }

    /// Everything of the last day.
    pub(super) async fn totals(&self) -> SendFigures {
        let mut total = SendFigures::default();
        for cell in self.figures(&[], FigureWindow::last_hours(24, minute(30)), 100).await {
            total += cell.figures;
        }
        total
    }
}
