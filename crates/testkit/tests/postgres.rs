//! Databases on the server of `TEST_DATABASE_URL`.

use std::env;
use std::thread;

use testkit::postgres::{Database, DatabaseServer, database};
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The server as one that somebody else goes on using.
fn lasting_server() -> DatabaseServer {
    let Ok(url) = env::var("TEST_DATABASE_URL") else {
        panic!("run `cargo xtask test`");
    };
    DatabaseServer::at(url)
}

#[tokio::test]
async fn two_databases_are_empty_and_apart() {
    for url in [database(), database()] {
        let client = connect(&url).await.unwrap();
        client.batch_execute("CREATE TABLE accounts (id int)").await.unwrap();
    }
}

#[tokio::test]
async fn a_database_on_a_lasting_server_is_dropped_although_somebody_is_connected() {
    let database = Database::create_on(&lasting_server());
    let url = database.url().to_owned();
    let _client = connect(&url).await.unwrap();
    drop(database);
    assert!(connect(&url).await.is_err());
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Database>> = const { std::cell::RefCell::new(None) };
}

#[tokio::test]
async fn a_database_can_be_dropped_by_the_end_of_its_thread() {
    let url = thread::spawn(|| {
        let database = Database::create_on(&lasting_server());
        let url = database.url().to_owned();
        LAST.set(Some(database));
        url
    })
    .join()
    .unwrap();
    assert!(connect(&url).await.is_err());
}
