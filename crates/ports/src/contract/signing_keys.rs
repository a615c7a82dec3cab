//! How signing keys are kept.

use domain::{SigningAlgorithm, SigningKey, SigningKeyId};
use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{minute, start},
};
use crate::{NewSigningKey, SealedValue, StoredSigningKey};

fn id(name: &str) -> SigningKeyId {
    SigningKeyId::parse(name).expect("a key id")
}

fn key(name: &str) -> NewSigningKey {
    NewSigningKey {
        id: id(name),
        algorithm: SigningAlgorithm::Es256,
        created_at: start(),
        activates_at: minute(5),
        private: SealedValue(format!("sealed.{name}")),
    }
}

impl Stores {
    async fn signing_keys(&self) -> Vec<StoredSigningKey> {
        self.signing_keys.list_signing_keys().await.expect("list_signing_keys")
    }

    /// Names and numbers of the keys, those in use marked.
    async fn names(&self) -> Vec<(String, u32, bool)> {
        let name = |stored: StoredSigningKey| {
            let in_use = stored.key.retired_at.is_none();
            (stored.key.id.as_str().to_owned(), stored.key.number, in_use)
        };
        self.signing_keys().await.into_iter().map(name).collect()
    }

    async fn add(&self, newest: u32, name: &str) -> bool {
        self.signing_keys.add_signing_key(newest, &key(name)).await.expect("add_signing_key")
    }

    async fn retire(&self, name: &str, successor: &str) -> bool {
        let retired = self.signing_keys.retire_signing_key(&id(name), &key(successor), minute(9)).await;
        retired.expect("retire_signing_key")
    }
}

fn named(name: &str, number: u32, in_use: bool) -> (String, u32, bool) {
    (name.to_owned(), number, in_use)
}

pub async fn a_signing_key_is_listed_as_it_was_added(stores: &Stores) {
    assert_eq!(stores.signing_keys().await, []);
    assert!(stores.add(0, "first").await);
    let second = NewSigningKey { algorithm: SigningAlgorithm::EdDsa, ..key("second") };
    assert!(stores.signing_keys.add_signing_key(1, &second).await.expect("add_signing_key"));

    let as_added = |number, new: NewSigningKey| StoredSigningKey {
        key: SigningKey {
            id: new.id,
            number,
            algorithm: new.algorithm,
            created_at: start(),
            activates_at: minute(5),
            retired_at: None,
        },
        private: new.private,
    };
    assert_eq!(stores.signing_keys().await, [as_added(1, key("first")), as_added(2, second)]);
}

pub async fn a_signing_key_follows_the_newest_only(stores: &Stores) {
    assert!(!stores.add(1, "orphan").await);
    assert!(stores.add(0, "first").await);
    assert!(!stores.add(0, "another").await);
    assert!(stores.add(1, "second").await);
    assert!(!stores.add(1, "late").await);
    assert!(!stores.add(2, "second").await, "one id is one key");
    assert_eq!(stores.names().await, [named("first", 1, true), named("second", 2, true)]);
}

pub async fn tk_08_one_of_50_concurrent_starts_makes_the_first_signing_key(stores: &Stores) {
    for newest in [0, 1] {
        let names: Vec<String> = (0..50).map(|caller| format!("key-{newest}-{caller}")).collect();
        let added = join_all(names.iter().map(|name| stores.add(newest, name))).await;
        assert_eq!(added.into_iter().filter(|added| *added).count(), 1);
    }
    assert_eq!(stores.names().await.len(), 2);
}

pub async fn retiring_the_newest_signing_key_adds_its_successor(stores: &Stores) {
    stores.add(0, "first").await;
    assert!(!stores.retire("unknown", "second").await);
    assert!(stores.retire("first", "second").await);
    assert!(!stores.retire("first", "third").await, "it is retired already");
    assert_eq!(stores.names().await, [named("first", 1, false), named("second", 2, true)]);
    let first = stores.signing_keys().await.remove(0);
    assert_eq!(first.key.retired_at, Some(minute(9)));
}

pub async fn retiring_an_older_signing_key_adds_none(stores: &Stores) {
    stores.add(0, "first").await;
    stores.add(1, "second").await;
    assert!(stores.retire("first", "third").await);
    assert_eq!(stores.names().await, [named("first", 1, false), named("second", 2, true)]);
}

pub async fn one_of_50_concurrent_callers_retires_a_signing_key(stores: &Stores) {
    stores.add(0, "first").await;
    let successors: Vec<String> = (0..50).map(|caller| format!("successor-{caller}")).collect();
    let retired = join_all(successors.iter().map(|name| stores.retire("first", name))).await;
    assert_eq!(retired.into_iter().filter(|retired| *retired).count(), 1);
    let names = stores.names().await;
    let in_use: Vec<bool> = names.iter().map(|(_, _, in_use)| *in_use).collect();
    assert_eq!(in_use, [false, true], "{names:?}");
}

pub async fn the_newest_signing_key_is_in_use_whatever_50_concurrent_callers_do(stores: &Stores) {
    stores.add(0, "first").await;
    stores.add(1, "second").await;
    let acts = (0..50_u32).map(|caller| async move {
        let name = format!("key-{caller}");
        match caller % 3 {
            0 => stores.add(2 + caller % 2, &name).await,
            1 => stores.retire("second", &name).await,
            _ => stores.retire("first", &name).await,
        }
    });
    join_all(acts).await;
    let names = stores.names().await;
    assert!(names.last().is_some_and(|(_, _, in_use)| *in_use), "{names:?}");
    assert!((1..).zip(&names).all(|(number, name)| name.1 == number), "{names:?}");
    assert!(names.iter().take(2).all(|(_, _, in_use)| !in_use), "{names:?}");
}

pub async fn signing_keys_are_forgotten_but_never_the_newest(stores: &Stores) {
    for (newest, name) in (0..).zip(["first", "second", "third"]) {
        assert!(stores.add(newest, name).await);
    }
    let forget = async |names: &[&str]| {
        let ids: Vec<SigningKeyId> = names.iter().map(|name| id(name)).collect();
        stores.signing_keys.forget_signing_keys(&ids).await.expect("forget_signing_keys")
    };
    assert_eq!(forget(&[]).await, 0);
    assert_eq!(forget(&["unknown", "first", "second", "third"]).await, 2);
    assert_eq!(stores.names().await, [named("third", 3, true)]);
    assert_eq!(forget(&["third"]).await, 0);
    assert!(stores.add(3, "fourth").await, "numbers go on");
}
