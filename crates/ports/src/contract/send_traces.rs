//! What became of messages, and that everything is counted once.

use domain::{Arrival, CallbackEvent, Channel, EntryTimes, ProviderId, Purpose, SendFigures, Settlement};
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::{
    Stores,
    fixtures::{CROWD, hour, minute, person, phone, start},
    message_steps::{
        COST, DELIVERED, FAILED, PROVIDER, callback, came, id_of, message, news, second, sweden,
    },
};
use crate::{Entry, Heard, NewSendTrace};

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
