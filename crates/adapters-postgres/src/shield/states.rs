//! What is held against prefixes and countries.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Integer, Nullable, Text, Timestamptz},
};
use domain::{ScopeState, ShieldBlock, ShieldRule, ShieldScope};
use jiff::Timestamp;
use ports::{BlockEntry, StoreError};

use super::amount;
use crate::{PostgresStore, challenges::limit, rows::read, statement::statement, types::Instant};

// A state that has no row yet has the version 0.
statement!(Keep {
    scope_kind: &'static str => Text,
    scope: String => Text,
    version: i64 => BigInt,
    unanswered: i32 => Integer,
    last_sent_at: Option<Instant> => Nullable<Timestamptz>,
    strikes: i32 => Integer,
    struck_at: Option<Instant> => Nullable<Timestamptz>,
    rule: Option<&'static str> => Nullable<Text>,
    blocked_until: Option<Instant> => Nullable<Timestamptz>,
    refused: i32 => Integer,
    now: Instant => Timestamptz,
} "
    INSERT INTO shield_states AS s (scope_kind, scope, version, unanswered, last_sent_at, strikes, struck_at, rule,
        blocked_until, refused, changed_at)
    SELECT i.scope_kind, i.scope, i.version + 1, i.unanswered, i.last_sent_at, i.strikes, i.struck_at, i.rule,
        i.blocked_until, i.refused, i.now
    FROM input i WHERE i.version = 0
    OR EXISTS (SELECT FROM shield_states x WHERE x.scope_kind = i.scope_kind AND x.scope = i.scope)
    ON CONFLICT (scope_kind, scope) DO UPDATE SET
        version = excluded.version, unanswered = excluded.unanswered, last_sent_at = excluded.last_sent_at,
        strikes = excluded.strikes, struck_at = excluded.struck_at, rule = excluded.rule,
        blocked_until = excluded.blocked_until, refused = excluded.refused, changed_at = excluded.changed_at
    WHERE s.version = excluded.version - 1");

/// Puts a state in the place of the one that it was made from; `false` when that is another now.
pub(super) async fn keep(
    store: &PostgresStore,
    scope: &ShieldScope,
    state: &ScopeState,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let keep = Keep {
        scope_kind: scope.kind(),
        scope: scope.key().to_owned(),
        version: amount(state.version),
        unanswered: limit(state.unanswered),
        last_sent_at: state.last_sent_at.map(Instant),
        strikes: limit(state.strikes),
        struck_at: state.struck_at.map(Instant),
        rule: state.block.map(|block| block.rule.as_str()),
        blocked_until: state.block.map(|block| Instant(block.until)),
        refused: limit(state.block.map_or(0, |block| block.refused)),
        now: Instant(now),
    };
    Ok(store.execute(keep).await? > 0)
}

statement!(direct CountRefusal { scope_kind: &'static str => Text, scope: String => Text }
    "UPDATE shield_states SET refused = refused + 1 WHERE scope_kind = ? AND scope = ?");

pub(super) async fn count_refusal(store: &PostgresStore, scope: &ShieldScope) -> Result<(), StoreError> {
    let refusal = CountRefusal { scope_kind: scope.kind(), scope: scope.key().to_owned() };
    store.execute(refusal).await.map(drop)
}

statement!(direct Forget { scope_kind: &'static str => Text, scope: String => Text }
    "DELETE FROM shield_states WHERE scope_kind = ? AND scope = ?");

pub(super) async fn forget(store: &PostgresStore, scope: &ShieldScope) -> Result<bool, StoreError> {
    let forget = Forget { scope_kind: scope.kind(), scope: scope.key().to_owned() };
    Ok(store.execute(forget).await? > 0)
}

statement!(direct ListBlocks { now: Instant => Timestamptz }
    "SELECT scope, strikes, rule, blocked_until, refused FROM shield_states WHERE blocked_until > ?
    ORDER BY blocked_until DESC, scope");

#[derive(QueryableByName)]
struct BlockRow {
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Integer)]
    strikes: i32,
    #[diesel(sql_type = Nullable<Text>)]
    rule: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    blocked_until: Option<Instant>,
    #[diesel(sql_type = Integer)]
    refused: i32,
}

pub(super) async fn list_blocks(
    store: &PostgresStore,
    now: Timestamp,
) -> Result<Vec<BlockEntry>, StoreError> {
    let rows: Vec<BlockRow> = store.rows(ListBlocks { now: Instant(now) }).await?;
    let entries = rows.into_iter().map(|row| {
        let scope = read(ShieldScope::parse(&row.scope).ok(), "shield_states", "scope")?;
        let block = block(row.rule.as_deref(), row.blocked_until, row.refused)?;
        let strikes = u32::try_from(row.strikes).unwrap_or(0);
        Ok(block.map(|block| BlockEntry { scope, block, strikes }))
    });
    entries.filter_map(Result::transpose).collect()
}

pub(super) fn block(
    rule: Option<&str>,
    until: Option<Instant>,
    refused: i32,
) -> Result<Option<ShieldBlock>, StoreError> {
    let (Some(rule), Some(until)) = (rule, until) else { return Ok(None) };
    let rule = read(ShieldRule::find(rule), "shield_states", "rule")?;
    Ok(Some(ShieldBlock { rule, until: until.0, refused: u32::try_from(refused).unwrap_or(0) }))
}
