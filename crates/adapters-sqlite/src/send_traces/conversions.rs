//! Whose codes are entered.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use domain::Conversion;
use jiff::Timestamp;

use crate::types::Micros;

const LIST: &str = "
    SELECT provider, country, count(*) AS sent, count(entered_at) AS entered FROM send_traces
    WHERE begun_at >= ? AND begun_at < ? AND purpose IN ('login', 'step_up') AND settlement IN ('sent', 'unknown')
    GROUP BY provider, country";

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

pub(super) fn list(
    sqlite: &mut SqliteConnection,
    since: Timestamp,
    until: Timestamp,
) -> QueryResult<Vec<Conversion>> {
    let rows: Vec<ConversionRow> =
        sql_query(LIST).bind::<BigInt, _>(Micros(since)).bind::<BigInt, _>(Micros(until)).load(sqlite)?;
    Ok(rows.into_iter().map(Conversion::from).collect())
}
