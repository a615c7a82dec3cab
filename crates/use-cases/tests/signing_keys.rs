//! Signing keys over their life: made, put in force, replaced, taken out of use, forgotten.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::{Arc, Mutex};

use domain::{
    SigningAlgorithm, SigningKey, SigningKeyId, SigningKeyPolicy, SigningKeySet,
    SigningKeyState::{Active, Retired, Retiring, Upcoming},
};
use fixtures::{clock, in_seconds, now};
use jiff::{SignedDuration, Timestamp};
use mockall::predicate::eq;
use ports::{
    MockSealer, MockSigningKeyRing, MockSigningKeyStore, NewSigningKey, SealContext, SealedValue,
    SigningKeyPair, StoredSigningKey, UnsealError, Unsealed,
};
use secrecy::ExposeSecret;
use use_cases::{
    Haste, KeepSigningKeys, KeysInForce, RetireSigningKey, RetireSigningKeyError, RotateSigningKey,
    RotateSigningKeyError, SigningKeysUnusable,
};

const EDDSA: SigningAlgorithm = SigningAlgorithm::EdDsa;
const POLICY: SigningKeyPolicy = SigningKeyPolicy {
    publish_lead: SignedDuration::from_secs(300),
    refresh_every: SignedDuration::from_secs(30),
    access_ttl: SignedDuration::from_secs(900),
};
const WEEK: i64 = 7 * 24 * 3600;

fn id(name: &str) -> SigningKeyId {
    SigningKeyId::parse(name).unwrap()
}

/// A stored key that was made a day before it begins.
fn stored(name: &str, number: u32, activates_at: Timestamp) -> StoredSigningKey {
    let key = SigningKey {
        id: id(name),
        number,
        algorithm: EDDSA,
        created_at: activates_at - SignedDuration::from_hours(24),
        activates_at,
        retired_at: None,
    };
    StoredSigningKey { key, private: SealedValue(format!("sealed {name}")) }
}

fn retired(name: &str, number: u32, activates_at: Timestamp, retired_at: Timestamp) -> StoredSigningKey {
    let mut key = stored(name, number, activates_at);
    key.key.retired_at = Some(retired_at);
    key
}

fn count<T>(things: &[T]) -> u32 {
    u32::try_from(things.len()).unwrap()
}

/// What the store held before, and what one of the acts added.
fn and_new(mut before: Vec<StoredSigningKey>, key: &NewSigningKey) -> Vec<StoredSigningKey> {
    let number = count(&before) + 1;
    let entry = SigningKey {
        id: key.id.clone(),
        number,
        algorithm: key.algorithm,
        created_at: key.created_at,
        activates_at: key.activates_at,
        retired_at: None,
    };
    before.push(StoredSigningKey { key: entry, private: key.private.clone() });
    before
}

/// A store that holds `keys` and takes up what is added.
fn store(keys: Vec<StoredSigningKey>) -> (MockSigningKeyStore, Arc<Mutex<Vec<NewSigningKey>>>) {
    let (mut store, added) = (MockSigningKeyStore::new(), Arc::new(Mutex::new(Vec::new())));
    let (before, seen) = (count(&keys), added.clone());
    store.expect_list_signing_keys().returning(move || {
        Ok(seen.lock().unwrap().iter().fold(keys.clone(), |keys, key: &NewSigningKey| and_new(keys, key)))
    });
    let seen = added.clone();
    store.expect_add_signing_key().returning(move |newest, key| {
        let mut seen = seen.lock().unwrap();
        assert_eq!(newest, before + count(&seen), "it follows the newest");
        seen.push(key.clone());
        Ok(true)
    });
    (store, added)
}

fn pair(name: &str, algorithm: SigningAlgorithm) -> SigningKeyPair {
    SigningKeyPair { id: id(name), algorithm, private: name.as_bytes().to_vec().into() }
}

