//! Events reach each endpoint that wants them, by one caller at a time.

use std::collections::BTreeSet;

use domain::{EndpointName, EventId, EventName, User};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{CROWD, MICROSECOND, event, fresh_uuid, hour, minute, person, start},
};
use crate::{DeadDelivery, DeadFilter, DueDelivery, NewSession, Subscription, WebhookEvent};

const LEASE: SignedDuration = SignedDuration::from_mins(1);

fn endpoint(name: &str) -> EndpointName {
    EndpointName::parse(name).expect("a name")
}

fn wants(name: &str, events: &[EventName]) -> Subscription {
    Subscription { endpoint: endpoint(name), events: events.to_vec() }
}

fn wants_all(name: &str) -> Subscription {
    wants(name, &EventName::ALL)
}

impl Stores {
    async fn fan_out(&self, subscriptions: &[Subscription], now: Timestamp) -> u64 {
        let since = now - SignedDuration::from_hours(72);
        self.webhooks.fan_out(subscriptions, since, 100, now).await.expect("fan_out")
    }

    async fn claim_deliveries(&self, name: &str, most: u32, now: Timestamp) -> Vec<DueDelivery> {
        let claimed = self.webhooks.claim_deliveries(&endpoint(name), most, now + LEASE, now).await;
        claimed.expect("claim_deliveries")
    }

    async fn claim_delivery(&self, name: &str, now: Timestamp) -> DueDelivery {
        let claimed = self.claim_deliveries(name, 10, now).await;
        let [due] = <[DueDelivery; 1]>::try_from(claimed).expect("one delivery");
        due
    }

    async fn bury(&self, due: &DueDelivery, now: Timestamp) {
        self.webhooks.bury_delivery(due, "status 500", now).await.expect("bury_delivery");
    }

    async fn dead(&self, filter: &DeadFilter) -> Vec<DeadDelivery> {
        self.webhooks.list_dead(filter, 100).await.expect("list_dead")
    }

    /// Somebody who has just signed up, and the one event of it, made out to the endpoint `a`.
    async fn one_delivery(&self) -> (User, NewSession) {
        let signed_up = self.register(person(1), start()).await;
        assert_eq!(self.fan_out(&[wants_all("a")], start()).await, 1);
        signed_up
    }
}

fn ids(due: &[DueDelivery]) -> BTreeSet<EventId> {
    due.iter().map(|due| due.event.id).collect()
}

pub async fn an_event_is_made_out_once_to_all_who_want_it(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    assert!(stores.end(session.id, user.id, minute(1)).await);
    let subscriptions =
        [wants_all("a"), wants("b", &[EventName::UserCreated]), wants("c", &[EventName::StepUp])];

    assert_eq!(stores.fan_out(&subscriptions, minute(1)).await, 2);
    assert_eq!(stores.fan_out(&subscriptions, minute(2)).await, 0);

    let created = WebhookEvent {
        id: session.event.id,
        name: EventName::UserCreated,
        user_id: user.id,
        session_id: Some(session.id),
        occurred_at: start(),
    };
    let due = stores.claim_delivery("b", minute(2)).await;
    assert_eq!(due, DueDelivery { endpoint: endpoint("b"), event: created.clone(), attempt: 1 });
    let names: Vec<EventName> =
        stores.claim_deliveries("a", 10, minute(2)).await.into_iter().map(|due| due.event.name).collect();
    assert!(
        names.len() == 2
            && names.contains(&EventName::UserCreated)
            && names.contains(&EventName::TokenRevoked)
    );
    for name in ["c", "d"] {
        assert_eq!(stores.claim_deliveries(name, 10, hour(1)).await, []);
    }
}

pub async fn what_happened_too_long_ago_is_not_made_out(stores: &Stores) {
    stores.register(person(1), start()).await;
    stores.register(person(2), hour(1)).await;
    let since = |since: Timestamp| async move {
        stores.webhooks.fan_out(&[wants_all("a")], since, 100, hour(2)).await.expect("fan_out")
    };

    assert_eq!([since(hour(1)).await, since(start()).await], [0, 1]);
    assert_eq!(stores.claim_delivery("a", hour(2)).await.event.occurred_at, hour(1));
}

pub async fn an_event_is_made_out_once_by_50_concurrent_callers(stores: &Stores) {
    let mut signed_up = BTreeSet::new();
    for number in 1..=10 {
        signed_up.insert(stores.register(person(number), minute(number.into())).await.1.event.id);
    }
    let subscriptions = [wants_all("a"), wants_all("b")];
    let fan_out = || stores.webhooks.fan_out(&subscriptions, start(), 3, minute(20));

    let made_out = join_all((0..CROWD).map(|_| fan_out())).await;
    let mut sum: u64 = made_out.into_iter().map(|events| events.expect("fan_out")).sum();
    // Who finds what others hold goes on without it.
    for _ in 0..4 {
        sum += fan_out().await.expect("fan_out");
    }

    assert_eq!(sum, 10);
    for name in ["a", "b"] {
        let due = stores.claim_deliveries(name, 100, minute(20)).await;
        assert_eq!((due.len(), ids(&due)), (10, signed_up.clone()));
    }
}

