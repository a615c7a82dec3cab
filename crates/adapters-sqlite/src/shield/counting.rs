//! Adding to what is counted.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use domain::{Money, SendOrigin, Shield, ShieldScope};
use jiff::Timestamp;

/// What is added.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    sent: i64,
    entered: i64,
    cost: i64,
}

impl Counts {
    /// A code that was entered.
    pub(super) const ENTERED: Self = Self { sent: 0, entered: 1, cost: 0 };

    /// So many messages of a price.
    pub(super) fn sent(count: i64, cost: Money) -> Self {
        let cost = i64::try_from(cost.0).unwrap_or(i64::MAX);
        Self { sent: count, entered: 0, cost: cost.saturating_mul(count) }
    }
}

const ADD: &str = "
    INSERT INTO send_statistics (scope_kind, scope, bucket, origin, sent, entered, cost)
    VALUES (?, ?, ?, ?, max(?, 0), ?, max(?, 0))
    ON CONFLICT (scope_kind, scope, bucket, origin, provider) DO UPDATE SET
        sent = max(sent + ?, 0), entered = entered + excluded.entered, cost = max(cost + ?, 0)";

/// Counts under every scope.
pub(super) fn count(
    sqlite: &mut SqliteConnection,
    scopes: &[ShieldScope],
    origin: SendOrigin,
    now: Timestamp,
    counts: Counts,
) -> QueryResult<()> {
    scopes.iter().try_for_each(|scope| add(sqlite, scope.kind(), scope.key(), origin.as_str(), now, counts))
}

/// Counts a start, which has neither origin nor place.
pub(super) fn count_start(sqlite: &mut SqliteConnection, now: Timestamp) -> QueryResult<()> {
    add(sqlite, "starts", "", "", now, Counts::sent(1, Money(0)))
}

fn add(
    sqlite: &mut SqliteConnection,
    kind: &str,
    key: &str,
    origin: &str,
    now: Timestamp,
    counts: Counts,
) -> QueryResult<()> {
    sql_query(ADD)
        .bind::<Text, _>(kind)
        .bind::<Text, _>(key)
        .bind::<BigInt, _>(Shield::bucket(now).as_microsecond())
        .bind::<Text, _>(origin)
        .bind::<BigInt, _>(counts.sent)
        .bind::<BigInt, _>(counts.entered)
        .bind::<BigInt, _>(counts.cost)
        .bind::<BigInt, _>(counts.sent)
        .bind::<BigInt, _>(counts.cost)
        .execute(sqlite)
        .map(drop)
}
