//! Whether the database would answer.

use std::time::Duration;

use async_trait::async_trait;
use diesel::{QueryDsl, RunQueryDsl};
use ports::{Dependency, Unready};

use crate::{file::DataFile, schema::users, store::SqliteStore, types::Id};

const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl Dependency for SqliteStore {
    fn name(&self) -> &'static str {
        "database"
    }

    #[tracing::instrument(name = "sqlite.probe", skip_all)]
    async fn probe(&self) -> Result<(), Unready> {
        // SQLite goes on with a file that was unlinked, and all is lost at the end.
        if !self.file().is_none_or(DataFile::is_in_place) {
            return Err(Unready("the database file was removed or replaced".to_owned()));
        }
        let look = self.read(|sqlite| users::table.select(users::id).limit(1).load::<Id>(sqlite));
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Unready(describe(&error))),
            Err(_) => Err(Unready("the database does not answer in time".to_owned())),
        }
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
