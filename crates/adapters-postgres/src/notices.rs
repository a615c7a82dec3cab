//! The notices that wait in the record of events.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{EventId, EventName, PhoneNumber};
use jiff::Timestamp;
use ports::{DueNotice, Notice, NoticeStore, StoreError};
use uuid::Uuid;

use crate::{PostgresStore, challenges::limit, rows::locale, statement::statement, types::Instant};

// Only names that are known: what a newer release is to say is left to it.
statement!(ClaimNotices {
    names: Vec<&'static str> => Array<Text>,
    most: i32 => Integer,
    leased_until: Instant => Timestamptz,
    now: Instant => Timestamptz,
} ", due AS MATERIALIZED (
        SELECT e.id FROM events e
        WHERE e.notify_phone IS NOT NULL AND e.notify_at <= (SELECT now FROM input)
            AND e.name = ANY ((SELECT names FROM input)::text[])
        ORDER BY e.notify_at LIMIT (SELECT most FROM input) FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE events e SET notify_attempts = e.notify_attempts + 1, notify_at = i.leased_until
    FROM input i, due d WHERE e.id = d.id
    RETURNING e.id, e.name, e.notify_phone, e.notify_locale, e.notify_attempts, e.occurred_at");

statement!(direct FinishNotice { id: Uuid => SqlUuid, attempt: i32 => Integer }
    "UPDATE events SET notify_phone = NULL, notify_locale = NULL, notify_at = NULL
    WHERE id = ? AND notify_attempts = ? AND notify_phone IS NOT NULL");

statement!(direct PutOffNotice { at: Instant => Timestamptz, id: Uuid => SqlUuid, attempt: i32 => Integer }
    "UPDATE events SET notify_at = ? WHERE id = ? AND notify_attempts = ? AND notify_phone IS NOT NULL");

statement!(ForgetNotices { until: Instant => Timestamptz, most: i32 => Integer } ", old AS MATERIALIZED (
        SELECT e.id FROM events e
        WHERE e.notify_phone IS NOT NULL AND e.occurred_at < (SELECT until FROM input)
        LIMIT (SELECT most FROM input) FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE events e SET notify_phone = NULL, notify_locale = NULL, notify_at = NULL FROM old o WHERE e.id = o.id");

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    notify_phone: String,
    #[diesel(sql_type = Nullable<Text>)]
    notify_locale: Option<String>,
    #[diesel(sql_type = Integer)]
    notify_attempts: i32,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: Instant,
}

impl DueRow {
    /// A number that cannot be read is told nothing, and holds nobody else up.
    fn due(self) -> Option<DueNotice> {
        let notice = Notice {
            id: EventId(self.id),
            kind: EventName::find(&self.name)?.notice()?,
            phone: PhoneNumber::from_stored(&self.notify_phone).ok()?,
            locale: locale(self.notify_locale.as_deref()),
            occurred_at: self.occurred_at.0,
        };
        Some(DueNotice { notice, attempt: self.notify_attempts.unsigned_abs() })
    }
}

/// The attempt as it is stored.
pub(crate) fn attempt(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[async_trait]
impl NoticeStore for PostgresStore {
    #[tracing::instrument(name = "postgres.claim_notices", level = "debug", skip_all)]
    async fn claim_notices(
        &self,
        most: u32,
        leased_until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueNotice>, StoreError> {
        let notifying = EventName::ALL.into_iter().filter(|name| name.notifies());
        let claim = ClaimNotices {
            names: notifying.map(EventName::as_str).collect(),
            most: limit(most),
            leased_until: Instant(leased_until),
            now: Instant(now),
        };
        let rows: Vec<DueRow> = self.rows(claim).await?;
        Ok(rows.into_iter().filter_map(DueRow::due).collect())
    }

    #[tracing::instrument(name = "postgres.finish_notice", level = "debug", skip_all)]
    async fn finish_notice(&self, due: &DueNotice) -> Result<(), StoreError> {
        let finish = FinishNotice { id: due.notice.id.0, attempt: attempt(due.attempt) };
        self.execute(finish).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.put_off_notice", level = "debug", skip_all)]
    async fn put_off_notice(&self, due: &DueNotice, at: Timestamp) -> Result<(), StoreError> {
        let put_off = PutOffNotice { at: Instant(at), id: due.notice.id.0, attempt: attempt(due.attempt) };
        self.execute(put_off).await.map(drop)
    }

    #[tracing::instrument(name = "postgres.forget_notices", level = "debug", skip_all)]
    async fn forget_notices(&self, until: Timestamp, most: u32) -> Result<u64, StoreError> {
        let forget = ForgetNotices { until: Instant(until), most: limit(most) };
        Ok(self.execute(forget).await? as u64)
    }
}
