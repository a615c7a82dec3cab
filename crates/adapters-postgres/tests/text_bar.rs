//! Accounts for which texts are barred.

use std::sync::Arc;

use adapters_postgres::{PostgresStore, Settings};
use domain::UserId;
use ports::contract::Stores;
use testkit::postgres::Database;
use tokio_postgres::NoTls;

#[tokio::test(flavor = "multi_thread")]
async fn asvs_6_4_3_while_texts_are_barred_only_another_factor_opens() {
    let database = tokio::task::spawn_blocking(Database::create).await.expect("a fresh database");
    let settings = Settings::parse(database.url(), 8, 1).expect("the address of the fresh database");
    let store = Arc::new(PostgresStore::new(settings).expect("a pool"));
    store.migrate_up().await.expect("the schema");
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let stores = Stores::of(store);

    let bar = async |user: UserId| {
        let bar = "UPDATE users SET text_barred = (totp_last_step IS NOT NULL) WHERE id::text = $1";
        assert_eq!(client.execute(bar, &[&user.0.to_string()]).await.expect("an update"), 1);
    };
    stores.asvs_6_4_3_while_texts_are_barred_only_another_factor_opens(bar).await;

    let without_an_app = "INSERT INTO users (id, email, email_canonical, phone, phone_verified_at, password_hash, \
        created_at, updated_at, text_barred) VALUES (gen_random_uuid(), 'a', 'a', 'b', now(), '', now(), now(), true)";
    client.execute(without_an_app, &[]).await.expect_err("nobody is locked out without an app");
}
