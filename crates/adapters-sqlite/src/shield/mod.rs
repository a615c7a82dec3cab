//! What the fraud shield counts.

mod counting;
mod observing;
mod states;

use async_trait::async_trait;
use diesel::{
    QueryResult, SqliteConnection, insert_or_ignore_into, prelude::*, sql_query, sql_types::BigInt,
};
use domain::{CountryCode, Observations, Quota, Ruling, SendOrigin, Shield, ShieldScope, Verdict};
use jiff::{SignedDuration, Timestamp};
use ports::{Attempt, BlockEntry, ShieldStore, ShieldedSend, Starts, StoreError};

use crate::{schema::spent_puzzles, store::SqliteStore, types::Micros};

#[async_trait]
impl ShieldStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.admit", skip_all)]
    async fn admit(
        &self,
        send: &ShieldedSend,
        shield: &Shield,
        now: Timestamp,
    ) -> Result<Ruling, StoreError> {
        let (send, shield) = (send.clone(), shield.clone());
        self.write(move |sqlite| admit(sqlite, &send, &shield, now)).await
    }

    #[tracing::instrument(name = "sqlite.take_back", skip_all)]
    async fn take_back(&self, send: &ShieldedSend, admitted_at: Timestamp) -> Result<(), StoreError> {
        let send = send.clone();
        self.write(move |sqlite| take_back(sqlite, &send, admitted_at)).await
    }

    #[tracing::instrument(name = "sqlite.observe", skip_all)]
    async fn observe(&self, send: &ShieldedSend, now: Timestamp) -> Result<Observations, StoreError> {
        let send = send.clone();
        self.read(move |sqlite| observing::observe(sqlite, &send, now)).await
    }

    #[tracing::instrument(name = "sqlite.list_blocks", skip_all)]
    async fn list_blocks(&self, now: Timestamp) -> Result<Vec<BlockEntry>, StoreError> {
        self.read(move |sqlite| states::list_blocks(sqlite, now)).await
    }

    #[tracing::instrument(name = "sqlite.unblock", skip_all)]
    async fn unblock(&self, scope: &ShieldScope) -> Result<bool, StoreError> {
        let scope = scope.clone();
        self.write(move |sqlite| states::forget(sqlite, &scope)).await
    }

    #[tracing::instrument(name = "sqlite.count_start", skip_all)]
    async fn count_start(&self, country: Option<CountryCode>, now: Timestamp) -> Result<Starts, StoreError> {
        self.write(move |sqlite| count_start(sqlite, country, now)).await
    }

    #[tracing::instrument(name = "sqlite.spend_puzzle", skip_all)]
    async fn spend_puzzle(&self, puzzle: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        let puzzle = puzzle.to_owned();
        self.write(move |sqlite| spend_puzzle(sqlite, &puzzle, expires_at)).await
    }

    #[tracing::instrument(name = "sqlite.forget_sends", skip_all)]
    async fn forget_sends(&self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.write(move |sqlite| forget_sends(sqlite, now, most)).await
    }
}

fn admit(
    sqlite: &mut SqliteConnection,
    send: &ShieldedSend,
    shield: &Shield,
    now: Timestamp,
) -> QueryResult<Ruling> {
    let seen = observing::observe(sqlite, send, now)?;
    let ruling = shield.judge(send.origin, &send.prefix(), send.country, send.cost, &seen, now);
    if let Some(state) = &ruling.prefix {
        states::store(sqlite, &ShieldScope::Prefix(send.prefix()), state, now)?;
    }
    if let (Some(state), Some(country)) = (&ruling.country, send.country) {
        states::store(sqlite, &ShieldScope::Country(country), state, now)?;
    }
    if let Some(scope) = &ruling.refused_by {
        states::count_refusal(sqlite, scope)?;
    }
    if ruling.verdict == Verdict::Admit {
        counting::count(sqlite, &send.scopes(), send.origin, now, counting::Counts::sent(1, send.cost))?;
    }
    Ok(ruling)
}

fn take_back(sqlite: &mut SqliteConnection, send: &ShieldedSend, admitted_at: Timestamp) -> QueryResult<()> {
    let undone = counting::Counts::sent(-1, send.cost);
    counting::count(sqlite, &send.scopes(), send.origin, admitted_at, undone)?;
    if send.origin == SendOrigin::Stranger {
        states::relieve(sqlite, &send.prefix(), 1)?;
    }
    Ok(())
}

/// Counts that a code was entered, in the step that uses it up.
pub(crate) fn count_answer(
    sqlite: &mut SqliteConnection,
    attempt: &Attempt,
    now: Timestamp,
) -> QueryResult<()> {
    let send = ShieldedSend::new(attempt.phone.clone(), attempt.purpose.origin(), None);
    counting::count(sqlite, &send.scopes(), send.origin, now, counting::Counts::ENTERED)?;
    if send.origin == SendOrigin::Stranger {
        states::relieve(sqlite, &send.prefix(), Shield::ANSWER_CREDIT)?;
    }
    Ok(())
}

fn count_start(
    sqlite: &mut SqliteConnection,
    country: Option<CountryCode>,
    now: Timestamp,
) -> QueryResult<Starts> {
    let starts = observing::starts(sqlite, country, now)?;
    counting::count_start(sqlite, now)?;
    Ok(starts)
}

fn spend_puzzle(sqlite: &mut SqliteConnection, puzzle: &str, expires_at: Timestamp) -> QueryResult<bool> {
    let row = (spent_puzzles::puzzle.eq(puzzle), spent_puzzles::expires_at.eq(Micros(expires_at)));
    insert_or_ignore_into(spent_puzzles::table).values(row).execute(sqlite).map(|added| added > 0)
}

/// For each table the rows that go: those before a time, given as `?`.
const RULES: [(&str, SignedDuration); 3] = [
    (
        "DELETE FROM send_statistics WHERE rowid IN (SELECT rowid FROM send_statistics WHERE bucket < ? LIMIT ?)",
        Quota::DAY,
    ),
    (
        "DELETE FROM shield_states WHERE rowid IN (SELECT rowid FROM shield_states WHERE changed_at < ? LIMIT ?)",
        STATES_LAST,
    ),
    (
        "DELETE FROM spent_puzzles WHERE rowid IN (SELECT rowid FROM spent_puzzles WHERE expires_at < ? LIMIT ?)",
        SignedDuration::ZERO,
    ),
];

/// Longer than any block, its memory and the codes that nobody entered.
const STATES_LAST: SignedDuration = SignedDuration::from_hours(24 * 7);

fn forget_sends(sqlite: &mut SqliteConnection, now: Timestamp, most: u32) -> QueryResult<u64> {
    let most = u64::from(most);
    let mut gone = 0;
    for (rule, age) in RULES {
        let left = most.saturating_sub(gone);
        let deleted = sql_query(rule)
            .bind::<BigInt, _>(Micros::before(now, age))
            .bind::<BigInt, _>(i64::try_from(left).unwrap_or(i64::MAX))
            .execute(sqlite)?;
        gone = gone.saturating_add(deleted as u64);
    }
    Ok(gone)
}
