//! The promises of the store ports, kept by PostgreSQL.

#![expect(clippy::expect_used, reason = "a test that cannot prepare cannot go on")]

use std::sync::Arc;

use adapters_postgres::{PostgresStore, Settings};
use ports::contract::Stores;
use testkit::postgres::Database;

async fn fresh_stores() -> (Stores, Database) {
    let database = tokio::task::spawn_blocking(Database::create).await.expect("a fresh database");
    let settings = Settings::parse(database.url(), 8, 1).expect("the address of the fresh database");
    let store = Arc::new(PostgresStore::new(settings).expect("a pool"));
    store.migrate_up().await.expect("the schema");
    (Stores::of(store), database)
}

ports::store_contract!(fresh_stores());
