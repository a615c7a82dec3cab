//! How repeated wrong passwords and codes slow an account down.

use jiff::{SignedDuration, Timestamp};

/// The wrong passwords given for one account since the last right one.
///
/// Five are free. From the sixth on the next try has to wait 1 s, doubling to
/// 15 minutes (OWASP Authentication Cheat Sheet, "Account Lockout"; NIST SP
/// 800-63B-4 §3.2.2). The wait ends by itself: nobody can lock an owner out
/// for good. The count is forgotten a day after the last failure.
///
/// After [`Self::MOST`] in a row no password is looked at before that day is over. Only a
/// remembered device or a reset gets further, and both forget the count. Names without an
/// account are counted and forgotten alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordFailures {
    pub count: u32,
    pub last_at: Option<Timestamp>,
}

impl PasswordFailures {
    /// Wrong passwords that cost no wait.
    pub const FREE: u32 = 5;
    /// Wrong passwords in a row that close the name.
    pub const MOST: u32 = 100;
    /// The longest wait of a name that is open.
    pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
    /// How long a failure is remembered.
    pub const MEMORY: SignedDuration = SignedDuration::from_hours(24);

    /// When the next password may be tried; `None` when it may be now.
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let last_at = self.last_at?;
        let beyond = self.count.checked_sub(Self::FREE + 1)?;
        let wait = if self.count < Self::MOST {
            SignedDuration::from_secs(1 << beyond.min(20)).min(Self::LONGEST_WAIT)
        } else {
            Self::MEMORY
        };
        let retry_at = last_at.checked_add(wait).unwrap_or(Timestamp::MAX);
        (retry_at > now).then_some(retry_at)
    }
}

/// The wrong codes given in a row for one account, for one purpose and of one kind.
///
/// How many close that kind for that purpose is [`Quotas::in_a_row`](crate::Quotas::in_a_row). A
/// right code of that kind forgets them. A closed kind opens again by recovery: a reset of the
/// password opens every sign-in, and a sign-in with all factors opens the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFailures;

impl CodeFailures {
    /// How many close a kind of answer (NIST SP 800-63B-4 §3.2.2).
    pub const MOST: u32 = 100;
    /// How long the last failure is remembered. Names without an account are counted, too, and
    /// what is counted for them must end some day.
    pub const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 30);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_wrong_password_starts_a_doubling_wait() {
        let last = Timestamp::UNIX_EPOCH;
        let waits: Vec<i64> = [0, 1, 5, 6, 7, 8, 15, 16, 17, 99]
            .into_iter()
            .map(|count| {
                PasswordFailures { count, last_at: Some(last) }.retry_at(last).map_or(0, Timestamp::as_second)
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }

    #[test]
    fn d_11_after_100_in_a_row_no_password_is_looked_at_until_they_are_forgotten() {
        let last = Timestamp::UNIX_EPOCH;
        let forgotten = last + PasswordFailures::MEMORY;
        for count in [100, 101, u32::MAX] {
            let failures = PasswordFailures { count, last_at: Some(last) };
            assert_eq!(failures.retry_at(last), Some(forgotten));
            assert_eq!(failures.retry_at(forgotten - SignedDuration::from_secs(1)), Some(forgotten));
            assert_eq!(failures.retry_at(forgotten), None, "nobody is locked out for good");
        }
    }

    #[test]
    fn the_wait_ends_to_the_second() {
        let failures = PasswordFailures { count: 7, last_at: Some(Timestamp::UNIX_EPOCH) };
        assert!(failures.retry_at(Timestamp::from_millisecond(1_999).unwrap()).is_some());
        assert_eq!(failures.retry_at(Timestamp::from_second(2).unwrap()), None);
    }
}
