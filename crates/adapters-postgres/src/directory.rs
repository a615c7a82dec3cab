//! What operators find and do.

mod locking;

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Text, Uuid as SqlUuid},
};
use domain::{AccountName, AccountQuery, EventId, EventName, LockReason, UserId};
use jiff::Timestamp;
use ports::{Account, AccountDirectory, AccountEntry, AccountEvent, LockChange, NewEvent, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    accounts::AccountRow,
    events::EventRow,
    rows::{LockRow, UserRow, lock_columns, user_columns},
    statement::statement,
};

/// Finds one account by a unique column.
macro_rules! find_entry {
    ($name:ident by $column:literal: $rust:ty => $sql:ty) => {
        statement!(direct $name { value: $rust => $sql } concat!(
            "SELECT ", lock_columns!(), ", ", user_columns!(), " FROM users u WHERE u.", $column, " = ?"
        ));
    };
}

find_entry!(FindById by "id": Uuid => SqlUuid);
find_entry!(FindByEmail by "email_canonical": String => Text);
find_entry!(FindByPhone by "phone": String => Text);

// No pattern, so no character that stands for others. Every address contains the empty part.
statement!(direct FindByPart { part: String => Text, after: Uuid => SqlUuid, most: i64 => BigInt } concat!(
    "SELECT ", lock_columns!(), ", ", user_columns!(), " FROM users u
    WHERE strpos(u.email_canonical, ?) > 0 AND u.id > ? ORDER BY u.id LIMIT ?"
));

statement!(direct ListAccounts { after: Uuid => SqlUuid, most: i64 => BigInt } concat!(
    "SELECT u.password_hash, ", lock_columns!(), ", ", user_columns!(), " FROM users u
    WHERE u.id > ? ORDER BY u.id LIMIT ?"
));

statement!(direct ListAllEvents { before: Uuid => SqlUuid, names: Vec<&'static str> => Array<Text>, most: i64 => BigInt }
    "SELECT e.user_id, e.id, e.name, e.session_id, e.client_address, e.user_agent, e.occurred_at FROM events e
    WHERE e.id < ? AND e.name = ANY (?) ORDER BY e.id DESC LIMIT ?");

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(embed)]
    lock: LockRow,
    #[diesel(embed)]
    user: UserRow,
}

impl TryFrom<EntryRow> for AccountEntry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        Ok(Self { lock: row.lock.lock()?, user: row.user.try_into()? })
    }
}

#[derive(QueryableByName)]
struct AccountEventRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(embed)]
    event: EventRow,
}

#[async_trait]
impl AccountDirectory for PostgresStore {
    #[tracing::instrument(name = "postgres.find_accounts", level = "debug", skip_all)]
    async fn find_accounts(
        &self,
        query: &AccountQuery,
        after: Option<UserId>,
        most: u32,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let part = match query {
            AccountQuery::All => String::new(),
            AccountQuery::EmailPart(part) => part.canonical().to_owned(),
            AccountQuery::Named(name) => return self.find_named(name, after).await,
        };
        let find = FindByPart { part, after: least(after), most: i64::from(most) };
        let rows: Vec<EntryRow> = self.rows(find).await?;
        rows.into_iter().map(AccountEntry::try_from).collect()
    }

    #[tracing::instrument(name = "postgres.list_accounts", level = "debug", skip_all)]
    async fn list_accounts(&self, after: Option<UserId>, most: u32) -> Result<Vec<Account>, StoreError> {
        let list = ListAccounts { after: least(after), most: i64::from(most) };
        let rows: Vec<AccountRow> = self.rows(list).await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    #[tracing::instrument(name = "postgres.lock_account", level = "debug", skip_all)]
    async fn lock_account(
        &self,
        user_id: UserId,
        reason: &LockReason,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError> {
        locking::lock(self, user_id, reason, event, now).await
    }

    #[tracing::instrument(name = "postgres.unlock_account", level = "debug", skip_all)]
    async fn unlock_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError> {
        locking::unlock(self, user_id, event, now).await
    }

    #[tracing::instrument(name = "postgres.end_all_sessions", level = "debug", skip_all)]
    async fn end_all_sessions(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        locking::end_all_sessions(self, user_id, event, now).await
    }

    #[tracing::instrument(name = "postgres.list_all_events", level = "debug", skip_all)]
    async fn list_all_events(
        &self,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let list = ListAllEvents {
            before: before.map_or(Uuid::max(), |before| before.0),
            names: EventName::ALL.map(EventName::as_str).to_vec(),
            most: i64::from(most),
        };
        let rows: Vec<AccountEventRow> = self.rows(list).await?;
        let event = |row: AccountEventRow| {
            row.event.event().map(|event| AccountEvent { user_id: UserId(row.user_id), event })
        };
        Ok(rows.into_iter().filter_map(event).collect())
    }
}

impl PostgresStore {
    async fn find_named(
        &self,
        name: &AccountName,
        after: Option<UserId>,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let row: Option<EntryRow> = match name {
            AccountName::Id(id) => self.row(FindById { value: id.0 }).await?,
            AccountName::Email(email) => {
                self.row(FindByEmail { value: email.canonical().to_owned() }).await?
            }
            AccountName::Phone(phone) => self.row(FindByPhone { value: phone.as_e164().to_owned() }).await?,
        };
        let entry = row.map(AccountEntry::try_from).transpose()?;
        Ok(entry.into_iter().filter(|entry| entry.user.id.0 > least(after)).collect())
    }
}

/// No account has the id that is all zeros.
fn least(after: Option<UserId>) -> Uuid {
    after.map_or(Uuid::nil(), |after| after.0)
}
