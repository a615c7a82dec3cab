//! When something that failed is tried again.

use jiff::SignedDuration;

/// The pauses between attempts at something that must leave the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySchedule(&'static [SignedDuration]);

impl RetrySchedule {
    /// Of notices: seven attempts in under nine hours. Later they would rather confuse.
    pub const NOTICES: Self = Self(&[
        SignedDuration::from_secs(10),
        SignedDuration::from_mins(1),
        SignedDuration::from_mins(5),
        SignedDuration::from_mins(30),
        SignedDuration::from_hours(2),
        SignedDuration::from_hours(6),
    ]);

    /// Of webhooks: ten attempts in a little over three days, as the Standard Webhooks
    /// specification proposes.
    pub const WEBHOOKS: Self = Self(&[
        SignedDuration::from_secs(5),
        SignedDuration::from_mins(5),
        SignedDuration::from_mins(30),
        SignedDuration::from_hours(2),
        SignedDuration::from_hours(5),
        SignedDuration::from_hours(10),
        SignedDuration::from_hours(14),
        SignedDuration::from_hours(20),
        SignedDuration::from_hours(24),
    ]);

    /// The pause after so many attempts; `None` when there were enough. `jitter` lengthens it
    /// by up to a tenth, so that what failed together does not come back together.
    pub fn pause_after(self, attempts: u32, jitter: u8) -> Option<SignedDuration> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        let pause = self.0.get(index)?;
        Some(pause.saturating_add(*pause / 10 * i32::from(jitter) / i32::from(u8::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(schedule: RetrySchedule, jitter: u8) -> Vec<SignedDuration> {
        (1..).map_while(|attempts| schedule.pause_after(attempts, jitter)).collect()
    }

    #[test]
    fn pauses_grow_and_end() {
        for (schedule, attempts, hours) in [(RetrySchedule::NOTICES, 7, 9), (RetrySchedule::WEBHOOKS, 10, 76)]
        {
            let pauses = all(schedule, 0);
            assert_eq!(pauses.len() + 1, attempts);
            assert!(pauses.is_sorted());
            let total = pauses.iter().fold(SignedDuration::ZERO, |sum, pause| sum + *pause);
            assert!(total < SignedDuration::from_hours(hours), "{total}");
            assert_eq!(schedule.pause_after(0, 0), None);
            assert_eq!(schedule.pause_after(u32::MAX, 0), None);
        }
    }

    #[test]
    fn jitter_lengthens_by_a_tenth_at_most() {
        for (plain, late) in all(RetrySchedule::WEBHOOKS, 0).iter().zip(all(RetrySchedule::WEBHOOKS, 255)) {
            assert_eq!(late, *plain + *plain / 10);
        }
        let middle = RetrySchedule::WEBHOOKS.pause_after(2, 128).unwrap();
        assert!(middle > SignedDuration::from_mins(5) && middle < SignedDuration::from_secs(330));
    }
}