/// Seals a key by naming it, and opens it for its own id only.
fn sealer() -> Arc<MockSealer> {
    let mut sealer = MockSealer::new();
    sealer.expect_seal().returning(|private, context| {
        let name = std::str::from_utf8(private).unwrap();
        assert_eq!(*context, SealContext::SigningKey(id(name)));
        SealedValue(format!("sealed {name}"))
    });
    sealer.expect_open().returning(|sealed, context| {
        let (how, name) = sealed.0.split_once(' ').unwrap();
        assert_eq!(*context, SealContext::SigningKey(id(name)));
        let plaintext = name.as_bytes().to_vec().into();
        match how {
            "lost" => Err(UnsealError::UnknownKey { key_id: "gone".to_owned() }),
            how => Ok(Unsealed { plaintext, outdated: how == "outdated" }),
        }
    });
    Arc::new(sealer)
}

/// A ring that makes keys of fixed names, and remembers the names of those it is given.
fn ring() -> (MockSigningKeyRing, Arc<Mutex<Vec<String>>>) {
    let (mut ring, loaded) = (MockSigningKeyRing::new(), Arc::new(Mutex::new(Vec::new())));
    ring.expect_first().returning(|algorithm| pair("first", algorithm));
    ring.expect_generate().returning(|algorithm| pair("generated", algorithm));
    let seen = loaded.clone();
    ring.expect_load().returning(move |set, pairs| {
        assert!(
            pairs.iter().all(|pair| set.find(&pair.id).is_some_and(|key| key.algorithm == pair.algorithm))
        );
        assert!(pairs.iter().all(|pair| pair.private.expose_secret() == pair.id.as_str().as_bytes()));
        *seen.lock().unwrap() = pairs.iter().map(|pair| pair.id.as_str().to_owned()).collect();
        Ok(())
    });
    (ring, loaded)
}

/// Keeping the keys of `store`, and the names of those that came into force.
fn keeping(store: MockSigningKeyStore) -> (KeepSigningKeys, Arc<Mutex<Vec<String>>>) {
    let (ring, loaded) = ring();
    let keep = KeepSigningKeys {
        clock: clock(),
        keys: Arc::new(store),
        sealer: sealer(),
        ring: Arc::new(ring),
        policy: POLICY,
        algorithm: EDDSA,
    };
    (keep, loaded)
}

fn rotating(store: MockSigningKeyStore) -> RotateSigningKey {
    let KeepSigningKeys { clock, keys, sealer, ring, policy, algorithm } = keeping(store).0;
    RotateSigningKey { clock, keys, sealer, ring, policy, algorithm }
}

fn retiring(store: MockSigningKeyStore) -> RetireSigningKey {
    let KeepSigningKeys { clock, keys, sealer, ring, policy, algorithm } = keeping(store).0;
    RetireSigningKey { clock, keys, sealer, ring, policy, algorithm }
}

fn names_and_states(set: &SigningKeySet) -> Vec<(&str, domain::SigningKeyState)> {
    set.keys().iter().map(|key| (key.id.as_str(), set.state(key, now()))).collect()
}

#[tokio::test]
async fn the_first_start_makes_a_key_that_signs_at_once() {
    let (store, added) = store(vec![]);
    let (keep, loaded) = keeping(store);
    let KeysInForce { set, outdated } = keep.prepare().await.unwrap();
    assert_eq!((names_and_states(&set), outdated), (vec![("first", Active)], vec![]));
    assert_eq!(*loaded.lock().unwrap(), ["first"]);
    let added = added.lock().unwrap();
    assert_eq!((added[0].created_at, added[0].activates_at), (now(), now()));
}

#[tokio::test]
async fn tk_08_a_replica_that_starts_a_moment_later_takes_the_key_of_the_first() {
    let mut store = MockSigningKeyStore::new();
    let mut lists = vec![vec![stored("theirs", 1, now())], vec![]];
    store.expect_list_signing_keys().times(2).returning(move || Ok(lists.pop().unwrap()));
    store.expect_add_signing_key().once().returning(|_, _| Ok(false));
    let (keep, loaded) = keeping(store);
    keep.prepare().await.unwrap();
    assert_eq!(*loaded.lock().unwrap(), ["theirs"]);
}

#[tokio::test]
async fn a_later_start_makes_no_key() {
    let (store, added) = store(vec![stored("old", 1, in_seconds(-5000))]);
    let (keep, loaded) = keeping(store);
    keep.prepare().await.unwrap();
    assert!(added.lock().unwrap().is_empty());
    assert_eq!(*loaded.lock().unwrap(), ["old"]);
}

