//! Adding to figures.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Text},
};
use domain::{Arrival, EntryTimes};
use jiff::SignedDuration;

use crate::types::Micros;

/// Where something is counted.
pub(super) struct Place<'a> {
    pub(super) hour: Micros,
    pub(super) provider: &'a str,
    pub(super) channel: &'a str,
    pub(super) country: &'a str,
    pub(super) prefix: &'a str,
}

/// What is added, or taken away.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) sent: i64,
    pub(super) cost: i64,
    pub(super) delivered: i64,
    pub(super) failed: i64,
    /// How long it took to enter the code.
    pub(super) entry: Option<SignedDuration>,
}

impl Counts {
    /// A message that is known to have come further than before.
    pub(super) fn of_advance(before: Arrival, to: Arrival) -> Self {
        let is = |arrival, wanted| i64::from(arrival == wanted);
        Self {
            delivered: is(to, Arrival::Arrived) - is(before, Arrival::Arrived),
            failed: is(to, Arrival::Failed) - is(before, Arrival::Failed),
            ..Self::default()
        }
    }
}

const ADD: &str = "
    INSERT INTO send_figures AS f (hour, provider, channel, country, prefix, sent, cost, delivered, failed, entered,
        entry_ms, within_10, within_20, within_30, within_60, within_120, within_300)
    VALUES (?1, ?2, ?3, ?4, ?5, max(?6, 0), max(?7, 0), max(?8, 0), max(?9, 0), ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT (hour, provider, channel, country, prefix) DO UPDATE SET
        sent = max(f.sent + ?6, 0), cost = max(f.cost + ?7, 0), delivered = max(f.delivered + ?8, 0),
        failed = max(f.failed + ?9, 0), entered = f.entered + ?10, entry_ms = f.entry_ms + ?11,
        within_10 = f.within_10 + ?12, within_20 = f.within_20 + ?13, within_30 = f.within_30 + ?14,
        within_60 = f.within_60 + ?15, within_120 = f.within_120 + ?16, within_300 = f.within_300 + ?17";

pub(super) fn count(sqlite: &mut SqliteConnection, place: &Place<'_>, counts: &Counts) -> QueryResult<()> {
    let ms = counts.entry.map_or(0, |took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
    let [first, second, third, fourth, fifth, sixth] = EntryTimes::BOUNDS
        .map(|bound| counts.entry.is_some_and(|took| took <= SignedDuration::from_secs(bound.into())))
        .map(i64::from);
    sql_query(ADD)
        .bind::<BigInt, _>(place.hour)
        .bind::<Text, _>(place.provider)
        .bind::<Text, _>(place.channel)
        .bind::<Text, _>(place.country)
        .bind::<Text, _>(place.prefix)
        .bind::<BigInt, _>(counts.sent)
        .bind::<BigInt, _>(counts.cost)
        .bind::<BigInt, _>(counts.delivered)
        .bind::<BigInt, _>(counts.failed)
        .bind::<BigInt, _>(i64::from(counts.entry.is_some()))
        .bind::<BigInt, _>(ms)
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(second)
        .bind::<BigInt, _>(third)
        .bind::<BigInt, _>(fourth)
        .bind::<BigInt, _>(fifth)
        .bind::<BigInt, _>(sixth)
        .execute(sqlite)
        .map(drop)
}
