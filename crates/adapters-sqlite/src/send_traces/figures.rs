//! Figures of all messages.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Bool, Text},
};
use domain::{EntryTimes, FigureDimension, FigureGroup, Money, SendFigures};
use ports::{FigureCell, FigureQuery};

use crate::types::Micros;

const LIST: &str = "
    WITH cells AS (
        SELECT CASE WHEN ?4 THEN country ELSE '' END AS of_country, CASE WHEN ?5 THEN prefix ELSE '' END AS of_prefix,
            CASE WHEN ?6 THEN channel ELSE '' END AS of_channel, CASE WHEN ?7 THEN provider ELSE '' END AS of_provider,
            (hour - ?1) / (?3 * 1000000) AS point,
            sum(sent) AS sent, sum(delivered) AS delivered, sum(failed) AS failed, sum(cost) AS cost,
            sum(entered) AS entered, sum(entry_ms) AS entry_ms, sum(within_10) AS within_10,
            sum(within_20) AS within_20, sum(within_30) AS within_30, sum(within_60) AS within_60,
            sum(within_120) AS within_120, sum(within_300) AS within_300
        FROM send_figures WHERE hour >= ?1 AND hour <= ?2
        GROUP BY 1, 2, 3, 4, 5
    ), largest AS (
        SELECT of_country, of_prefix, of_channel, of_provider FROM cells GROUP BY 1, 2, 3, 4
        ORDER BY sum(sent) DESC, 1, 2, 3, 4 LIMIT ?8
    )
    SELECT * FROM cells JOIN largest USING (of_country, of_prefix, of_channel, of_provider)";

#[derive(QueryableByName)]
struct CellRow {
    #[diesel(sql_type = Text)]
    of_country: String,
    #[diesel(sql_type = Text)]
    of_prefix: String,
    #[diesel(sql_type = Text)]
    of_channel: String,
    #[diesel(sql_type = Text)]
    of_provider: String,
    #[diesel(sql_type = BigInt)]
    point: i64,
    #[diesel(sql_type = BigInt)]
    sent: i64,
    #[diesel(sql_type = BigInt)]
    delivered: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    cost: i64,
    #[diesel(sql_type = BigInt)]
    entered: i64,
    #[diesel(sql_type = BigInt)]
    entry_ms: i64,
    #[diesel(sql_type = BigInt)]
    within_10: i64,
    #[diesel(sql_type = BigInt)]
    within_20: i64,
    #[diesel(sql_type = BigInt)]
    within_30: i64,
    #[diesel(sql_type = BigInt)]
    within_60: i64,
    #[diesel(sql_type = BigInt)]
    within_120: i64,
    #[diesel(sql_type = BigInt)]
    within_300: i64,
}

impl From<CellRow> for FigureCell {
    fn from(row: CellRow) -> Self {
        let within =
            [row.within_10, row.within_20, row.within_30, row.within_60, row.within_120, row.within_300];
        Self {
            group: FigureGroup {
                country: row.of_country,
                prefix: row.of_prefix,
                channel: row.of_channel,
                provider: row.of_provider,
            },
            point: u32::try_from(row.point).unwrap_or(0),
            figures: SendFigures {
                sent: amount(row.sent),
                delivered: amount(row.delivered),
                failed: amount(row.failed),
                entered: EntryTimes {
                    count: amount(row.entered),
                    total_ms: amount(row.entry_ms),
                    within: within.map(amount),
                },
                cost: Money(amount(row.cost)),
            },
        }
    }
}

/// Sums never fall below zero.
fn amount(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn list(sqlite: &mut SqliteConnection, query: &FigureQuery) -> QueryResult<Vec<FigureCell>> {
    let by = |dimension| query.by.contains(&dimension);
    let rows: Vec<CellRow> = sql_query(LIST)
        .bind::<BigInt, _>(Micros(query.window.since))
        .bind::<BigInt, _>(Micros(query.window.until))
        .bind::<BigInt, _>(query.window.step_seconds())
        .bind::<Bool, _>(by(FigureDimension::Country))
        .bind::<Bool, _>(by(FigureDimension::Prefix))
        .bind::<Bool, _>(by(FigureDimension::Channel))
        .bind::<Bool, _>(by(FigureDimension::Provider))
        .bind::<BigInt, _>(i64::from(query.most))
        .load(sqlite)?;
    Ok(rows.into_iter().map(FigureCell::from).collect())
}