#[tokio::test]
async fn a_start_with_another_algorithm_publishes_a_key_of_it_that_signs_later() {
    let (store, _) = store(vec![stored("old", 1, in_seconds(-5000))]);
    let (keep, loaded) = keeping(store);
    let keep = KeepSigningKeys { algorithm: SigningAlgorithm::Es256, ..keep };
    let set = keep.prepare().await.unwrap().set;
    assert_eq!(names_and_states(&set), [("old", Active), ("generated", Upcoming)]);
    assert_eq!(set.newest().unwrap().algorithm, SigningAlgorithm::Es256);
    assert_eq!(set.newest().unwrap().activates_at, in_seconds(360));
    assert_eq!(*loaded.lock().unwrap(), ["old", "generated"]);
}

#[tokio::test]
async fn a_refresh_puts_every_key_in_force_that_is_not_over() {
    let (store, _) = store(vec![
        stored("over", 1, in_seconds(-9000)),
        stored("replaced", 2, in_seconds(-5000)),
        retired("stolen", 3, in_seconds(-600), in_seconds(-10)),
        stored("signing", 4, in_seconds(-10)),
        stored("next", 5, in_seconds(60)),
    ]);
    let (keep, loaded) = keeping(store);
    let set = keep.refresh().await.unwrap().set;
    let expected = [
        ("over", Retired),
        ("replaced", Retiring),
        ("stolen", Retired),
        ("signing", Active),
        ("next", Upcoming),
    ];
    assert_eq!(names_and_states(&set), expected);
    assert_eq!(*loaded.lock().unwrap(), ["replaced", "signing", "next"]);
}

#[tokio::test]
async fn a_refresh_deletes_what_is_long_over() {
    let (mut store, _) = store(vec![
        stored("ancient", 1, in_seconds(-3 * WEEK)),
        stored("old", 2, in_seconds(-2 * WEEK)),
        stored("signing", 3, in_seconds(-10)),
    ]);
    store.expect_forget_signing_keys().with(eq([id("ancient")])).once().returning(|_| Ok(1));
    keeping(store).0.refresh().await.unwrap();
}

#[tokio::test]
async fn a_key_of_an_earlier_data_key_is_told() {
    let mut old = stored("old", 1, in_seconds(-10));
    old.private = SealedValue("outdated old".to_owned());
    let (store, _) = store(vec![old]);
    let (keep, loaded) = keeping(store);
    assert_eq!(keep.refresh().await.unwrap().outdated, [id("old")]);
    assert_eq!(*loaded.lock().unwrap(), ["old"]);
}

