//! Signing keys.

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, exists, insert_into, max, select, update},
    prelude::*,
    sqlite::Sqlite,
};
use domain::{SigningAlgorithm, SigningKey, SigningKeyId};
use jiff::Timestamp;
use ports::{NewSigningKey, SealedValue, SigningKeyStore, StoreError, StoredSigningKey};

use crate::{
    error::unreadable,
    schema::signing_keys,
    store::SqliteStore,
    types::{Count, Micros},
};

#[async_trait]
impl SigningKeyStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.list_signing_keys", skip_all)]
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.read(list).await
    }

    #[tracing::instrument(name = "sqlite.add_signing_key", skip_all)]
    async fn add_signing_key(&self, newest: u32, key: &NewSigningKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.write(move |sqlite| add(sqlite, newest, &key)).await
    }

    #[tracing::instrument(name = "sqlite.retire_signing_key", skip_all)]
    async fn retire_signing_key(
        &self,
        id: &SigningKeyId,
        successor: &NewSigningKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, successor) = (id.clone(), successor.clone());
        self.write(move |sqlite| retire(sqlite, &id, &successor, now)).await
    }

    #[tracing::instrument(name = "sqlite.forget_signing_keys", skip_all)]
    async fn forget_signing_keys(&self, ids: &[SigningKeyId]) -> Result<u64, StoreError> {
        let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        self.write(move |sqlite| forget(sqlite, &ids)).await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys, check_for_backend(Sqlite))]
struct KeyRow {
    number: Count,
    id: String,
    algorithm: String,
    private_key: String,
    created_at: Micros,
    activates_at: Micros,
    retired_at: Option<Micros>,
}

impl KeyRow {
    fn into_stored(self) -> QueryResult<StoredSigningKey> {
        let algorithm = SigningAlgorithm::find(&self.algorithm);
        let key = SigningKey {
            id: SigningKeyId::parse(&self.id).map_err(|_| unreadable("signing_keys.id"))?,
            number: self.number.0,
            algorithm: algorithm.ok_or_else(|| unreadable("signing_keys.algorithm"))?,
            created_at: self.created_at.0,
            activates_at: self.activates_at.0,
            retired_at: self.retired_at.map(|time| time.0),
        };
        Ok(StoredSigningKey { key, private: SealedValue(self.private_key) })
    }
}

fn list(sqlite: &mut SqliteConnection) -> QueryResult<Vec<StoredSigningKey>> {
    let rows: Vec<KeyRow> =
        signing_keys::table.order(signing_keys::number).select(KeyRow::as_select()).load(sqlite)?;
    rows.into_iter().map(KeyRow::into_stored).collect()
}

fn add(sqlite: &mut SqliteConnection, newest: u32, key: &NewSigningKey) -> QueryResult<bool> {
    let last = newest_number(sqlite)?.map_or(0, |number| number.0);
    let same = select(exists(signing_keys::table.filter(signing_keys::id.eq(key.id.as_str()))));
    if last != newest || same.get_result(sqlite)? {
        return Ok(false);
    }
    insert(sqlite, newest.saturating_add(1), key)?;
    Ok(true)
}

fn retire(
    sqlite: &mut SqliteConnection,
    id: &SigningKeyId,
    successor: &NewSigningKey,
    now: Timestamp,
) -> QueryResult<bool> {
    let in_use = signing_keys::table
        .filter(signing_keys::id.eq(id.as_str()))
        .filter(signing_keys::retired_at.is_null());
    let retired: Option<Count> = update(in_use)
        .set(signing_keys::retired_at.eq(Micros(now)))
        .returning(signing_keys::number)
        .get_result(sqlite)
        .optional()?;
    let Some(number) = retired else { return Ok(false) };
    if newest_number(sqlite)? == Some(number) {
        insert(sqlite, number.0.saturating_add(1), successor)?;
    }
    Ok(true)
}

fn forget(sqlite: &mut SqliteConnection, ids: &[String]) -> QueryResult<u64> {
    let Some(newest) = newest_number(sqlite)? else { return Ok(0) };
    let older =
        signing_keys::table.filter(signing_keys::id.eq_any(ids)).filter(signing_keys::number.lt(newest));
    Ok(delete(older).execute(sqlite)? as u64)
}

fn newest_number(sqlite: &mut SqliteConnection) -> QueryResult<Option<Count>> {
    signing_keys::table.select(max(signing_keys::number)).get_result(sqlite)
}

fn insert(sqlite: &mut SqliteConnection, number: u32, key: &NewSigningKey) -> QueryResult<()> {
    insert_into(signing_keys::table)
        .values((
            signing_keys::number.eq(Count(number)),
            signing_keys::id.eq(key.id.as_str()),
            signing_keys::algorithm.eq(key.algorithm.as_str()),
            signing_keys::private_key.eq(key.private.0.as_str()),
            signing_keys::created_at.eq(Micros(key.created_at)),
            signing_keys::activates_at.eq(Micros(key.activates_at)),
        ))
        .execute(sqlite)
        .map(drop)
}
