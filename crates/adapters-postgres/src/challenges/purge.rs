//! Forgetting what no rule looks at any more.

use domain::{CodeFailures, PasswordFailures, Quota};
use jiff::{SignedDuration, Timestamp};
use ports::StoreError;

use super::send::limit;
use crate::{PostgresStore, types::Instant};

/// Deletes rows of one table older than a moment, a bounded number at once and
/// none that somebody holds.
macro_rules! delete_older {
    ($name:ident, $table:literal, $column:literal) => {
        $crate::statement::statement!($name {
            before: $crate::types::Instant => diesel::sql_types::Timestamptz,
            most: i32 => diesel::sql_types::Integer,
        } concat!(
            " DELETE FROM ", $table, " WHERE ctid IN (SELECT t.ctid FROM ", $table, " t
            WHERE t.", $column, " < (SELECT before FROM input)
            LIMIT (SELECT most FROM input) FOR UPDATE SKIP LOCKED)"
        ));
    };
}
pub(crate) use delete_older;

delete_older!(PurgeChallenges, "challenges", "expires_at");
delete_older!(PurgeVerifications, "verifications", "expires_at");
delete_older!(PurgeSends, "sends", "reserved_at");
delete_older!(PurgeSlots, "send_slots", "last_sent_at");
delete_older!(PurgeGuesses, "guesses", "guessed_at");
delete_older!(PurgeFailures, "password_failures", "last_at");
delete_older!(PurgeCodeFailures, "code_failures", "last_at");
delete_older!(PurgeSessions, "sessions", "expires_at");
delete_older!(PurgeDevices, "devices", "expires_at");
delete_older!(PurgeCeremonies, "passkey_ceremonies", "expires_at");

/// What is over is kept a little longer, so that a slow request still finds it.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

pub(crate) async fn purge(store: &PostgresStore, now: Timestamp, most: u32) -> Result<u64, StoreError> {
    let before = |age: SignedDuration| Instant(now.checked_sub(age).unwrap_or(Timestamp::MIN));
    let mut left = most;
    let mut gone = 0;
    macro_rules! forget {
        ($statement:ident, $age:expr) => {
            let went = store.execute($statement { before: before($age), most: limit(left) }).await?;
            gone += went as u64;
            left = left.saturating_sub(u32::try_from(went).unwrap_or(u32::MAX));
        };
    }
    forget!(PurgeChallenges, GRACE);
    forget!(PurgeVerifications, GRACE);
    forget!(PurgeSends, Quota::DAY);
    forget!(PurgeSlots, Quota::DAY);
    forget!(PurgeGuesses, Quota::DAY);
    forget!(PurgeFailures, PasswordFailures::MEMORY);
    forget!(PurgeCodeFailures, CodeFailures::MEMORY);
    forget!(PurgeSessions, Quota::DAY);
    forget!(PurgeDevices, Quota::DAY);
    forget!(PurgeCeremonies, GRACE);
    let _ = left;
    Ok(gone)
}
