//! What providers tell of messages, in any order and any number of times.

use domain::{Arrival, CallbackEvent, ProviderId, Settlement};

use super::{
    Stores,
    fixtures::{CROWD, phone, start},
    message_steps::{
        DELIVERED, EXPIRED, FAILED, OLD, SUCCESSFUL, callback, came, id_of, message, news, second,
    },
};
use crate::{Callback, Heard};

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
