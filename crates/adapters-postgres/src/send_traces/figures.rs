//! Figures of all messages.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Integer, Text, Timestamptz},
};
use domain::{EntryTimes, FigureDimension, FigureGroup, Money, SendFigures};
use ports::{FigureCell, FigureQuery, StoreError};

use crate::{PostgresStore, statement::statement, types::Instant};

statement!(List {
    since: Instant => Timestamptz,
    until: Instant => Timestamptz,
    step_seconds: i64 => BigInt,
    by_country: bool => Bool,
    by_prefix: bool => Bool,
    by_channel: bool => Bool,
    by_provider: bool => Bool,
    most: i64 => BigInt,
} ", cells AS MATERIALIZED (
        SELECT k.country, k.prefix, k.channel, k.provider,
            floor(extract(epoch FROM f.hour - i.since) / i.step_seconds)::integer AS point,
            sum(f.sent)::bigint AS sent, sum(f.delivered)::bigint AS delivered, sum(f.failed)::bigint AS failed,
            sum(f.cost)::bigint AS cost, sum(f.entered)::bigint AS entered, sum(f.entry_ms)::bigint AS entry_ms,
            sum(f.within_10)::bigint AS within_10, sum(f.within_20)::bigint AS within_20,
            sum(f.within_30)::bigint AS within_30, sum(f.within_60)::bigint AS within_60,
            sum(f.within_120)::bigint AS within_120, sum(f.within_300)::bigint AS within_300
        FROM input i JOIN send_figures f ON f.hour >= i.since AND f.hour <= i.until
        CROSS JOIN LATERAL (SELECT
            CASE WHEN i.by_country THEN f.country ELSE '' END AS country,
            CASE WHEN i.by_prefix THEN f.prefix ELSE '' END AS prefix,
            CASE WHEN i.by_channel THEN f.channel ELSE '' END AS channel,
            CASE WHEN i.by_provider THEN f.provider ELSE '' END AS provider) k
        GROUP BY 1, 2, 3, 4, 5
    ), largest AS (
        SELECT country, prefix, channel, provider FROM cells GROUP BY 1, 2, 3, 4
        ORDER BY sum(sent) DESC, 1, 2, 3, 4 LIMIT (SELECT most FROM input)
    )
    SELECT * FROM cells JOIN largest USING (country, prefix, channel, provider)");

#[derive(QueryableByName)]
struct CellRow {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Text)]
    prefix: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Integer)]
    point: i32,
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
                country: row.country,
                prefix: row.prefix,
                channel: row.channel,
                provider: row.provider,
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

pub(super) async fn list(store: &PostgresStore, query: &FigureQuery) -> Result<Vec<FigureCell>, StoreError> {
    let by = |dimension| query.by.contains(&dimension);
    let list = List {
        since: Instant(query.window.since),
        until: Instant(query.window.until),
        step_seconds: query.window.step_seconds(),
        by_country: by(FigureDimension::Country),
        by_prefix: by(FigureDimension::Prefix),
        by_channel: by(FigureDimension::Channel),
        by_provider: by(FigureDimension::Provider),
        most: i64::from(query.most),
    };
    let rows: Vec<CellRow> = store.rows(list).await?;
    Ok(rows.into_iter().map(FigureCell::from).collect())
}
