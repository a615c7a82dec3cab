//! What operators find and do.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection, define_sql_function,
    dsl::{delete, exists, select, update},
    prelude::*,
    sql_types::Text,
};
use domain::{AccountName, AccountQuery, EventId, EventName, LockReason, UserId};
use jiff::Timestamp;
use ports::{Account, AccountDirectory, AccountEntry, AccountEvent, LockChange, NewEvent, StoreError};
use uuid::Uuid;

use crate::{
    accounts::end_codes,
    devices, events,
    rows::{EventRow, UserRow},
    schema::{challenges, events as event_table, users},
    sessions::end_all,
    store::SqliteStore,
    types::{Id, Micros},
};

define_sql_function! {
    /// Where `part` begins in `text`, from 1 on; 0 when it is not there.
    fn instr(text: Text, part: Text) -> BigInt;
}

#[async_trait]
impl AccountDirectory for SqliteStore {
    #[tracing::instrument(name = "sqlite.find_accounts", skip_all)]
    async fn find_accounts(
        &self,
        query: &AccountQuery,
        after: Option<UserId>,
        most: u32,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let query = query.clone();
        self.read(move |sqlite| find(sqlite, &query, after, most)).await
    }

    #[tracing::instrument(name = "sqlite.list_accounts", skip_all)]
    async fn list_accounts(&self, after: Option<UserId>, most: u32) -> Result<Vec<Account>, StoreError> {
        self.read(move |sqlite| {
            let rows = find_rows(sqlite, &AccountQuery::All, after, most)?;
            rows.into_iter().map(UserRow::into_account).collect()
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.lock_account", skip_all)]
    async fn lock_account(
        &self,
        user_id: UserId,
        reason: &LockReason,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError> {
        let (reason, event) = (reason.clone(), event.clone());
        self.write(move |sqlite| lock(sqlite, user_id, &reason, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.unlock_account", skip_all)]
    async fn unlock_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| unlock(sqlite, user_id, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.end_all_sessions", skip_all)]
    async fn end_all_sessions(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let event = event.clone();
        self.write(move |sqlite| end_all_sessions(sqlite, user_id, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.list_all_events", skip_all)]
    async fn list_all_events(
        &self,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        self.read(move |sqlite| list_all_events(sqlite, before, most)).await
    }
}

fn find(
    sqlite: &mut SqliteConnection,
    query: &AccountQuery,
    after: Option<UserId>,
    most: u32,
) -> QueryResult<Vec<AccountEntry>> {
    find_rows(sqlite, query, after, most)?.into_iter().map(UserRow::into_entry).collect()
}

fn find_rows(
    sqlite: &mut SqliteConnection,
    query: &AccountQuery,
    after: Option<UserId>,
    most: u32,
) -> QueryResult<Vec<UserRow>> {
    // No account has the id that is all zeros.
    let after = after.map_or(Uuid::nil(), |after| after.0);
    let page = users::table
        .filter(users::id.gt(Id(after)))
        .order(users::id)
        .limit(i64::from(most))
        .select(UserRow::as_select())
        .into_boxed();
    let found = match query {
        AccountQuery::All => page,
        AccountQuery::Named(AccountName::Id(id)) => page.filter(users::id.eq(Id(id.0))),
        AccountQuery::Named(AccountName::Email(email)) => {
            page.filter(users::email_canonical.eq(email.canonical().to_owned()))
        }
        AccountQuery::Named(AccountName::Phone(phone)) => {
            page.filter(users::phone.eq(phone.as_e164().to_owned()))
        }
        // No pattern, so no character that stands for others.
        AccountQuery::EmailPart(part) => {
            page.filter(instr(users::email_canonical, part.canonical().to_owned()).gt(0))
        }
    };
    found.load(sqlite)
}

fn exists_account(sqlite: &mut SqliteConnection, id: UserId) -> QueryResult<bool> {
    select(exists(users::table.find(Id(id.0)))).get_result(sqlite)
}

fn lock(
    sqlite: &mut SqliteConnection,
    id: UserId,
    reason: &LockReason,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<LockChange> {
    let unlocked = users::table.find(Id(id.0)).filter(users::locked_at.is_null());
    let locked = update(unlocked)
        .set((users::locked_at.eq(Some(Micros(now))), users::lock_reason.eq(Some(reason.as_str()))))
        .execute(sqlite)?;
    if locked == 0 {
        return unchanged(sqlite, id);
    }
    end_codes(sqlite, id)?;
    delete(challenges::table.filter(challenges::user_id.eq(Id(id.0)))).execute(sqlite)?;
    end_all(sqlite, id, now)?;
    devices::forget_all(sqlite, id)?;
    events::record(sqlite, event, id, None, now)?;
    Ok(LockChange::Done)
}

fn unlock(
    sqlite: &mut SqliteConnection,
    id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<LockChange> {
    let locked = users::table.find(Id(id.0)).filter(users::locked_at.is_not_null());
    let unlocked = update(locked)
        .set((users::locked_at.eq(None::<Micros>), users::lock_reason.eq(None::<String>)))
        .execute(sqlite)?;
    if unlocked == 0 {
        return unchanged(sqlite, id);
    }
    events::record(sqlite, event, id, None, now)?;
    Ok(LockChange::Done)
}

fn unchanged(sqlite: &mut SqliteConnection, id: UserId) -> QueryResult<LockChange> {
    Ok(if exists_account(sqlite, id)? { LockChange::AlreadySo } else { LockChange::NotFound })
}

fn end_all_sessions(
    sqlite: &mut SqliteConnection,
    id: UserId,
    event: &NewEvent,
    now: Timestamp,
) -> QueryResult<Option<u64>> {
    if !exists_account(sqlite, id)? {
        return Ok(None);
    }
    let ended = end_all(sqlite, id, now)?;
    if ended > 0 {
        events::record(sqlite, event, id, None, now)?;
    }
    Ok(Some(ended))
}

fn list_all_events(
    sqlite: &mut SqliteConnection,
    before: Option<EventId>,
    most: u32,
) -> QueryResult<Vec<AccountEvent>> {
    let before = before.map_or(Uuid::max(), |before| before.0);
    let rows: Vec<EventRow> = event_table::table
        .filter(event_table::id.lt(Id(before)))
        .filter(event_table::name.eq_any(EventName::ALL.map(EventName::as_str)))
        .order(event_table::id.desc())
        .limit(i64::from(most))
        .select(EventRow::as_select())
        .load(sqlite)?;
    let event = |row: EventRow| Ok(AccountEvent { user_id: UserId(row.user_id.0), event: row.into_event()? });
    rows.into_iter().map(event).collect()
}
