//! Looking at what was counted.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Money, Observations, Quota, ScopeState, SendOrigin, Shield, Tally, Usage};
use jiff::{SignedDuration, Timestamp};
use ports::{ShieldedSend, StoreError};
use uuid::Uuid;

use super::{count, states::block};
use crate::{PostgresStore, statement::statement, types::Instant};

// Whoever is refused leaves no row in `sends`.
statement!(Observe {
    prefix: String => Text,
    country: Option<String> => Nullable<Text>,
    origin: &'static str => Text,
    is_stranger: bool => Bool,
    lowest: String => Text,
    highest: String => Text,
    reference: Option<Uuid> => Nullable<SqlUuid>,
    now: Instant => Timestamptz,
    hour_ago: Instant => Timestamptz,
    day_ago: Instant => Timestamptz,
} "
    SELECT k.kind, t.origin_sent, t.origin_entered, t.hour_sent, t.hour_cost, t.day_sent, t.day_cost,
        coalesce(st.version, 0) AS version, coalesce(st.unanswered, 0) AS unanswered, st.last_sent_at,
        coalesce(st.strikes, 0) AS strikes, st.struck_at, st.rule, st.blocked_until,
        coalesce(st.refused, 0) AS refused, a.neighbours, a.repeats, b.blocked,
        (SELECT greatest(extract(epoch FROM i.now - c.created_at), 0)::bigint FROM sends o
            JOIN challenges c ON c.id = o.challenge_id
            WHERE i.is_stranger AND k.kind = 'prefix' AND o.reference = i.reference) AS waited_seconds
    FROM input i CROSS JOIN LATERAL (
        VALUES ('prefix', i.prefix), ('country', i.country), ('service', '')
    ) AS k (kind, scope) CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.sent) FILTER (WHERE s.bucket > i.hour_ago AND s.origin = i.origin), 0)::bigint AS origin_sent,
            coalesce(sum(s.entered) FILTER (WHERE s.bucket > i.hour_ago AND s.origin = i.origin), 0)::bigint AS origin_entered,
            coalesce(sum(s.sent) FILTER (WHERE s.bucket > i.hour_ago), 0)::bigint AS hour_sent,
            coalesce(sum(s.cost) FILTER (WHERE s.bucket > i.hour_ago), 0)::bigint AS hour_cost,
            coalesce(sum(s.sent), 0)::bigint AS day_sent, coalesce(sum(s.cost), 0)::bigint AS day_cost
        FROM send_statistics s
        WHERE s.scope_kind = k.kind AND s.scope = k.scope AND s.bucket > i.day_ago
    ) t LEFT JOIN shield_states st ON st.scope_kind = k.kind AND st.scope = k.scope
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT s.phone) FILTER (WHERE s.challenge_id IS DISTINCT FROM o.challenge_id) AS neighbours,
            count(*) FILTER (WHERE s.reference <> i.reference AND s.challenge_id = o.challenge_id) AS repeats
        FROM sends s LEFT JOIN sends o ON o.reference = i.reference
        WHERE i.is_stranger AND k.kind = 'prefix' AND s.phone BETWEEN i.lowest AND i.highest
        AND s.purpose IN ('registration', 'phone_change') AND s.reserved_at > i.hour_ago
    ) a CROSS JOIN LATERAL (
        SELECT count(*) AS blocked FROM shield_states x
        WHERE k.kind = 'prefix' AND x.scope_kind = 'prefix' AND x.blocked_until > i.now
    ) b");

#[derive(QueryableByName)]
struct ScopeRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    origin_sent: i64,
    #[diesel(sql_type = BigInt)]
    origin_entered: i64,
    #[diesel(sql_type = BigInt)]
    hour_sent: i64,
    #[diesel(sql_type = BigInt)]
    hour_cost: i64,
    #[diesel(sql_type = BigInt)]
    day_sent: i64,
    #[diesel(sql_type = BigInt)]
    day_cost: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Integer)]
    unanswered: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_sent_at: Option<Instant>,
    #[diesel(sql_type = Integer)]
    strikes: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    struck_at: Option<Instant>,
    #[diesel(sql_type = Nullable<Text>)]
    rule: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    blocked_until: Option<Instant>,
    #[diesel(sql_type = Integer)]
    refused: i32,
    #[diesel(sql_type = BigInt)]
    neighbours: i64,
    #[diesel(sql_type = BigInt)]
    repeats: i64,
    #[diesel(sql_type = BigInt)]
    blocked: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    waited_seconds: Option<i64>,
}

impl ScopeRow {
    fn of_origin(&self) -> Tally {
        Tally { entered: count(self.origin_entered), ..tally(self.origin_sent, 0) }
    }

    fn usage(&self) -> Usage {
        Usage { hour: tally(self.hour_sent, self.hour_cost), day: tally(self.day_sent, self.day_cost) }
    }

    fn state(&self) -> Result<ScopeState, StoreError> {
        Ok(ScopeState {
            version: count(self.version),
            unanswered: u32::try_from(self.unanswered).unwrap_or(0),
            last_sent_at: self.last_sent_at.map(|at| at.0),
            strikes: u32::try_from(self.strikes).unwrap_or(0),
            struck_at: self.struck_at.map(|at| at.0),
            block: block(self.rule.as_deref(), self.blocked_until, self.refused)?,
        })
    }
}

fn tally(sent: i64, cost: i64) -> Tally {
    Tally { sent: count(sent), entered: 0, cost: Money(count(cost)) }
}

pub(super) async fn observe(
    store: &PostgresStore,
    send: &ShieldedSend,
    now: Timestamp,
) -> Result<Observations, StoreError> {
    let before = |length: SignedDuration| Instant(now.checked_sub(length).unwrap_or(Timestamp::MIN));
    let (lowest, highest) = send.phone.neighbourhood(Shield::NEIGHBOURHOOD);
    let observe = Observe {
        prefix: send.prefix().as_str().to_owned(),
        country: send.country.map(|country| country.as_str().to_owned()),
        origin: send.origin.as_str(),
        is_stranger: send.origin == SendOrigin::Stranger,
        lowest,
        highest,
        reference: send.reference.map(|reference| reference.0),
        now: Instant(now),
        hour_ago: before(Quota::HOUR),
        day_ago: before(Quota::DAY),
    };
    let rows: Vec<ScopeRow> = store.rows(observe).await?;
    let mut seen = Observations::default();
    for row in rows {
        match row.kind.as_str() {
            "prefix" => {
                seen.prefix = row.state()?;
                seen.prefix_hour = row.of_origin();
                seen.neighbours = u32::try_from(row.neighbours).unwrap_or(u32::MAX);
                seen.repeats = u32::try_from(row.repeats).unwrap_or(u32::MAX);
                seen.waited = SignedDuration::from_secs(row.waited_seconds.unwrap_or(0));
                seen.blocked_prefixes = u32::try_from(row.blocked).unwrap_or(u32::MAX);
            }
            "country" => {
                seen.country = row.state()?;
                seen.country_hour = row.of_origin();
                seen.country_usage = row.usage();
            }
            _ => {
                seen.service_hour = row.of_origin();
                seen.usage = row.usage();
            }
        }
    }
    Ok(seen)
}
