//! People of another system.

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::UserId;
use jiff::Timestamp;
use ports::{AccountImport, ImportConflict, ImportOutcome, ImportedAccount, KnownNames, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    rows::{phone, read},
    statement::statement,
    types::Instant,
};

// Importers take turns, so that two with the same people never wait for each other in a circle.
// What stands there already is found by the indexes, also what was committed during the wait.
statement!(ImportAccounts {
    ids: Vec<Uuid> => Array<SqlUuid>,
    emails: Vec<String> => Array<Text>,
    canonicals: Vec<String> => Array<Text>,
    phones: Vec<String> => Array<Text>,
    hashes: Vec<String> => Array<Text>,
    own_salts: Vec<bool> => Array<Bool>,
    locales: Vec<Option<String>> => Array<Nullable<Text>>,
    created: Vec<Instant> => Array<Timestamptz>,
    proven: Vec<Option<Instant>> => Array<Nullable<Timestamptz>>,
    locked: Vec<Option<Instant>> => Array<Nullable<Timestamptz>>,
    lock_reasons: Vec<Option<String>> => Array<Nullable<Text>>,
    event_ids: Vec<Uuid> => Array<SqlUuid>,
    event_names: Vec<&'static str> => Array<Text>,
    now: Instant => Timestamptz,
} ", turn AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(hashtextextended('account import', 0)) IS NOT NULL AS is_ours FROM input
    ), rows AS MATERIALIZED (
        SELECT r.* FROM input i, turn, LATERAL unnest(i.ids, i.emails, i.canonicals, i.phones, i.hashes, i.own_salts,
            i.locales, i.created, i.proven, i.locked, i.lock_reasons, i.event_ids, i.event_names)
        WITH ORDINALITY AS r(id, email, email_canonical, phone, password_hash, own_salt, locale, created_at, proven_at,
            locked_at, lock_reason, event_id, event_name, place)
    ), created AS (
        INSERT INTO users (id, email, email_canonical, phone, phone_verified_at, password_hash, locale, created_at,
            updated_at, locked_at, lock_reason)
        SELECT r.id, r.email, r.email_canonical, r.phone, r.proven_at, r.password_hash, r.locale, r.created_at, i.now,
            r.locked_at, r.lock_reason
        FROM input i, rows r WHERE r.proven_at IS NOT NULL ORDER BY r.place
        ON CONFLICT DO NOTHING
        RETURNING id, email_canonical, phone
    ), accounts AS MATERIALIZED (
        SELECT DISTINCT ON (c.id) r.* FROM created c
        JOIN rows r ON r.id = c.id AND r.email_canonical = c.email_canonical AND r.phone = c.phone
        WHERE r.proven_at IS NOT NULL ORDER BY c.id, r.place
    ), marked AS (
        INSERT INTO imported_hashes (user_id) SELECT a.id FROM accounts a WHERE a.own_salt
    ), recorded AS (
        INSERT INTO events (id, user_id, name, occurred_at)
        SELECT a.event_id, a.id, a.event_name, i.now FROM input i, accounts a
    ), superseded AS (
        DELETE FROM imported_registrations m
        WHERE m.email_canonical IN (SELECT email_canonical FROM created) OR m.phone IN (SELECT phone FROM created)
    ), registered AS (
        INSERT INTO imported_registrations (email_canonical, email, phone, password_hash, locale, created_at)
        SELECT r.email_canonical, r.email, r.phone, r.password_hash, r.locale, r.created_at FROM rows r
        WHERE r.proven_at IS NULL
        AND NOT EXISTS (SELECT FROM users u WHERE u.email_canonical = r.email_canonical)
        AND NOT EXISTS (SELECT FROM users u WHERE u.phone = r.phone)
        AND r.email_canonical NOT IN (SELECT email_canonical FROM created)
        AND r.phone NOT IN (SELECT phone FROM created)
        ORDER BY r.place
        ON CONFLICT DO NOTHING
        RETURNING email_canonical, phone
    )
    SELECT a.place FROM accounts a
    UNION ALL
    SELECT min(r.place) FROM registered g JOIN rows r ON r.email_canonical = g.email_canonical AND r.phone = g.phone
    WHERE r.proven_at IS NULL GROUP BY g.email_canonical");

statement!(FindNames {
    ids: Vec<Uuid> => Array<SqlUuid>,
    canonicals: Vec<String> => Array<Text>,
    phones: Vec<String> => Array<Text>,
} " SELECT r.place, e.id AS account_of_email, p.id AS account_of_phone, o.id IS NOT NULL AS id_is_taken,
        g.phone AS registered_phone, h.phone IS NOT NULL AS phone_is_registered
    FROM input i, LATERAL unnest(i.ids, i.canonicals, i.phones)
    WITH ORDINALITY AS r(id, email_canonical, phone, place)
    LEFT JOIN users e ON e.email_canonical = r.email_canonical
    LEFT JOIN users p ON p.phone = r.phone
    LEFT JOIN users o ON o.id = r.id
    LEFT JOIN imported_registrations g ON g.email_canonical = r.email_canonical
    LEFT JOIN imported_registrations h ON h.phone = r.phone
    ORDER BY r.place");

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = BigInt)]
    place: i64,
}

