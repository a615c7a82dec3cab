//! Counting messages, and taking them back.

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz},
};
use domain::{Observations, Ruling, SendOrigin, Shield, ShieldScope};
use jiff::Timestamp;
use ports::{ShieldedSend, StoreError};

use super::amount;
use crate::{PostgresStore, challenges::limit, statement::statement, types::Instant};

statement!(CountSend {
    scope_kinds: Vec<&'static str> => Array<Text>,
    scopes: Vec<String> => Array<Text>,
    bucket: Instant => Timestamptz,
    origin: &'static str => Text,
    cost: i64 => BigInt,
    now: Instant => Timestamptz,
    cap_kinds: Vec<&'static str> => Array<Text>,
    cap_scopes: Vec<String> => Array<Text>,
    cap_same_origin: Vec<bool> => Array<Bool>,
    cap_since: Vec<Instant> => Array<Timestamptz>,
    cap_sent_below: Vec<Option<i64>> => Array<Nullable<BigInt>>,
    cap_cost_below: Vec<Option<i64>> => Array<Nullable<BigInt>>,
    prefix: String => Text,
    prefix_version: Option<i64> => Nullable<BigInt>,
    prefix_unanswered: i32 => Integer,
    prefix_healed: bool => Bool,
    country: Option<String> => Nullable<Text>,
} " SELECT count_send(scope_kinds, scopes, bucket, origin, cost, now, cap_kinds, cap_scopes, cap_same_origin,
        cap_since, cap_sent_below, cap_cost_below, prefix, prefix_version, prefix_unanswered, prefix_healed, country)
        AS counted FROM input");

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Bool)]
    counted: bool,
}

/// Counts an admitted message; `false` when what it was judged by is no longer true.
pub(super) async fn count(
    store: &PostgresStore,
    send: &ShieldedSend,
    seen: &Observations,
    ruling: &Ruling,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (scopes, caps) = (send.scopes(), &ruling.caps);
    let country = ruling.country.as_ref().and(send.country);
    let count_send = CountSend {
        scope_kinds: scopes.iter().map(ShieldScope::kind).collect(),
        scopes: scopes.iter().map(|scope| scope.key().to_owned()).collect(),
        bucket: Instant(Shield::bucket(now)),
        origin: send.origin.as_str(),
        cost: amount(send.cost.0),
        now: Instant(now),
        cap_kinds: caps.iter().map(|cap| cap.scope.kind()).collect(),
        cap_scopes: caps.iter().map(|cap| cap.scope.key().to_owned()).collect(),
        cap_same_origin: caps.iter().map(|cap| cap.same_origin).collect(),
        cap_since: caps
            .iter()
            .map(|cap| Instant(now.checked_sub(cap.window).unwrap_or(Timestamp::MIN)))
            .collect(),
        cap_sent_below: caps.iter().map(|cap| cap.sent_below.map(amount)).collect(),
        cap_cost_below: caps.iter().map(|cap| cap.cost_below.map(amount)).collect(),
        prefix: send.prefix().as_str().to_owned(),
        prefix_version: ruling.prefix.as_ref().map(|state| amount(state.version)),
        prefix_unanswered: limit(ruling.prefix.as_ref().map_or(0, |state| state.unanswered)),
        prefix_healed: ruling.prefix.as_ref().is_some_and(|state| state.block.is_none())
            && seen.prefix.block.is_some(),
        country: country.map(|country| country.as_str().to_owned()),
    };
    let row: Option<Counted> = store.row(count_send).await?;
    Ok(row.is_some_and(|row| row.counted))
}

// In the order in which all do: the state of the prefix, then what was counted.
statement!(TakeBack {
    scope_kinds: Vec<&'static str> => Array<Text>,
    scopes: Vec<String> => Array<Text>,
    bucket: Instant => Timestamptz,
    origin: &'static str => Text,
    cost: i64 => BigInt,
    prefix: Option<String> => Nullable<Text>,
} ", relieved AS (
        UPDATE shield_states s SET unanswered = greatest(s.unanswered - 1, 0), version = s.version + 1
        FROM input i WHERE s.scope_kind = 'prefix' AND s.scope = i.prefix
        RETURNING s.scope
    )
    UPDATE send_statistics s SET sent = greatest(s.sent - 1, 0), cost = greatest(s.cost - i.cost, 0)
    FROM input i CROSS JOIN (SELECT count(*) FROM relieved) r
    CROSS JOIN LATERAL unnest(i.scope_kinds, i.scopes) AS k (kind, scope)
    WHERE s.scope_kind = k.kind AND s.scope = k.scope AND s.bucket = i.bucket AND s.origin = i.origin
    AND s.provider = ''");

pub(super) async fn take_back(
    store: &PostgresStore,
    send: &ShieldedSend,
    admitted_at: Timestamp,
) -> Result<(), StoreError> {
    let scopes = send.scopes();
    let is_stranger = send.origin == SendOrigin::Stranger;
    let take_back = TakeBack {
        scope_kinds: scopes.iter().map(ShieldScope::kind).collect(),
        scopes: scopes.iter().map(|scope| scope.key().to_owned()).collect(),
        bucket: Instant(Shield::bucket(admitted_at)),
        origin: send.origin.as_str(),
        cost: amount(send.cost.0),
        prefix: is_stranger.then(|| send.prefix().as_str().to_owned()),
    };
    store.execute(take_back).await.map(drop)
}