#[tokio::test]
async fn a_key_that_does_not_open_leaves_all_as_it_was_and_names_the_remedy() {
    let mut lost = stored("mislaid", 2, in_seconds(60));
    lost.private = SealedValue("lost mislaid".to_owned());
    let (store, _) = store(vec![stored("signing", 1, in_seconds(-10)), lost]);
    let (keep, loaded) = keeping(store);
    let refusal = keep.refresh().await.unwrap_err();
    assert!(refusal.to_string().contains("keys retire mislaid"), "{refusal}");
    assert!(matches!(refusal, SigningKeysUnusable::Sealed { .. }), "{refusal:?}");
    assert!(loaded.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_emptied_table_leaves_the_known_keys_in_force() {
    let (store, added) = store(vec![]);
    let (keep, loaded) = keeping(store);
    assert!(matches!(keep.refresh().await.unwrap_err(), SigningKeysUnusable::Missing));
    assert!(loaded.lock().unwrap().is_empty() && added.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tk_08_a_rotation_publishes_a_key_before_it_signs() {
    for (haste, signs_in) in [(Haste::None, 360), (Haste::Now, 60)] {
        let (store, _) = store(vec![stored("old", 1, in_seconds(-5000))]);
        let set = rotating(store).execute(haste).await.unwrap();
        assert_eq!(names_and_states(&set), [("old", Active), ("generated", Upcoming)]);
        let newest = set.newest().unwrap();
        assert_eq!((newest.created_at, newest.activates_at), (now(), in_seconds(signs_in)));
    }
}

#[tokio::test]
async fn a_rotation_before_the_first_start_keeps_the_key_of_earlier_releases() {
    let (store, _) = store(vec![]);
    let set = rotating(store).execute(Haste::None).await.unwrap();
    assert_eq!(names_and_states(&set), [("first", Active), ("generated", Upcoming)]);
}

#[tokio::test]
async fn a_rotation_that_is_under_way_is_not_repeated_but_can_be_hastened() {
    let published = || vec![stored("old", 1, in_seconds(-5000)), stored("next", 2, in_seconds(200))];
    let refusal = rotating(store(published()).0).execute(Haste::None).await.unwrap_err();
    let RotateSigningKeyError::AlreadyPublished { id, activates_at } = refusal else { panic!("{refusal:?}") };
    assert_eq!((id.as_str(), activates_at), ("next", in_seconds(200)));

    let set = rotating(store(published()).0).execute(Haste::Now).await.unwrap();
    assert_eq!(set.signer(in_seconds(60)).unwrap().id, self::id("generated"));
}

#[tokio::test]
async fn of_two_rotations_at_one_moment_the_second_is_told_so() {
    let mut store = MockSigningKeyStore::new();
    store.expect_list_signing_keys().returning(|| Ok(vec![stored("old", 1, in_seconds(-5000))]));
    store
        .expect_add_signing_key()
        .with(eq(1), mockall::predicate::always())
        .once()
        .returning(|_, _| Ok(false));
    let refusal = rotating(store).execute(Haste::None).await.unwrap_err();
    assert!(matches!(refusal, RotateSigningKeyError::Overtaken), "{refusal:?}");
}

/// A store in which `name` is retired, with what would be its successor.
fn store_that_retires(
    keys: Vec<StoredSigningKey>,
    name: &'static str,
    answer: bool,
) -> (MockSigningKeyStore, Arc<Mutex<Option<NewSigningKey>>>) {
    let (mut store, _) = store(keys);
    let successor = Arc::new(Mutex::new(None));
    let seen = successor.clone();
    store.expect_retire_signing_key().once().returning(move |retired, key, at| {
        assert_eq!((retired.as_str(), at), (name, now()));
        *seen.lock().unwrap() = Some(key.clone());
        Ok(answer)
    });
    (store, successor)
}

#[tokio::test]
async fn the_successor_of_a_signing_key_that_is_retired_signs_at_once() {
    let (store, successor) = store_that_retires(vec![stored("old", 1, in_seconds(-50))], "old", true);
    retiring(store).execute(&id("old")).await.unwrap();
    let successor = successor.lock().unwrap().take().unwrap();
    assert_eq!((successor.id, successor.activates_at), (id("generated"), now()));
}

#[tokio::test]
async fn the_successor_of_a_key_that_does_not_sign_is_published_first() {
    let keys = || {
        vec![
            stored("replaced", 1, in_seconds(-5000)),
            stored("signing", 2, in_seconds(-50)),
            stored("next", 3, in_seconds(50)),
        ]
    };
    for name in ["replaced", "next"] {
        let (store, successor) = store_that_retires(keys(), name, true);
        retiring(store).execute(&id(name)).await.unwrap();
        assert_eq!(successor.lock().unwrap().take().unwrap().activates_at, in_seconds(360), "{name}");
    }
}

#[tokio::test]
async fn what_is_unknown_or_over_cannot_be_retired() {
    let keys =
        || vec![retired("old", 1, in_seconds(-9000), in_seconds(-10)), stored("new", 2, in_seconds(-10))];
    let refusal = retiring(store(keys()).0).execute(&id("never")).await.unwrap_err();
    assert!(matches!(refusal, RetireSigningKeyError::Unknown(_)), "{refusal:?}");
    let refusal = retiring(store(keys()).0).execute(&id("old")).await.unwrap_err();
    assert!(matches!(refusal, RetireSigningKeyError::AlreadyRetired(_)), "{refusal:?}");
    let (store, _) = store_that_retires(keys(), "new", false);
    let refusal = retiring(store).execute(&id("new")).await.unwrap_err();
    assert!(
        matches!(refusal, RetireSigningKeyError::AlreadyRetired(_)),
        "by somebody else meanwhile: {refusal:?}"
    );
}
