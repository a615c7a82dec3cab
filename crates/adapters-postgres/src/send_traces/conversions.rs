//! Whose codes are entered.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Text, Timestamptz},
};
use domain::Conversion;
use jiff::Timestamp;
use ports::StoreError;

use crate::{PostgresStore, statement::statement, types::Instant};

statement!(direct List { since: Instant => Timestamptz, until: Instant => Timestamptz } "
    SELECT t.provider, t.country, count(*) AS sent, count(t.entered_at) AS entered FROM send_traces t
    WHERE t.begun_at >= ? AND t.begun_at < ? AND t.purpose IN ('login', 'step_up')
    AND t.settlement IN ('sent', 'unknown')
    GROUP BY t.provider, t.country");

#[derive(QueryableByName)]
struct ConversionRow {
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = BigInt)]
    sent: i64,
    #[diesel(sql_type = BigInt)]
    entered: i64,
}

impl From<ConversionRow> for Conversion {
    fn from(ConversionRow { provider, country, sent, entered }: ConversionRow) -> Self {
        let count = |value| u64::try_from(value).unwrap_or(0);
        Self { provider, country, sent: count(sent), entered: count(entered) }
    }
}

pub(super) async fn list(
    store: &PostgresStore,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Conversion>, StoreError> {
    let rows: Vec<ConversionRow> = store.rows(List { since: Instant(since), until: Instant(until) }).await?;
    Ok(rows.into_iter().map(Conversion::from).collect())
}
