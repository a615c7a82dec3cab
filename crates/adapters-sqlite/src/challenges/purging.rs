//! Forgetting what no rule looks at any more.

use diesel::{QueryResult, RunQueryDsl, SqliteConnection, sql_query, sql_types::BigInt};
use domain::{CodeFailures, PasswordFailures, Quota};
use jiff::{SignedDuration, Timestamp};

use crate::types::Micros;

/// What is past is kept for a while, for whoever looks into a complaint.
const PAST: SignedDuration = SignedDuration::from_hours(1);
const PAST_SESSION: SignedDuration = SignedDuration::from_hours(24);

/// For each table the rows that go: those before a time, given as `?`.
const RULES: [(&str, SignedDuration); 10] = [
    (
        "DELETE FROM challenges WHERE rowid IN (SELECT rowid FROM challenges WHERE expires_at < ? LIMIT ?)",
        PAST,
    ),
    (
        "DELETE FROM verifications WHERE rowid IN (SELECT rowid FROM verifications WHERE expires_at < ? LIMIT ?)",
        PAST,
    ),
    ("DELETE FROM sends WHERE rowid IN (SELECT rowid FROM sends WHERE reserved_at < ? LIMIT ?)", Quota::DAY),
    (
        "DELETE FROM guesses WHERE rowid IN (SELECT rowid FROM guesses WHERE guessed_at < ? LIMIT ?)",
        Quota::DAY,
    ),
    (
        "DELETE FROM send_slots WHERE rowid IN (SELECT rowid FROM send_slots WHERE coalesce(last_sent_at, 0) < ? LIMIT ?)",
        Quota::DAY,
    ),
    (
        "DELETE FROM password_failures WHERE rowid IN (SELECT rowid FROM password_failures WHERE last_at < ? LIMIT ?)",
        PasswordFailures::MEMORY,
    ),
    (
        "DELETE FROM code_failures WHERE rowid IN (SELECT rowid FROM code_failures WHERE last_at < ? LIMIT ?)",
        CodeFailures::MEMORY,
    ),
    (
        "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires_at < ? LIMIT ?)",
        PAST_SESSION,
    ),
    (
        "DELETE FROM devices WHERE rowid IN (SELECT rowid FROM devices WHERE expires_at < ? LIMIT ?)",
        PAST_SESSION,
    ),
    (
        "DELETE FROM passkey_ceremonies WHERE rowid IN (SELECT rowid FROM passkey_ceremonies WHERE expires_at < ? LIMIT ?)",
        PAST,
    ),
];

pub(super) fn purge(sqlite: &mut SqliteConnection, now: Timestamp, most: u32) -> QueryResult<u64> {
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
