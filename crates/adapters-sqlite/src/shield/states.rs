//! What is held against prefixes and countries.

use diesel::{
    QueryResult, SqliteConnection,
    dsl::{delete, update},
    prelude::*,
    replace_into, sql_query,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use domain::{NumberPrefix, ScopeState, ShieldBlock, ShieldRule, ShieldScope};
use jiff::Timestamp;
use ports::BlockEntry;

use crate::{
    error::unreadable,
    schema::shield_states,
    types::{Count, Micros},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = shield_states, check_for_backend(Sqlite))]
struct StateRow {
    scope_kind: String,
    scope: String,
    version: i64,
    unanswered: Count,
    last_sent_at: Option<Micros>,
    strikes: Count,
    struck_at: Option<Micros>,
    rule: Option<String>,
    blocked_until: Option<Micros>,
    refused: Count,
    changed_at: Micros,
}

impl StateRow {
    fn block(&self) -> QueryResult<Option<ShieldBlock>> {
        let (Some(rule), Some(until)) = (&self.rule, self.blocked_until) else { return Ok(None) };
        let rule = ShieldRule::find(rule).ok_or_else(|| unreadable("shield_states.rule"))?;
        Ok(Some(ShieldBlock { rule, until: until.0, refused: self.refused.0 }))
    }

    fn into_state(self) -> QueryResult<ScopeState> {
        Ok(ScopeState {
            block: self.block()?,
            version: u64::try_from(self.version).unwrap_or(0),
            unanswered: self.unanswered.0,
            last_sent_at: self.last_sent_at.map(|at| at.0),
            strikes: self.strikes.0,
            struck_at: self.struck_at.map(|at| at.0),
        })
    }

    fn into_entry(self) -> QueryResult<Option<BlockEntry>> {
        let scope = ShieldScope::parse(&self.scope).map_err(|_| unreadable("shield_states.scope"))?;
        Ok(self.block()?.map(|block| BlockEntry { scope, block, strikes: self.strikes.0 }))
    }
}

/// What is held against it; nothing of what is not known.
pub(super) fn find(sqlite: &mut SqliteConnection, scope: &ShieldScope) -> QueryResult<ScopeState> {
    let row = shield_states::table.find((scope.kind(), scope.key())).select(StateRow::as_select());
    row.first(sqlite).optional()?.map_or_else(|| Ok(ScopeState::default()), StateRow::into_state)
}

/// Puts a state in the place of the one that it was made from.
pub(super) fn store(
    sqlite: &mut SqliteConnection,
    scope: &ShieldScope,
    state: &ScopeState,
    now: Timestamp,
) -> QueryResult<()> {
    let row = StateRow {
        scope_kind: scope.kind().to_owned(),
        scope: scope.key().to_owned(),
        version: i64::try_from(state.version).unwrap_or(i64::MAX).saturating_add(1),
        unanswered: Count(state.unanswered),
        last_sent_at: state.last_sent_at.map(Micros),
        strikes: Count(state.strikes),
        struck_at: state.struck_at.map(Micros),
        rule: state.block.map(|block| block.rule.as_str().to_owned()),
        blocked_until: state.block.map(|block| Micros(block.until)),
        refused: Count(state.block.map_or(0, |block| block.refused)),
        changed_at: Micros(now),
    };
    replace_into(shield_states::table).values(row).execute(sqlite).map(drop)
}

pub(super) fn count_refusal(sqlite: &mut SqliteConnection, scope: &ShieldScope) -> QueryResult<()> {
    update(shield_states::table.find((scope.kind(), scope.key())))
        .set(shield_states::refused.eq(shield_states::refused + Count(1)))
        .execute(sqlite)
        .map(drop)
}

/// Takes codes away from those that nobody entered.
pub(super) fn relieve(sqlite: &mut SqliteConnection, prefix: &NumberPrefix, by: u32) -> QueryResult<()> {
    sql_query(
        "UPDATE shield_states SET unanswered = max(unanswered - ?, 0), version = version + 1
        WHERE scope_kind = 'prefix' AND scope = ?",
    )
    .bind::<BigInt, _>(i64::from(by))
    .bind::<Text, _>(prefix.as_str())
    .execute(sqlite)
    .map(drop)
}

pub(super) fn list_blocks(sqlite: &mut SqliteConnection, now: Timestamp) -> QueryResult<Vec<BlockEntry>> {
    let rows: Vec<StateRow> = shield_states::table
        .filter(shield_states::blocked_until.gt(Micros(now)))
        .order((shield_states::blocked_until.desc(), shield_states::scope.asc()))
        .select(StateRow::as_select())
        .load(sqlite)?;
    rows.into_iter().filter_map(|row| row.into_entry().transpose()).collect()
}

pub(super) fn forget(sqlite: &mut SqliteConnection, scope: &ShieldScope) -> QueryResult<bool> {
    delete(shield_states::table.find((scope.kind(), scope.key()))).execute(sqlite).map(|gone| gone > 0)
}