#[derive(QueryableByName)]
struct NamesRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_of_email: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_of_phone: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    id_is_taken: bool,
    #[diesel(sql_type = Nullable<Text>)]
    registered_phone: Option<String>,
    #[diesel(sql_type = Bool)]
    phone_is_registered: bool,
}

impl TryFrom<NamesRow> for KnownNames {
    type Error = StoreError;

    fn try_from(row: NamesRow) -> Result<Self, StoreError> {
        let registered_phone = row.registered_phone.as_deref();
        Ok(Self {
            account_of_email: row.account_of_email.map(UserId),
            account_of_phone: row.account_of_phone.map(UserId),
            id_is_taken: row.id_is_taken,
            registered_phone: registered_phone
                .map(|text| phone(text, "imported_registrations"))
                .transpose()?,
            phone_is_registered: row.phone_is_registered,
        })
    }
}

fn each<T>(accounts: &[ImportedAccount], column: impl FnMut(&ImportedAccount) -> T) -> Vec<T> {
    accounts.iter().map(column).collect()
}

fn statement(accounts: &[ImportedAccount], now: Timestamp) -> ImportAccounts {
    ImportAccounts {
        ids: each(accounts, |a| a.id.0),
        emails: each(accounts, |a| a.email.as_typed().to_owned()),
        canonicals: each(accounts, |a| a.email.canonical().to_owned()),
        phones: each(accounts, |a| a.phone.as_e164().to_owned()),
        hashes: each(accounts, |a| a.password_hash.as_str().to_owned()),
        own_salts: each(accounts, |a| a.has_own_salt),
        locales: each(accounts, |a| a.locale.as_ref().map(|locale| locale.as_str().to_owned())),
        created: each(accounts, |a| Instant(a.created_at)),
        proven: each(accounts, |a| a.phone_verified_at.map(Instant)),
        locked: each(accounts, |a| a.lock.as_ref().map(|lock| Instant(lock.since))),
        lock_reasons: each(accounts, |a| a.lock.as_ref().map(|lock| lock.reason.as_str().to_owned())),
        event_ids: each(accounts, |a| a.event.id.0),
        event_names: each(accounts, |a| a.event.name.as_str()),
        now: Instant(now),
    }
}

impl PostgresStore {
    /// What is in the way of each of them, `otherwise` where nothing is.
    async fn judge(
        &self,
        accounts: &[ImportedAccount],
        otherwise: ImportOutcome,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let find = FindNames {
            ids: each(accounts, |a| a.id.0),
            canonicals: each(accounts, |a| a.email.canonical().to_owned()),
            phones: each(accounts, |a| a.phone.as_e164().to_owned()),
        };
        let rows: Vec<NamesRow> = self.rows(find).await?;
        let known = rows.into_iter().map(KnownNames::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(accounts
            .iter()
            .zip(&known)
            .map(|(account, known)| account.judge(known).unwrap_or(otherwise))
            .collect())
    }
}

#[async_trait]
impl AccountImport for PostgresStore {
    /// One statement, and a second that only reads when something was in the way.
    #[tracing::instrument(name = "postgres.import_accounts", level = "debug", skip_all)]
    async fn import_accounts(
        &self,
        accounts: &[ImportedAccount],
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let rows: Vec<PlaceRow> = self.rows(statement(accounts, now)).await?;
        let mut outcomes = vec![None; accounts.len()];
        for row in rows {
            let place = usize::try_from(row.place).ok().and_then(|place| place.checked_sub(1));
            let outcome = place.and_then(|place| outcomes.get_mut(place));
            *read(outcome, "input", "place")? = Some(ImportOutcome::Imported);
        }
        if outcomes.iter().all(Option::is_some) {
            return Ok(outcomes.into_iter().flatten().collect());
        }
        let gone = ImportOutcome::Refused(ImportConflict::ChangedMeanwhile);
        let judged = self.judge(accounts, gone).await?;
        Ok(outcomes.into_iter().zip(judged).map(|(done, judged)| done.unwrap_or(judged)).collect())
    }

    #[tracing::instrument(name = "postgres.preview_import", level = "debug", skip_all)]
    async fn preview_import(&self, accounts: &[ImportedAccount]) -> Result<Vec<ImportOutcome>, StoreError> {
        self.judge(accounts, ImportOutcome::Imported).await
    }
}
