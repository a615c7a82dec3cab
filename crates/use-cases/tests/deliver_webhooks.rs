//! Fanning events out and delivering them, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{EndpointName, EventId, EventName};
use fixtures::{Log, clock, in_seconds, now, unavailable, user};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    DueDelivery, MockWebhookSender, MockWebhookStore, StoreError, Subscription, WebhookEvent, WebhookFault,
};
use use_cases::{DeliverWebhooks, FanOutEvents};
use uuid::Uuid;

fn endpoint() -> EndpointName {
    EndpointName::parse("crm").unwrap()
}

/// The event's id ends in a zero, so nothing is added to a pause.
fn due(attempt: u32) -> DueDelivery {
    let event = WebhookEvent {
        id: EventId(Uuid::from_u128(1 << 8)),
        name: EventName::UserCreated,
        user_id: user().id,
        session_id: None,
        occurred_at: in_seconds(-1),
    };
    DueDelivery { endpoint: endpoint(), event, attempt }
}

fn store(due: Vec<DueDelivery>) -> MockWebhookStore {
    let mut store = MockWebhookStore::new();
    store
        .expect_claim_deliveries()
        .with(eq(endpoint()), eq(8), eq(in_seconds(60)), eq(now()))
        .once()
        .return_once(|_, _, _, _| Ok(due));
    store
}

fn wire(webhooks: MockWebhookStore, sender: MockWebhookSender) -> DeliverWebhooks {
    DeliverWebhooks {
        clock: clock(),
        webhooks: Arc::new(webhooks),
        sender: Arc::new(sender),
        endpoint: endpoint(),
    }
}

fn failing(fault: WebhookFault) -> MockWebhookSender {
    let mut sender = MockWebhookSender::new();
    sender.expect_deliver().once().return_once(|_, _| Err(fault));
    sender
}

fn fan_out(webhooks: MockWebhookStore) -> FanOutEvents {
    let subscriptions = vec![Subscription { endpoint: endpoint(), events: vec![EventName::UserCreated] }];
    FanOutEvents { clock: clock(), webhooks: Arc::new(webhooks), subscriptions }
}

#[tokio::test]
async fn events_of_the_last_three_days_are_fanned_out() {
    for (events, more) in [(0, false), (99, false), (100, true)] {
        let mut store = MockWebhookStore::new();
        let since = now() - SignedDuration::from_hours(72);
        store
            .expect_fan_out()
            .withf(move |subscriptions, from, most, at| {
                (subscriptions.len(), *from, *most, *at) == (1, since, 100, now())
            })
            .once()
            .return_once(move |_, _, _, _| Ok(events));
        assert_eq!(fan_out(store).execute().await.unwrap(), more);
    }
    let mut store = MockWebhookStore::new();
    store.expect_fan_out().once().return_once(|_, _, _, _| Err(unavailable()));
    assert!(matches!(fan_out(store).execute().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn an_event_is_delivered_and_then_over() {
    let mut order = Sequence::new();
    let mut store = store(vec![due(1)]);
    let mut sender = MockWebhookSender::new();
    sender
        .expect_deliver()
        .with(eq(endpoint()), eq(due(1).event))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(()));
    store.expect_finish_delivery().with(eq(due(1))).once().in_sequence(&mut order).return_once(|_| Ok(()));
    assert!(!wire(store, sender).execute().await.unwrap());
}

#[tokio::test]
async fn a_full_round_may_have_left_some() {
    let mut store = store(vec![due(1); 8]);
    let mut sender = MockWebhookSender::new();
    sender.expect_deliver().times(8).returning(|_, _| Ok(()));
    store.expect_finish_delivery().times(8).returning(|_| Ok(()));
    assert!(wire(store, sender).execute().await.unwrap());
}

#[tokio::test]
async fn what_did_not_arrive_is_tried_again_later_and_later() {
    let faults = [
        WebhookFault::Refused(500),
        WebhookFault::TimedOut,
        WebhookFault::Unreachable("connection refused".to_owned()),
    ];
    for (attempt, fault, seconds) in (1..).zip(faults).zip([5, 300, 1800]).map(|((a, f), s)| (a, f, s)) {
        let mut store = store(vec![due(attempt)]);
        let text = fault.to_string();
        store
            .expect_put_off_delivery()
            .withf(move |delivery, failure, at| {
                (delivery, failure, *at) == (&due(attempt), text.as_str(), in_seconds(seconds))
            })
            .once()
            .return_once(|_, _, _| Ok(()));
        assert!(!wire(store, failing(fault)).execute().await.unwrap());
    }
}

#[tokio::test]
async fn a_delivery_is_given_up_after_its_tenth_attempt_or_when_the_endpoint_is_gone() {
    for (attempt, fault, failure) in
        [(10, WebhookFault::Refused(500), "status 500"), (1, WebhookFault::Gone, "status 410, gone")]
    {
        let log = Log::listen();
        let mut store = store(vec![due(attempt)]);
        store
            .expect_bury_delivery()
            .withf(move |delivery, why, at| (delivery, why, *at) == (&due(attempt), failure, now()))
            .once()
            .return_once(|_, _, _| Ok(()));
        wire(store, failing(fault)).execute().await.unwrap();
        assert!(log.text().contains("webhook_given_up") && log.text().contains("crm"), "{}", log.text());
    }
}
