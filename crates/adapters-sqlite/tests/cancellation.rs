//! Callers that go away, and databases that others hold.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::{
    future::Future,
    path::Path,
    pin::pin,
    task::{Context, Waker},
};

use adapters_sqlite::{SqliteStore, SqliteUrl};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use domain::{Email, SignInName};
use jiff::Timestamp;
use ports::{AccountStore, PasswordFailure, StoreError, ThrottleKey};

fn now() -> Timestamp {
    "2026-03-14T15:09:26.535897Z".parse().unwrap()
}

fn failure() -> PasswordFailure {
    PasswordFailure { key: ThrottleKey("somebody@example.com".to_owned()), owner: None, device: None }
}

async fn migrated(url: &SqliteUrl) -> SqliteStore {
    let store = SqliteStore::connect(url).await.expect("connect");
    store.migrate_up().await.expect("migrate");
    store
}

async fn failures(store: &SqliteStore) -> u32 {
    let name = SignInName::Email(Email::parse(&failure().key.0).unwrap());
    store.find_sign_in(&name, None, now()).await.expect("find").failures.count
}

/// Begins something, lets it get as far as a blocking thread, and drops it.
async fn abandon<F: Future>(begun: F) {
    let mut begun = pin!(begun);
    for _ in 0..10 {
        let mut context = Context::from_waker(Waker::noop());
        if begun.as_mut().poll(&mut context).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_a_running_query_on_a_current_thread_runtime_harms_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    for url in [SqliteUrl::Memory, SqliteUrl::File(folder.path().join("otp.db"))] {
        let store = migrated(&url).await;

        for _ in 0..20 {
            abandon(store.record_password_failure(&failure(), now())).await;
            abandon(store.find_sign_in(
                &SignInName::Email(Email::parse(&failure().key.0).unwrap()),
                None,
                now(),
            ))
            .await;
        }

        // The only writer is free once the last abandoned write is over.
        store.record_password_failure(&failure(), now()).await.expect("the store goes on");
        let before = failures(&store).await;
        store.record_password_failure(&failure(), now()).await.expect("the store goes on");
        assert_eq!(failures(&store).await, before + 1);
    }
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_query_harms_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = SqliteUrl::File(folder.path().join("otp.db"));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let main = runtime();
    let store = main.block_on(migrated(&url));

    let worker = runtime();
    worker.block_on(abandon(store.record_password_failure(&failure(), now())));
    drop(worker);

    main.block_on(store.record_password_failure(&failure(), now())).expect("the store goes on");
    assert!(main.block_on(failures(&store)) >= 1);
}

#[tokio::test]
async fn a_query_dropped_while_it_waits_for_a_lock_ends_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    let store = migrated(&SqliteUrl::File(path.clone())).await;
    let mut other = hold_write_lock(&path);

    abandon(store.record_password_failure(&failure(), now())).await;
    other.batch_execute("COMMIT").unwrap();

    store.record_password_failure(&failure(), now()).await.expect("the store goes on");
    assert_eq!(failures(&store).await, 2, "the abandoned write was done as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn rc_08_a_database_that_stays_locked_is_unavailable_in_bounded_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    let store = migrated(&SqliteUrl::File(path.clone())).await;
    let _other = hold_write_lock(&path);

    let failure = failure();
    let (first, second) = tokio::join!(
        store.record_password_failure(&failure, now()),
        store.record_password_failure(&failure, now()),
    );

    for refused in [first, second] {
        let error = refused.expect_err("locked");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(failures(&store).await, 0, "reading goes on");
}

fn hold_write_lock(path: &Path) -> SqliteConnection {
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    other
}
