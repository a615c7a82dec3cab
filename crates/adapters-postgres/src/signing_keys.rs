//! Signing keys.

use async_trait::async_trait;
use diesel::{
    QueryResult, QueryableByName,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Array, Integer, Nullable, Text, Timestamptz},
};
use domain::{SigningAlgorithm, SigningKey, SigningKeyId};
use jiff::Timestamp;
use ports::{NewSigningKey, SealedValue, SigningKeyStore, StoreError, StoredSigningKey};

use crate::{
    PostgresStore,
    rows::read,
    statement::{Inputs, statement},
    types::Instant,
};

/// The key that a statement adds.
#[derive(Clone)]
pub(crate) struct NewKeyInput {
    id: String,
    algorithm: &'static str,
    private_key: String,
    created_at: Instant,
    activates_at: Instant,
}

impl From<&NewSigningKey> for NewKeyInput {
    fn from(key: &NewSigningKey) -> Self {
        Self {
            id: key.id.as_str().to_owned(),
            algorithm: key.algorithm.as_str(),
            private_key: key.private.0.clone(),
            created_at: Instant(key.created_at),
            activates_at: Instant(key.activates_at),
        }
    }
}

impl Inputs for NewKeyInput {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql(" AS id, ");
        out.push_bind_param::<Text, _>(&self.algorithm)?;
        out.push_sql(" AS algorithm, ");
        out.push_bind_param::<Text, _>(&self.private_key)?;
        out.push_sql(" AS private_key, ");
        out.push_bind_param::<Timestamptz, _>(&self.created_at)?;
        out.push_sql(" AS created_at, ");
        out.push_bind_param::<Timestamptz, _>(&self.activates_at)?;
        out.push_sql(" AS activates_at");
        Ok(())
    }
}

/// Inserts the key of `input i` with a number. Whoever inserts that number first wins.
macro_rules! insert {
    (number $number:literal, from $from:literal) => {
        concat!(
            " INSERT INTO signing_keys (number, id, algorithm, private_key, created_at, activates_at)
            SELECT ",
            $number,
            ", i.id, i.algorithm, i.private_key, i.created_at, i.activates_at FROM input i",
            $from
        )
    };
}

const LIST: &str =
    "SELECT k.number, k.id, k.algorithm, k.private_key, k.created_at, k.activates_at, k.retired_at
    FROM signing_keys k ORDER BY k.number";

statement!(Add { newest: i32 => Integer, ..key: NewKeyInput } concat!(
    insert!(number "i.newest + 1", from
        " WHERE i.newest = coalesce((SELECT max(k.number) FROM signing_keys k), 0)"),
    " ON CONFLICT DO NOTHING"
));

statement!(Retire { retired: String => Text, now: Instant => Timestamptz, ..successor: NewKeyInput } concat!(
    ", retired AS (
        UPDATE signing_keys k SET retired_at = i.now FROM input i
        WHERE k.id = i.retired AND k.retired_at IS NULL
        RETURNING k.number
    ), succeeded AS (",
    insert!(number "r.number + 1", from
        ", retired r WHERE NOT EXISTS (SELECT FROM signing_keys n WHERE n.number > r.number)"),
    " ON CONFLICT (number) DO NOTHING)
    SELECT number FROM retired"
));

statement!(direct Forget { ids: Vec<String> => Array<Text> }
    "DELETE FROM signing_keys k WHERE k.id = ANY (?) AND k.number < (SELECT max(n.number) FROM signing_keys n)");

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = Integer)]
    #[expect(dead_code, reason = "that there is a row is the answer")]
    number: i32,
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    algorithm: String,
    #[diesel(sql_type = Text)]
    private_key: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: Instant,
    #[diesel(sql_type = Timestamptz)]
    activates_at: Instant,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    retired_at: Option<Instant>,
}

impl TryFrom<KeyRow> for StoredSigningKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let key = SigningKey {
            id: read(SigningKeyId::parse(&row.id).ok(), "signing_keys", "id")?,
            number: read(u32::try_from(row.number).ok(), "signing_keys", "number")?,
            algorithm: read(SigningAlgorithm::find(&row.algorithm), "signing_keys", "algorithm")?,
            created_at: row.created_at.0,
            activates_at: row.activates_at.0,
            retired_at: row.retired_at.map(|time| time.0),
        };
        Ok(Self { key, private: SealedValue(row.private_key) })
    }
}

#[async_trait]
impl SigningKeyStore for PostgresStore {
    #[tracing::instrument(name = "postgres.list_signing_keys", level = "debug", skip_all)]
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows: Vec<KeyRow> = self.rows(diesel::sql_query(LIST)).await?;
        rows.into_iter().map(StoredSigningKey::try_from).collect()
    }

    #[tracing::instrument(name = "postgres.add_signing_key", level = "debug", skip_all)]
    async fn add_signing_key(&self, newest: u32, key: &NewSigningKey) -> Result<bool, StoreError> {
        let Ok(newest) = i32::try_from(newest) else { return Ok(false) };
        Ok(self.execute(Add { newest, key: key.into() }).await? > 0)
    }

    #[tracing::instrument(name = "postgres.retire_signing_key", level = "debug", skip_all)]
    async fn retire_signing_key(
        &self,
        id: &SigningKeyId,
        successor: &NewSigningKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let retire =
            Retire { retired: id.as_str().to_owned(), now: Instant(now), successor: successor.into() };
        Ok(self.row::<_, NumberRow>(retire).await?.is_some())
    }

    #[tracing::instrument(name = "postgres.forget_signing_keys", level = "debug", skip_all)]
    async fn forget_signing_keys(&self, ids: &[SigningKeyId]) -> Result<u64, StoreError> {
        let ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
        Ok(self.execute(Forget { ids }).await? as u64)
    }
}