pub async fn each_delivery_is_taken_by_one_of_50_concurrent_callers(stores: &Stores) {
    for number in 1..=20 {
        stores.register(person(number), minute(1)).await;
    }
    assert_eq!(stores.fan_out(&[wants_all("a"), wants_all("b")], minute(1)).await, 20);

    let claims = join_all((0..CROWD).map(|_| stores.claim_deliveries("a", 3, minute(1)))).await;

    assert!(claims.iter().all(|claim| claim.len() <= 3));
    let mut claimed: Vec<DueDelivery> = claims.into_iter().flatten().collect();
    claimed.extend(stores.claim_deliveries("a", 20, minute(1)).await);
    assert_eq!((claimed.len(), ids(&claimed).len()), (20, 20));
    assert_eq!(stores.claim_deliveries("b", 100, minute(1)).await.len(), 20, "endpoints are apart");
}

pub async fn rc_06_a_delivery_is_due_again_when_its_lease_ends(stores: &Stores) {
    let (_, session) = stores.one_delivery().await;
    let lost = stores.claim_delivery("a", start()).await;
    assert_eq!(stores.claim_deliveries("a", 10, minute(1) - MICROSECOND).await, []);

    let again = stores.claim_delivery("a", minute(1)).await;

    assert_eq!((again.event.id, again.attempt), (session.event.id, 2));
    // Whoever comes back from the dead decides nothing any more.
    stores.webhooks.finish_delivery(&lost).await.expect("finish_delivery");
    stores.webhooks.put_off_delivery(&lost, "no answer in time", hour(9)).await.expect("put_off_delivery");
    stores.bury(&lost, minute(1)).await;
    assert_eq!(stores.claim_delivery("a", minute(2)).await.attempt, 3);
}

pub async fn a_delivery_that_has_arrived_is_over(stores: &Stores) {
    stores.one_delivery().await;
    let due = stores.claim_delivery("a", start()).await;

    stores.webhooks.finish_delivery(&due).await.expect("finish_delivery");

    stores.bury(&due, minute(1)).await;
    assert_eq!(stores.claim_deliveries("a", 10, hour(9)).await, []);
    assert_eq!(stores.dead(&DeadFilter::default()).await, []);
    assert_eq!(stores.fan_out(&[wants_all("a")], minute(1)).await, 0, "and is not made out again");
}

pub async fn a_delivery_that_is_put_off_is_due_then(stores: &Stores) {
    stores.one_delivery().await;
    let due = stores.claim_delivery("a", start()).await;

    stores.webhooks.put_off_delivery(&due, "status 503", minute(9)).await.expect("put_off_delivery");

    assert_eq!(stores.claim_deliveries("a", 10, minute(9) - MICROSECOND).await, []);
    assert_eq!(stores.claim_delivery("a", minute(9)).await.attempt, 2);
}

pub async fn a_delivery_that_is_given_up_is_listed_and_revived(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    assert!(stores.end(session.id, user.id, minute(1)).await);
    assert_eq!(stores.fan_out(&[wants_all("a"), wants_all("b")], minute(1)).await, 2);
    let mut expected = Vec::new();
    for (name, minutes) in [("a", 2), ("b", 3)] {
        for (due, seconds) in stores.claim_deliveries(name, 10, minute(minutes)).await.into_iter().zip(1..) {
            let dead_at = minute(minutes) + SignedDuration::from_secs(seconds);
            stores.bury(&due, dead_at).await;
            let (failure, attempts) = ("status 500".to_owned(), 1);
            expected.insert(
                0,
                DeadDelivery { endpoint: name.to_owned(), event: due.event, attempts, failure, dead_at },
            );
        }
    }

    assert_eq!(stores.dead(&DeadFilter::default()).await, expected);
    let newest = stores.webhooks.list_dead(&DeadFilter::default(), 1).await.expect("list_dead");
    assert!(newest.iter().eq(expected.first()));
    assert_eq!(stores.claim_deliveries("a", 10, hour(99)).await, []);
    let of_a = DeadFilter { endpoint: Some(endpoint("a")), event: None };
    let of_event = DeadFilter { endpoint: None, event: Some(session.event.id) };
    let one = DeadFilter { endpoint: of_a.endpoint.clone(), ..of_event.clone() };
    let nothing = DeadFilter { endpoint: None, event: Some(EventId(fresh_uuid())) };
    for (filter, count) in [(&of_a, 2), (&of_event, 2), (&one, 1), (&nothing, 0)] {
        assert_eq!(stores.dead(filter).await.len(), count);
    }
    let revive = async |filter| stores.webhooks.revive_dead(filter, hour(5)).await.expect("revive_dead");
    assert_eq!([revive(&nothing).await, revive(&one).await, revive(&one).await], [0, 1, 0]);
    let due = stores.claim_delivery("a", hour(5)).await;
    assert_eq!((due.event.id, due.attempt), (session.event.id, 1));
    assert_eq!(
        [revive(&DeadFilter::default()).await, stores.dead(&DeadFilter::default()).await.len() as u64],
        [3, 0]
    );
}

pub async fn the_product_hears_of_a_deletion(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    let deletion = event(EventName::UserDeleted);
    assert_eq!(stores.accounts.delete_account(user.id, &deletion, minute(1)).await.ok(), Some(true));

    assert_eq!(stores.fan_out(&[wants_all("a")], minute(1)).await, 2);

    let due = stores.claim_deliveries("a", 10, minute(1)).await;
    assert_eq!(ids(&due), [session.event.id, deletion.id].into());
    assert!(due.iter().all(|due| due.event.user_id == user.id));
}

pub async fn a_forgotten_event_takes_its_deliveries_along(stores: &Stores) {
    stores.one_delivery().await;

    assert_eq!(stores.events.forget_events(minute(1), 10).await.ok(), Some(1));

    assert_eq!(stores.claim_deliveries("a", 10, hour(1)).await, []);
}
