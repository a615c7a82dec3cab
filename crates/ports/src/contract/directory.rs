//! What operators find.

use domain::{AccountName, AccountQuery, Email, EventId, EventName, UserId};

use super::{
    Stores,
    fixtures::{email, event, fresh_uuid, minute, person, phone, session, start},
};
use crate::{AccountEntry, PendingRegistration};

impl Stores {
    async fn found(&self, text: &str) -> Vec<UserId> {
        let query = AccountQuery::parse(text).unwrap();
        let found = self.directory.find_accounts(&query, None, 100).await.expect("find_accounts");
        found.into_iter().map(|entry| entry.user.id).collect()
    }

    async fn register_as(&self, number: u32, address: &str) -> UserId {
        let person = PendingRegistration { email: Email::parse(address).unwrap(), ..person(number) };
        self.register(person, start()).await.0.id
    }
}

pub async fn an_account_is_found_by_each_of_its_names(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.register(person(11), start()).await;

    let names = [AccountName::Id(user.id), AccountName::Email(email(1)), AccountName::Phone(phone(1))];
    for name in names {
        let query = AccountQuery::Named(name);
        let found = stores.directory.find_accounts(&query, None, 10).await.expect("find_accounts");
        assert_eq!(found, [AccountEntry { user: user.clone(), lock: None }]);
        let after = stores.directory.find_accounts(&query, Some(user.id), 10).await.expect("find_accounts");
        assert_eq!(after, []);
    }
    assert_eq!(stores.found(&fresh_uuid().to_string()).await, []);
    assert_eq!(stores.found("nobody@example.com").await, []);
    assert_eq!(stores.found("+46700000099").await, []);
}

pub async fn asvs_1_2_4_every_character_of_a_part_matches_itself(stores: &Stores) {
    let plain = stores.register_as(1, "ann.plain@example.com").await;
    let percent = stores.register_as(2, "50%off@example.com").await;
    let line = stores.register_as(3, "under_line@example.com").await;
    let quote = stores.register_as(4, "o'neil@example.com").await;
    let umlaut = stores.register_as(5, "J\u{f6}rg@example.com").await;

    let cases = [
        ("ANN.", vec![plain]),
        ("%", vec![percent]),
        ("_", vec![line]),
        ("'", vec![quote]),
        ("r_l", vec![line]),
        ("r%l", vec![]),
        ("\\", vec![]),
        ("*", vec![]),
        ("jO\u{308}", vec![umlaut]),
        ("' OR 1=1 --", vec![]),
        ("", vec![plain, percent, line, quote, umlaut]),
        ("@EXAMPLE.", vec![plain, percent, line, quote, umlaut]),
    ];
    for (text, expected) in cases {
        assert_eq!(stores.found(text).await, expected, "{text:?}");
    }
}

pub async fn pages_of_accounts_have_neither_gap_nor_repetition(stores: &Stores) {
    let mut registered = Vec::new();
    for number in 1..=7 {
        registered.push(stores.register(person(number), start()).await.0.id);
    }
    let (mut found, mut listed) = (Vec::new(), Vec::new());
    loop {
        let page =
            stores.directory.find_accounts(&AccountQuery::All, found.last().copied(), 3).await.expect("find");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        found.extend(page.into_iter().map(|entry| entry.user.id));
        if let [_, second, third] = found[..] {
            stores.delete_account(second, minute(1)).await;
            stores.delete_account(third, minute(1)).await;
        }
    }
    loop {
        let page = stores.directory.list_accounts(listed.last().copied(), 2).await.expect("list_accounts");
        let Some(last) = page.last() else { break };
        assert!(last.password_hash.as_str().starts_with("$2b$"));
        listed.extend(page.into_iter().map(|account| account.user.id));
    }

    assert_eq!(found, registered);
    registered.drain(1..=2);
    assert_eq!(listed, registered);
}

pub async fn all_sessions_of_an_account_end(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let second = session(minute(10));
    stores.sign_in(&user, &second, minute(10)).await;
    let end = async |id| {
        let event = event(EventName::TokenRevoked);
        stores.directory.end_all_sessions(id, &event, minute(20)).await.expect("end_all_sessions")
    };

    assert_eq!(end(user.id).await, Some(2));

    for ended in [&first, &second] {
        assert!(!stores.is_live(ended.id, user.id, minute(20)).await);
        assert!(stores.is_refused(ended, minute(20)).await);
    }
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(20)).await);
    assert_eq!(end(user.id).await, Some(0));
    assert_eq!(end(UserId(fresh_uuid())).await, None);
    let names = stores.event_names(user.id).await;
    assert_eq!(names, [EventName::TokenRevoked, EventName::LoginSuccess, EventName::UserCreated]);
}

pub async fn events_of_all_accounts_are_listed_the_newest_first(stores: &Stores) {
    let mut people = Vec::new();
    for number in 1..=3 {
        people.push(stores.register(person(number), minute(i64::from(number))).await.0.id);
    }
    let list = async |before: Option<EventId>, most| {
        stores.directory.list_all_events(before, most).await.expect("list_all_events")
    };

    let all = list(None, 10).await;
    let first = list(None, 2).await;
    let rest = list(first.last().map(|event| event.event.id), 10).await;

    people.reverse();
    assert_eq!(all.iter().map(|event| event.user_id).collect::<Vec<_>>(), people);
    assert!(all.iter().all(|event| event.event.name == EventName::UserCreated));
    assert_eq!(first.into_iter().chain(rest).collect::<Vec<_>>(), all);
}
