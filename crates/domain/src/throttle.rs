//! How repeated wrong passwords slow an account down.

use jiff::{SignedDuration, Timestamp};

/// The wrong passwords given for one account since the last right one.
///
/// Five are free. From the sixth on the next try has to wait 1 s, doubling to
/// 15 minutes (OWASP Authentication Cheat Sheet, "Account Lockout"; NIST SP
/// 800-63B-4 §3.2.2). The wait ends by itself: nobody can lock an owner out
/// for good. The count is forgotten a day after the last failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordFailures {
    pub count: u32,
    pub last_at: Option<Timestamp>,
}

impl PasswordFailures {
    /// Wrong passwords that cost no wait.
    pub const FREE: u32 = 5;
    /// The longest wait.
    pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
    /// How long a failure is remembered.
    pub const MEMORY: SignedDuration = SignedDuration::from_hours(24);

    /// When the next password may be tried; `None` when it may be now.
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let last_at = self.last_at?;
        let beyond = self.count.checked_sub(Self::FREE + 1)?;
        let wait = SignedDuration::from_secs(1 << beyond.min(20)).min(Self::LONGEST_WAIT);
        let retry_at = last_at.checked_add(wait).unwrap_or(Timestamp::MAX);
        (retry_at > now).then_some(retry_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_wrong_password_starts_a_doubling_wait() {
        let last = Timestamp::UNIX_EPOCH;
        let waits: Vec<i64> = [0, 1, 5, 6, 7, 8, 15, 16, 17, 1_000_000, u32::MAX]
            .into_iter()
            .map(|count| {
                PasswordFailures { count, last_at: Some(last) }.retry_at(last).map_or(0, Timestamp::as_second)
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 512, 900, 900, 900, 900]);
    }

    #[test]
    fn the_wait_ends_to_the_second() {
        let failures = PasswordFailures { count: 7, last_at: Some(Timestamp::UNIX_EPOCH) };
        assert!(failures.retry_at(Timestamp::from_millisecond(1_999).unwrap()).is_some());
        assert_eq!(failures.retry_at(Timestamp::from_second(2).unwrap()), None);
    }
}
