//! The notices that wait in the record of events.

use async_trait::async_trait;
use diesel::{QueryResult, SqliteConnection, dsl::update, prelude::*, sqlite::Sqlite};
use domain::{EventId, EventName, Locale, PhoneNumber};
use jiff::Timestamp;
use ports::{DueNotice, Notice, NoticeStore, StoreError};

use crate::{
    schema::events,
    store::SqliteStore,
    types::{Count, Id, Micros},
};

#[async_trait]
impl NoticeStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.claim_notices", level = "debug", skip_all)]
    async fn claim_notices(
        &self,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueNotice>, StoreError> {
        // Most of the time nothing is due, and looking holds up no writer.
        if self.read(move |sqlite| due(sqlite, 1, now)).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |sqlite| claim(sqlite, most, leased_until, now)).await
    }

    #[tracing::instrument(name = "sqlite.finish_notice", level = "debug", skip_all)]
    async fn finish_notice(&self, due: &DueNotice) -> Result<(), StoreError> {
        let DueNotice { notice: Notice { id, .. }, attempt } = *due;
        let erased = (
            events::notify_phone.eq(None::<String>),
            events::notify_locale.eq(None::<String>),
            events::notify_at.eq(None::<Micros>),
        );
        self.write(move |sqlite| update(taken(id, attempt)).set(erased.clone()).execute(sqlite).map(drop))
            .await
    }

    #[tracing::instrument(name = "sqlite.put_off_notice", level = "debug", skip_all)]
    async fn put_off_notice(&self, due: &DueNotice, at: Timestamp) -> Result<(), StoreError> {
        let DueNotice { notice: Notice { id, .. }, attempt } = *due;
        let put_off = events::notify_at.eq(Some(Micros(at)));
        self.write(move |sqlite| update(taken(id, attempt)).set(put_off).execute(sqlite).map(drop)).await
    }

    #[tracing::instrument(name = "sqlite.forget_notices", level = "debug", skip_all)]
    async fn forget_notices(&self, until: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.write(move |sqlite| forget(sqlite, until, most)).await
    }
}

/// A notice as whoever made this attempt took it.
#[diesel::dsl::auto_type(no_type_alias)]
fn taken(id: EventId, attempt: u32) -> _ {
    let id: Id = Id(id.0);
    let attempt: Count = Count(attempt);
    events::table
        .filter(events::id.eq(id))
        .filter(events::notify_attempts.eq(attempt))
        .filter(events::notify_phone.is_not_null())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Sqlite))]
struct DueRow {
    id: Id,
    name: String,
    notify_phone: Option<String>,
    notify_locale: Option<String>,
    notify_attempts: Count,
    occurred_at: Micros,
}

impl DueRow {
    /// A number that cannot be read is told nothing, and holds nobody else up.
    fn due(self) -> Option<DueNotice> {
        let notice = Notice {
            id: EventId(self.id.0),
            kind: EventName::find(&self.name)?.notice()?,
            phone: PhoneNumber::from_stored(&self.notify_phone?).ok()?,
            locale: self.notify_locale.and_then(|text| Locale::parse(&text).ok()),
            occurred_at: self.occurred_at.0,
        };
        Some(DueNotice { notice, attempt: self.notify_attempts.0 })
    }
}

/// Only names that are known: what a newer program is to say is left to it.
fn due(sqlite: &mut SqliteConnection, most: u32, now: Timestamp) -> QueryResult<Vec<Id>> {
    let notifying = EventName::ALL.into_iter().filter(|name| name.notifies()).map(EventName::as_str);
    events::table
        .filter(events::notify_phone.is_not_null())
        .filter(events::notify_at.le(Some(Micros(now))))
        .filter(events::name.eq_any(notifying))
        .order(events::notify_at)
        .limit(i64::from(most))
        .select(events::id)
        .load(sqlite)
}

fn claim(
    sqlite: &mut SqliteConnection,
    most: u32,
    leased_until: Timestamp,
    now: Timestamp,
) -> QueryResult<Vec<DueNotice>> {
    let mut claimed = Vec::new();
    for id in due(sqlite, most, now)? {
        let row = update(events::table.find(id))
            .set((
                events::notify_attempts.eq(events::notify_attempts + 1),
                events::notify_at.eq(Some(Micros(leased_until))),
            ))
            .returning(DueRow::as_returning())
            .get_result(sqlite)?;
        claimed.extend(row.due());
    }
    Ok(claimed)
}

fn forget(sqlite: &mut SqliteConnection, until: Timestamp, most: u32) -> QueryResult<u64> {
    let old: Vec<Id> = events::table
        .filter(events::notify_phone.is_not_null())
        .filter(events::occurred_at.lt(Micros(until)))
        .limit(i64::from(most))
        .select(events::id)
        .load(sqlite)?;
    let erased = (
        events::notify_phone.eq(None::<String>),
        events::notify_locale.eq(None::<String>),
        events::notify_at.eq(None::<Micros>),
    );
    Ok(update(events::table.filter(events::id.eq_any(old))).set(erased).execute(sqlite)? as u64)
}
