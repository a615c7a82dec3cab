//! The promises of the stores, on a file and in memory.
#![expect(clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use adapters_sqlite::{SqliteStore, SqliteUrl};
use ports::contract::Stores;
use tempfile::TempDir;

async fn migrated(url: &SqliteUrl) -> Stores {
    let store = SqliteStore::connect(url).await.expect("connect");
    store.migrate_up().await.expect("migrate");
    Stores::of(Arc::new(store))
}

mod on_a_file {
    use super::*;

    async fn fresh() -> (Stores, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let url = SqliteUrl::File(folder.path().join("data").join("otp.db"));
        (migrated(&url).await, folder)
    }

    ports::store_contract!(fresh());
}

mod in_memory {
    use super::*;

    async fn fresh() -> (Stores, ()) {
        (migrated(&SqliteUrl::Memory).await, ())
    }

    ports::store_contract!(fresh());
}
