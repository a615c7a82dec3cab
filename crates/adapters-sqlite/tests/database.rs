//! The database file: who makes it, who shares it, and what happens when it is gone.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use adapters_sqlite::{ConnectError, SqliteStore, SqliteUrl};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use domain::{EventName, PasswordFailures, UserId};
use jiff::Timestamp;
use ports::{AccountStore, Dependency, EventStore, PasswordFailure, StoreError, ThrottleKey};
use tempfile::TempDir;
use uuid::Uuid;

const DATABASE: &str = "ADAPTERS_SQLITE_TEST_DATABASE";

fn now() -> Timestamp {
    "2026-03-14T15:09:26.535897Z".parse().unwrap()
}

fn failure() -> PasswordFailure {
    PasswordFailure { key: ThrottleKey("somebody@example.com".to_owned()), owner: None, device: None }
}

async fn connect(path: &Path) -> SqliteStore {
    SqliteStore::connect(&SqliteUrl::File(path.to_owned())).await.expect("connect")
}

async fn migrated() -> (SqliteStore, PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    let store = connect(&path).await;
    store.migrate_up().await.expect("migrate");
    (store, path, folder)
}

/// Every migration there is, the oldest first.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let folders = fs::read_dir(folder).expect("migrations");
    let mut names: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn failures(store: &SqliteStore) -> u32 {
    let name = domain::SignInName::Email(domain::Email::parse(&failure().key.0).unwrap());
    let PasswordFailures { count, .. } = store.find_sign_in(&name, None, now()).await.expect("find").failures;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_migrate_one_file_at_once() {
    if let Some(path) = env::var_os(DATABASE) {
        let store = connect(Path::new(&path)).await;
        let applied = store.migrate_up().await.expect("migrate");
        println!("applied:{}", applied.len());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("not").join("yet").join("there.db");
    let start = |_| {
        Command::new(env::current_exe().expect("this test"))
            .args(["--exact", "eight_processes_migrate_one_file_at_once", "--nocapture"])
            .env(DATABASE, &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a process")
    };

    let processes: Vec<_> = (0..8).map(start).collect();
    let outputs: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect();

    assert!(outputs.iter().all(|output| output.status.success()));
    let texts = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout));
    let applied: Vec<bool> =
        texts.map(|text| text.contains(&format!("applied:{}", migrations().len()))).collect();
    assert_eq!(applied.iter().filter(|applied| **applied).count(), 1, "one of them applies");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_and_down() {
    let (store, _, _folder) = migrated().await;
    let status = async || store.migration_status().await.expect("status");

    let all = migrations();
    let (newest, older) = all.split_last().expect("a migration");
    let applied = |applied: &[String]| -> Vec<(String, bool)> {
        all.iter().map(|name| (name.clone(), applied.contains(name))).collect()
    };
    let down: Vec<String> = older.iter().rev().cloned().collect();

    assert_eq!(store.migrate_up().await.expect("again"), Vec::<String>::new());
    assert_eq!(status().await, applied(&all));
    assert_eq!(store.migrate_down(1).await.expect("down"), std::slice::from_ref(newest));
    assert_eq!(status().await, applied(older));
    assert_eq!(store.migrate_down(100).await.expect("down"), down);
    assert_eq!(status().await, applied(&[]));
    assert!(store.probe().await.is_err(), "not ready without tables");
    assert_eq!(store.migrate_up().await.expect("up"), all);
    store.probe().await.expect("ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn rc_08_two_stores_of_one_file_write_at_once_and_lose_nothing() {
    let (one, path, _folder) = migrated().await;
    let other = connect(&path).await;
    let writers = (0..100).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { store.record_password_failure(&failure(), now()).await })
    });

    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic").expect("no refusal");
    }

    assert_eq!((failures(&one).await, failures(&other).await), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_for_their_owner_only() {
    let (store, path, _folder) = migrated().await;
    store.record_password_failure(&failure(), now()).await.expect("write");

    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_after_a_restart() {
    let (store, path, _folder) = migrated().await;
    store.record_password_failure(&failure(), now()).await.expect("write");
    drop(store);

    assert_eq!(failures(&connect(&path).await).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_with_the_signs_of_a_uri_is_a_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("50%20 of #1?mode=ro.db");

    let store = connect(&path).await;
    store.migrate_up().await.expect("migrate");

    assert!(
        fs::metadata(&path).unwrap().len() > 0 || path.with_file_name("50%20 of #1?mode=ro.db-wal").exists()
    );
    store.probe().await.expect("ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_file_was_removed_is_not_ready() {
    let (store, path, _folder) = migrated().await;
    fs::remove_file(&path).unwrap();

    let unready = store.probe().await.expect_err("the file is gone");
    assert_eq!(unready.to_string(), "the database file was removed or replaced");

    fs::write(&path, "").unwrap();
    assert!(store.probe().await.is_err(), "another file is not that file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_hold_a_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain_file = folder.path().join("plain");
    fs::write(&plain_file, "").unwrap();
    let connect = async |path: PathBuf| SqliteStore::connect(&SqliteUrl::File(path)).await.err();

    let below_a_file = connect(plain_file.join("otp.db")).await;
    assert!(matches!(below_a_file, Some(ConnectError::Folder { path, .. }) if path == plain_file));
    let a_folder = connect(folder.path().to_owned()).await;
    assert!(matches!(a_folder, Some(ConnectError::File { path, .. }) if path == folder.path()));
    let no_place = connect(PathBuf::from("/proc/otp-login/otp.db")).await;
    assert!(matches!(no_place, Some(ConnectError::Folder { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    fs::write(&path, "not a database, but long enough to be read as one".repeat(50)).unwrap();

    let refused = SqliteStore::connect(&SqliteUrl::File(path.clone())).await.err();

    assert!(matches!(refused, Some(ConnectError::Database(_))));
    assert!(fs::read_to_string(&path).unwrap().starts_with("not a database"), "nothing was overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_is_broken_and_says_no_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = connect(&folder.path().join("otp.db")).await;

    let error = store.record_password_failure(&failure(), now()).await.expect_err("no tables");

    assert!(matches!(error, StoreError::Broken(_)));
    assert!(!format!("{error:?}").contains("somebody"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_newer_program_are_left_out_and_shorten_no_page() {
    let (store, path, _folder) = migrated().await;
    let mut newer = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let row = |id: u8, name| format!("(x'{id:032x}', zeroblob(16), '{name}', 0)");
    let rows = [row(1, "user_created"), row(2, "of_tomorrow"), row(3, "user_updated"), row(4, "of_tomorrow")];
    newer
        .batch_execute(&format!(
            "INSERT INTO events (id, user_id, name, occurred_at) VALUES {}",
            rows.join(", ")
        ))
        .unwrap();

    let listed = store.list_events(UserId(Uuid::nil()), None, 2).await.expect("list_events");

    let names: Vec<EventName> = listed.into_iter().map(|event| event.name).collect();
    assert_eq!(names, [EventName::UserUpdated, EventName::UserCreated]);
}
