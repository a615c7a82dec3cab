//! Looking at what was counted.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use domain::{CountryCode, Money, Observations, Quota, SendOrigin, Shield, ShieldScope, Tally, Usage};
use jiff::{SignedDuration, Timestamp};
use ports::{ShieldedSend, Starts};

use super::states;
use crate::types::{Id, Micros};

/// What was sent with one scope: of one origin in an hour, of all in an hour and in a day.
#[derive(QueryableByName)]
struct SentRow {
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
}

impl SentRow {
    const SELECT: &str = "
        SELECT coalesce(sum(sent) FILTER (WHERE bucket > ?1 AND origin = ?2), 0) AS origin_sent,
            coalesce(sum(entered) FILTER (WHERE bucket > ?1 AND origin = ?2), 0) AS origin_entered,
            coalesce(sum(sent) FILTER (WHERE bucket > ?1), 0) AS hour_sent,
            coalesce(sum(cost) FILTER (WHERE bucket > ?1), 0) AS hour_cost,
            coalesce(sum(sent), 0) AS day_sent, coalesce(sum(cost), 0) AS day_cost
        FROM send_statistics WHERE scope_kind = ?3 AND scope = ?4 AND bucket > ?5";

    fn find(
        sqlite: &mut SqliteConnection,
        (kind, key): (&str, &str),
        origin: &str,
        now: Timestamp,
    ) -> QueryResult<Self> {
        sql_query(Self::SELECT)
            .bind::<BigInt, _>(Micros::before(now, Quota::HOUR))
            .bind::<Text, _>(origin)
            .bind::<Text, _>(kind)
            .bind::<Text, _>(key)
            .bind::<BigInt, _>(Micros::before(now, Quota::DAY))
            .get_result(sqlite)
    }

    fn of(
        sqlite: &mut SqliteConnection,
        scope: &ShieldScope,
        origin: SendOrigin,
        now: Timestamp,
    ) -> QueryResult<Self> {
        Self::find(sqlite, (scope.kind(), scope.key()), origin.as_str(), now)
    }

    fn of_origin(&self) -> Tally {
        Tally { entered: count(self.origin_entered), ..tally(self.origin_sent, 0) }
    }

    fn usage(&self) -> Usage {
        Usage { hour: tally(self.hour_sent, self.hour_cost), day: tally(self.day_sent, self.day_cost) }
    }
}

fn tally(sent: i64, cost: i64) -> Tally {
    Tally { sent: count(sent), entered: 0, cost: Money(count(cost)) }
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[derive(Default, QueryableByName)]
struct Around {
    #[diesel(sql_type = BigInt)]
    neighbours: i64,
    #[diesel(sql_type = BigInt)]
    repeats: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    waited_micros: Option<i64>,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whoever is refused leaves no row in `sends`.
const NEIGHBOURS: &str = "
    WITH own AS (SELECT max(challenge_id) AS challenge_id FROM sends WHERE reference = ?1)
    SELECT count(DISTINCT phone) FILTER (WHERE s.challenge_id IS NOT own.challenge_id) AS neighbours,
        count(*) FILTER (WHERE s.challenge_id = own.challenge_id AND s.reference IS NOT ?1) AS repeats,
        (SELECT max(?5 - c.created_at, 0) FROM challenges c WHERE c.id = own.challenge_id) AS waited_micros
    FROM own, sends s WHERE phone BETWEEN ?2 AND ?3 AND purpose IN ('registration', 'phone_change') AND reserved_at > ?4";

const BLOCKED_PREFIXES: &str =
    "SELECT count(*) AS count FROM shield_states WHERE scope_kind = 'prefix' AND blocked_until > ?";

pub(super) fn observe(
    sqlite: &mut SqliteConnection,
    send: &ShieldedSend,
    now: Timestamp,
) -> QueryResult<Observations> {
    let prefix = ShieldScope::Prefix(send.prefix());
    let country = send.country.map(ShieldScope::Country);
    let mut count = |scope: &ShieldScope| SentRow::of(sqlite, scope, send.origin, now);
    let (to_prefix, in_all) = (count(&prefix)?, count(&ShieldScope::Service)?);
    let to_country = country.as_ref().map(count).transpose()?;
    let around = match send.origin {
        SendOrigin::Stranger => around(sqlite, send, now)?,
        SendOrigin::Blind | SendOrigin::Owner => Around::default(),
    };
    let small = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Observations {
        prefix: states::find(sqlite, &prefix)?,
        country: country.map(|country| states::find(sqlite, &country)).transpose()?.unwrap_or_default(),
        neighbours: small(around.neighbours),
        repeats: small(around.repeats),
        waited: SignedDuration::from_micros(around.waited_micros.unwrap_or(0)),
        blocked_prefixes: small(blocked_prefixes(sqlite, now)?),
        prefix_hour: to_prefix.of_origin(),
        country_hour: to_country.as_ref().map(SentRow::of_origin).unwrap_or_default(),
        service_hour: in_all.of_origin(),
        country_usage: to_country.as_ref().map(SentRow::usage).unwrap_or_default(),
        usage: in_all.usage(),
    })
}

pub(super) fn starts(
    sqlite: &mut SqliteConnection,
    country: Option<CountryCode>,
    now: Timestamp,
) -> QueryResult<Starts> {
    let stranger = SendOrigin::Stranger;
    let country = country.map(ShieldScope::Country);
    let to_country = country.map(|country| SentRow::of(sqlite, &country, stranger, now)).transpose()?;
    Ok(Starts {
        in_hour: count(SentRow::find(sqlite, ("starts", ""), "", now)?.hour_sent),
        country_hour: to_country.as_ref().map(SentRow::of_origin).unwrap_or_default(),
        service_hour: SentRow::of(sqlite, &ShieldScope::Service, stranger, now)?.of_origin(),
        blocked_prefixes: u32::try_from(blocked_prefixes(sqlite, now)?).unwrap_or(u32::MAX),
    })
}

fn around(sqlite: &mut SqliteConnection, send: &ShieldedSend, now: Timestamp) -> QueryResult<Around> {
    let (lowest, highest) = send.phone.neighbourhood(Shield::NEIGHBOURHOOD);
    let reference = send.reference.map(|reference| Id(reference.0));
    sql_query(NEIGHBOURS)
        .bind::<Nullable<Binary>, _>(reference)
        .bind::<Text, _>(lowest)
        .bind::<Text, _>(highest)
        .bind::<BigInt, _>(Micros::before(now, Quota::HOUR))
        .bind::<BigInt, _>(Micros(now))
        .get_result(sqlite)
}

fn blocked_prefixes(sqlite: &mut SqliteConnection, now: Timestamp) -> QueryResult<i64> {
    let row: CountRow = sql_query(BLOCKED_PREFIXES).bind::<BigInt, _>(Micros(now)).get_result(sqlite)?;
    Ok(row.count)
}
