//! Accounts for which texts are barred.

use std::sync::Arc;

use adapters_sqlite::{SqliteStore, SqliteUrl};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use domain::UserId;
use ports::contract::Stores;

#[tokio::test(flavor = "multi_thread")]
async fn asvs_6_4_3_while_texts_are_barred_only_another_factor_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("otp.db");
    let store = Arc::new(SqliteStore::connect(&SqliteUrl::File(path.clone())).await.expect("connect"));
    store.migrate_up().await.expect("migrate");
    let stores = Stores::of(store);
    let execute = |statement: &str| {
        let mut sqlite = SqliteConnection::establish(&path.to_string_lossy()).expect("a connection");
        sqlite.batch_execute(statement)
    };

    let bar = async |user: UserId| {
        let id = user.0.simple();
        let bar = format!("UPDATE users SET text_barred = (totp_last_step IS NOT NULL) WHERE id = x'{id}'");
        execute(&bar).expect("an update");
    };
    stores.asvs_6_4_3_while_texts_are_barred_only_another_factor_opens(bar).await;

    let without_an_app = "UPDATE users SET totp_last_step = NULL, text_barred = 1";
    execute(without_an_app).expect_err("nobody is locked out without an app");
}
