//! How recorded events are listed and forgotten.

use domain::{Client, EventId, EventName, SecurityEvent, User, UserId};

use super::{
    Stores,
    fixtures::{event, event_client, key_of, minute, person, start},
};
use crate::PasswordFailure;

impl Stores {
    /// Records wrong passwords of somebody, one a minute.
    async fn fail(&self, user: &User, minutes: std::ops::Range<i64>) {
        for minutes in minutes {
            let owner = Some((user.id, event(EventName::LoginFail)));
            let failure = PasswordFailure { key: key_of(user), owner, device: None };
            let recorded = self.accounts.record_password_failure(&failure, minute(minutes)).await;
            recorded.expect("record_password_failure");
        }
    }

    async fn page(&self, user: UserId, before: Option<EventId>, most: u32) -> Vec<SecurityEvent> {
        self.events.list_events(user, before, most).await.expect("list_events")
    }
}

pub async fn events_are_listed_the_newest_first_and_own_ones_only(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    for minutes in [1, 3, 5] {
        stores.fail(&user, minutes..minutes + 1).await;
        stores.fail(&stranger, minutes + 1..minutes + 2).await;
    }

    for (id, minutes) in [(user.id, [5, 3, 1, 0]), (stranger.id, [6, 4, 2, 0])] {
        let events = stores.events(id).await;
        assert!(events.iter().map(|event| event.occurred_at).eq(minutes.map(minute)));
        assert!(events.is_sorted_by(|newer, older| newer.id > older.id));
        let newest: Vec<SecurityEvent> = events.iter().take(2).cloned().collect();
        assert_eq!(stores.page(id, None, 2).await, newest);
    }
}

pub async fn pages_of_events_have_neither_gap_nor_repetition(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    for minutes in 1..8 {
        stores.fail(&user, minutes..minutes + 1).await;
        stores.fail(&stranger, minutes..minutes + 1).await;
    }
    let all = stores.events(user.id).await;

    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = stores.page(user.id, before, 3).await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3 && paged.len() <= all.len());
        before = Some(last.id);
        // What happens meanwhile is newer, and so on no further page.
        stores.fail(&user, 10..11).await;
        paged.extend(page);
    }

    assert_eq!(all.len(), 8);
    assert_eq!(paged, all);
}

pub async fn a_deletion_leaves_the_events_without_clients(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    stores.fail(&user, 1..3).await;
    stores.fail(&stranger, 1..3).await;
    let before = stores.events(user.id).await;
    let of_stranger = stores.events(stranger.id).await;

    assert!(stores.delete_account(user.id, minute(5)).await);

    let mut left = stores.events(user.id).await;
    assert!(left.iter().all(|event| event.client == Client::default()));
    let last = left.remove(0);
    assert_eq!((last.name, last.session_id, last.occurred_at), (EventName::UserDeleted, None, minute(5)));
    let anonymous = before.into_iter().map(|event| SecurityEvent { client: Client::default(), ..event });
    assert!(anonymous.eq(left));
    assert_eq!(stores.events(stranger.id).await, of_stranger);
    assert!(of_stranger.iter().all(|event| event.client == event_client()));
}

pub async fn nothing_is_recorded_of_a_deleted_account(stores: &Stores) {
    let (user, session) = stores.register(person(1), start()).await;
    assert!(stores.delete_account(user.id, minute(1)).await);

    // Its password may have been compared while it was deleted.
    stores.fail(&user, 2..4).await;
    stores.end(session.id, user.id, minute(4)).await;

    assert_eq!(stores.event_names(user.id).await, [EventName::UserDeleted, EventName::UserCreated]);
}

pub async fn older_events_are_forgotten_in_bounded_bites(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    stores.fail(&user, 1..5).await;
    stores.fail(&stranger, 1..5).await;

    let mut bites = Vec::new();
    loop {
        match stores.events.forget_events(minute(3), 4).await.expect("forget_events") {
            0 => break,
            gone => bites.push(gone),
        }
        assert!(bites.len() <= 10, "what is forgotten is forgotten once");
    }

    assert_eq!(bites.iter().sum::<u64>(), 6, "two sign-ups and four wrong passwords");
    assert!(bites.iter().all(|gone| *gone <= 4), "{bites:?}");
    for id in [user.id, stranger.id] {
        let left = stores.events(id).await;
        assert!(left.iter().map(|event| event.occurred_at).eq([minute(4), minute(3)]));
    }
}
