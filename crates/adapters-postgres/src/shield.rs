//! What the fraud shield counts.

mod answer;
mod counting;
mod observing;
mod states;

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Text, Timestamptz},
};
use domain::{
    CountryCode, Money, Observations, Quota, Ruling, SendOrigin, Shield, ShieldScope, Tally, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use ports::{BlockEntry, ShieldStore, ShieldedSend, Starts, StoreError};

pub(crate) use self::answer::{AnswerInput, answered};
use crate::{
    PostgresStore,
    challenges::{delete_older, limit},
    statement::statement,
    types::Instant,
};

/// How often a message is judged anew because somebody else was faster. Whoever is faster gets
/// something done, so that a crowd does not take longer than this.
const TRIES: u32 = 200;

/// Everybody else was faster.
#[derive(Debug, thiserror::Error)]
#[error("too many messages are judged at once")]
struct Crowded;

#[async_trait]
impl ShieldStore for PostgresStore {
    #[tracing::instrument(name = "postgres.admit", level = "debug", skip_all)]
    async fn admit(
        &self,
        send: &ShieldedSend,
        shield: &Shield,
        now: Timestamp,
    ) -> Result<Ruling, StoreError> {
        for _ in 0..TRIES {
            let seen = observing::observe(self, send, now).await?;
            let ruling = shield.judge(send.origin, &send.prefix(), send.country, send.cost, &seen, now);
            if settle(self, send, &seen, &ruling, now).await? {
                return Ok(ruling);
            }
        }
        Err(StoreError::Unavailable(Box::new(Crowded)))
    }

    #[tracing::instrument(name = "postgres.take_back", level = "debug", skip_all)]
    async fn take_back(&self, send: &ShieldedSend, admitted_at: Timestamp) -> Result<(), StoreError> {
        counting::take_back(self, send, admitted_at).await
    }

    #[tracing::instrument(name = "postgres.observe", level = "debug", skip_all)]
    async fn observe(&self, send: &ShieldedSend, now: Timestamp) -> Result<Observations, StoreError> {
        observing::observe(self, send, now).await
    }

    #[tracing::instrument(name = "postgres.list_blocks", level = "debug", skip_all)]
    async fn list_blocks(&self, now: Timestamp) -> Result<Vec<BlockEntry>, StoreError> {
        states::list_blocks(self, now).await
    }

    #[tracing::instrument(name = "postgres.unblock", level = "debug", skip_all)]
    async fn unblock(&self, scope: &ShieldScope) -> Result<bool, StoreError> {
        states::forget(self, scope).await
    }

    #[tracing::instrument(name = "postgres.count_start", level = "debug", skip_all)]
    async fn count_start(&self, country: Option<CountryCode>, now: Timestamp) -> Result<Starts, StoreError> {
        count_start(self, country, now).await
    }

    #[tracing::instrument(name = "postgres.spend_puzzle", level = "debug", skip_all)]
    async fn spend_puzzle(&self, puzzle: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        let spend = SpendPuzzle { puzzle: puzzle.to_owned(), expires_at: Instant(expires_at) };
        Ok(self.execute(spend).await? > 0)
    }

    #[tracing::instrument(name = "postgres.forget_sends", level = "debug", skip_all)]
    async fn forget_sends(&self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        let before = |age: SignedDuration| Instant(now.checked_sub(age).unwrap_or(Timestamp::MIN));
        let most = limit(most);
        let mut gone = self.execute(PurgeStatistics { before: before(Quota::DAY), most }).await?;
        gone += self.execute(PurgeStates { before: before(STATES_LAST), most }).await?;
        gone += self.execute(PurgePuzzles { before: Instant(now), most }).await?;
        Ok(gone as u64)
    }
}

/// Does what a ruling says; `false` when what it was made from is no longer true.
async fn settle(
    store: &PostgresStore,
    send: &ShieldedSend,
    seen: &Observations,
    ruling: &Ruling,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if ruling.verdict == Verdict::Admit {
        return counting::count(store, send, seen, ruling, now).await;
    }
    if let Some(state) = &ruling.prefix
        && !states::keep(store, &ShieldScope::Prefix(send.prefix()), state, now).await?
    {
        return Ok(false);
    }
    if let (Some(state), Some(country)) = (&ruling.country, send.country)
        && !states::keep(store, &ShieldScope::Country(country), state, now).await?
    {
        return Ok(false);
    }
    if let Some(scope) = &ruling.refused_by {
        states::count_refusal(store, scope).await?;
    }
    Ok(true)
}

delete_older!(PurgeStatistics, "send_statistics", "bucket");
delete_older!(PurgeStates, "shield_states", "changed_at");
delete_older!(PurgePuzzles, "spent_puzzles", "expires_at");

/// Longer than any block, its memory and the codes that nobody entered.
const STATES_LAST: SignedDuration = SignedDuration::from_hours(24 * 7);

statement!(direct SpendPuzzle { puzzle: String => Text, expires_at: Instant => Timestamptz }
    "INSERT INTO spent_puzzles (puzzle, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING");

statement!(CountStart {
    country: Option<String> => Nullable<Text>,
    origin: &'static str => Text,
    bucket: Instant => Timestamptz,
    hour_ago: Instant => Timestamptz,
    now: Instant => Timestamptz,
} ", counted AS (
        INSERT INTO send_statistics AS s (scope_kind, scope, bucket, origin, sent)
        SELECT 'starts', '', i.bucket, '', 1 FROM input i
        ON CONFLICT (scope_kind, scope, bucket, origin, provider) DO UPDATE SET sent = s.sent + 1
    )
    SELECT k.kind, coalesce(t.sent, 0)::bigint AS sent, coalesce(t.entered, 0)::bigint AS entered,
        (SELECT count(*) FROM shield_states b WHERE b.scope_kind = 'prefix' AND b.blocked_until > i.now) AS blocked
    FROM input i CROSS JOIN LATERAL (
        VALUES ('starts', '', ''), ('country', i.country, i.origin), ('service', '', i.origin)
    ) AS k (kind, scope, origin) CROSS JOIN LATERAL (
        SELECT sum(s.sent) AS sent, sum(s.entered) AS entered FROM send_statistics s
        WHERE s.scope_kind = k.kind AND s.scope = k.scope AND s.origin = k.origin AND s.bucket > i.hour_ago
    ) t");

#[derive(QueryableByName)]
struct StartRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    sent: i64,
    #[diesel(sql_type = BigInt)]
    entered: i64,
    #[diesel(sql_type = BigInt)]
    blocked: i64,
}

async fn count_start(
    store: &PostgresStore,
    country: Option<CountryCode>,
    now: Timestamp,
) -> Result<Starts, StoreError> {
    let count_start = CountStart {
        country: country.map(|country| country.as_str().to_owned()),
        origin: SendOrigin::Stranger.as_str(),
        bucket: Instant(Shield::bucket(now)),
        hour_ago: Instant(now.checked_sub(Quota::HOUR).unwrap_or(Timestamp::MIN)),
        now: Instant(now),
    };
    let rows: Vec<StartRow> = store.rows(count_start).await?;
    let mut starts = Starts::default();
    for row in rows {
        let tally = Tally { sent: count(row.sent), entered: count(row.entered), cost: Money(0) };
        starts.blocked_prefixes = u32::try_from(row.blocked).unwrap_or(u32::MAX);
        match row.kind.as_str() {
            "starts" => starts.in_hour = tally.sent,
            "country" => starts.country_hour = tally,
            _ => starts.service_hour = tally,
        }
    }
    Ok(starts)
}

/// Sums never fall below zero.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Amounts beyond what the database can hold are as much as it can.
fn amount(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
