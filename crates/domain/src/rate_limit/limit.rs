//! One limit and what is used of it.

use std::num::{NonZeroU32, NonZeroU64};

use jiff::SignedDuration;

/// So many at once, and then one more whenever its interval has passed.
///
/// In any span of time, wherever it begins, at most [`Self::most_within`] are admitted. The
/// interval is rounded up to whole microseconds, so that rounding never admits more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    burst: NonZeroU32,
    /// Microseconds.
    interval: NonZeroU64,
}

/// What is used of a limit: how long it takes until all of it can be used again, in microseconds.
///
/// It runs down by itself. Stores keep the time at which it is empty, see [`Self::ends_at`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backlog(u64);

impl RateLimit {
    /// The most microseconds that a whole burst may take to come back: a hundred years. So all
    /// times that a store computes with stay below 2⁵³, where numbers of Lua are exact.
    const MOST_CAPACITY: u64 = 100 * 366 * 24 * 3600 * 1_000_000;

    /// `quota` in each `period`, and up to `burst` of them at once. A burst that would take more
    /// than a hundred years to come back is cut to that; a period below a microsecond is one.
    pub fn new(quota: NonZeroU32, period: SignedDuration, burst: NonZeroU32) -> Self {
        let period = whole_micros(period).min(Self::MOST_CAPACITY);
        let interval = period.div_ceil(u64::from(quota.get()));
        let interval = NonZeroU64::new(interval).unwrap_or(NonZeroU64::MIN);
        let most = u32::try_from(Self::MOST_CAPACITY / interval).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(burst.get().min(most)).unwrap_or(NonZeroU32::MIN);
        Self { burst, interval }
    }

    /// `quota` a minute, and up to `burst` at once.
    pub fn per_minute(quota: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::new(quota, SignedDuration::from_mins(1), burst)
    }

    /// How many are admitted at once when nothing is used.
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// How long it takes until one more is admitted, in microseconds.
    pub const fn interval_micros(self) -> u64 {
        self.interval.get()
    }

    /// How long it takes until a whole burst is admitted again, in microseconds: the highest backlog.
    pub fn capacity_micros(self) -> u64 {
        // At most a hundred years, by construction.
        self.interval.get() * u64::from(self.burst.get())
    }

    /// The same as a duration.
    pub fn window(self) -> SignedDuration {
        micros(self.capacity_micros())
    }

    /// The most that are admitted within `span`, both of its ends included.
    pub fn most_within(self, span: SignedDuration) -> u64 {
        u64::from(self.burst.get()).saturating_add(whole_micros(span) / self.interval)
    }

    /// Uses one: the backlog after it, or `None` when it has to wait.
    pub fn take(self, backlog: Backlog) -> Option<Backlog> {
        let after = self.bounded(backlog).0.saturating_add(self.interval.get());
        (after <= self.capacity_micros()).then_some(Backlog(after))
    }

    /// How long until [`Self::take`] succeeds, exactly; zero when it would now.
    pub fn retry_after(self, backlog: Backlog) -> SignedDuration {
        let after = self.bounded(backlog).0.saturating_add(self.interval.get());
        micros(after.saturating_sub(self.capacity_micros()))
    }

    /// How many would be admitted at once.
    pub fn remaining(self, backlog: Backlog) -> u32 {
        let free = self.capacity_micros().saturating_sub(backlog.0);
        u32::try_from(free / self.interval).unwrap_or(u32::MAX)
    }

    /// How long until one more than now would be admitted at once: [`Self::retry_after`] where none is.
    pub fn one_more_after(self, backlog: Backlog) -> SignedDuration {
        let free = self.capacity_micros() - self.bounded(backlog).0;
        micros(self.interval.get() - free % self.interval)
    }

    /// Never more than a limit that was used up just now: what was stored under a higher limit, or by
    /// a clock that has gone back since, makes nobody wait longer.
    fn bounded(self, backlog: Backlog) -> Backlog {
        Backlog(backlog.0.min(self.capacity_micros()))
    }
}

impl Backlog {
    /// Nothing is used.
    pub const EMPTY: Self = Self(0);

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long until nothing is used any more.
    pub fn duration(self) -> SignedDuration {
        micros(self.0)
    }

    /// What is left at `now` of a backlog that ends at `end`, both in microseconds by one clock.
    pub const fn until(end: u64, now: u64) -> Self {
        Self(end.saturating_sub(now))
    }

    /// When nothing is used any more, by the clock of `now`, in microseconds: the theoretical
    /// arrival time of GCRA.
    pub const fn ends_at(self, now: u64) -> u64 {
        now.saturating_add(self.0)
    }
}

fn whole_micros(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_micros().max(0)).unwrap_or(u64::MAX)
}

fn micros(micros: u64) -> SignedDuration {
    SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);

    fn limit(quota: u32, burst: u32) -> RateLimit {
        RateLimit::per_minute(NonZeroU32::new(quota).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    /// Which of these arrivals, in order of time, are admitted.
    fn admitted(limit: RateLimit, arrivals: &[u64]) -> Vec<u64> {
        let mut end = 0;
        let admit = |now: &&u64| {
            let after = limit.take(Backlog::until(end, **now));
            after.inspect(|after| end = after.ends_at(**now)).is_some()
        };
        arrivals.iter().filter(admit).copied().collect()
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_each_interval() {
        let limit = limit(60, 3);
        let mut arrivals = vec![0; 10];
        arrivals.extend([999_999, 1_000_000, 1_000_000, 3_500_000, 3_500_000, 3_500_000]);
        let expected = [0, 0, 0, 1_000_000, 3_500_000, 3_500_000];
        assert_eq!(admitted(limit, &arrivals), expected);
    }

    #[test]
    fn what_is_told_of_a_limit_is_exact() {
        let limit = limit(60, 3);
        let (second, window) = (SignedDuration::from_secs(1), SignedDuration::from_secs(3));
        assert_eq!((limit.window(), limit.most_within(MINUTE)), (window, 63));
        let mut backlog = Backlog::EMPTY;
        for left in [2, 1, 0] {
            assert_eq!(limit.retry_after(backlog), SignedDuration::ZERO);
            backlog = limit.take(backlog).unwrap();
            assert_eq!(limit.remaining(backlog), left);
        }
        assert_eq!((limit.retry_after(backlog), backlog.duration()), (second, window));
        assert_eq!(limit.one_more_after(backlog), second);
        let later = Backlog::from_micros(backlog.as_micros() - 600_000);
        assert_eq!(limit.one_more_after(later), SignedDuration::from_millis(400));
    }

    #[test]
    fn an_interval_that_is_no_whole_microsecond_is_rounded_up() {
        assert_eq!(limit(7, 1).interval_micros(), 8_571_429);
        assert_eq!(limit(u32::MAX, 1).interval_micros(), 1);
    }

    #[test]
    fn no_limit_is_too_large_for_exact_numbers() {
        let huge = limit(1, u32::MAX);
        assert!(huge.capacity_micros() <= RateLimit::MOST_CAPACITY);
        let year_2100 = 4_102_444_800_000_000;
        assert!(year_2100 + huge.capacity_micros() < 1 << 53);
        let slow = RateLimit::new(NonZeroU32::MIN, SignedDuration::MAX, NonZeroU32::MAX);
        assert_eq!(slow.burst(), NonZeroU32::MIN);
    }

    #[test]
    fn a_clock_that_went_back_makes_nobody_wait_longer_than_a_used_up_limit() {
        let limit = limit(60, 3);
        let ahead = Backlog::until(u64::MAX, 0);
        assert_eq!(limit.retry_after(ahead), SignedDuration::from_secs(1));
        assert_eq!((limit.take(ahead), limit.remaining(ahead)), (None, 0));
    }

    prop_compose! {
        fn arrivals()(gaps in prop::collection::vec(0..2_000_000_u64, 1..200)) -> Vec<u64> {
            gaps.into_iter().scan(0, |time, gap| { *time += gap; Some(*time) }).collect()
        }
    }

    proptest! {
        #[test]
        fn hx_04_no_span_of_time_admits_more_than_is_told(
            quota in 1..5000_u32, burst in 1..50_u32, arrivals in arrivals(),
        ) {
            let limit = limit(quota, burst);
            let passed = admitted(limit, &arrivals);
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let span = SignedDuration::from_micros(i64::try_from(to - from).unwrap());
                    prop_assert!(u64::try_from(last - first + 1).unwrap() <= limit.most_within(span));
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_passes_and_not_a_microsecond_sooner(
            quota in 1..5000_u32, burst in 1..50_u32, used in 0..60_u64, rest in 0..1_000_000_u64,
        ) {
            let limit = limit(quota, burst);
            let used = used * limit.interval_micros() + rest % limit.interval_micros();
            let backlog = Backlog::from_micros(used.min(limit.capacity_micros()));
            let wait = u64::try_from(limit.retry_after(backlog).as_micros()).unwrap();
            let after = |wait| limit.take(Backlog::from_micros(backlog.as_micros().saturating_sub(wait)));
            prop_assert!(after(wait).is_some());
            prop_assert!(wait == 0 || after(wait - 1).is_none());
            prop_assert_eq!(wait == 0, limit.remaining(backlog) > 0);
            let more = limit.one_more_after(backlog);
            prop_assert!(wait == 0 || more == limit.retry_after(backlog));
            let more = u64::try_from(more.as_micros()).unwrap();
            let left = |wait| limit.remaining(Backlog::from_micros(backlog.as_micros().saturating_sub(wait)));
            prop_assert_eq!(left(more - 1), left(0));
            prop_assert!(left(more) > left(0) || left(0) == limit.burst().get());
        }

        #[test]
        fn who_used_more_never_waits_less_nor_has_more_left(
            quota in 1..5000_u32, burst in 1..50_u32, some in 0..100_000_000_u64, more in 0..100_000_000_u64,
        ) {
            let limit = limit(quota, burst);
            let (some, more) = (Backlog::from_micros(some), Backlog::from_micros(some + more));
            prop_assert!(limit.retry_after(some) <= limit.retry_after(more));
            prop_assert!(limit.remaining(some) >= limit.remaining(more));
            prop_assert!(limit.take(some).is_some() || limit.take(more).is_none());
        }

        #[test]
        fn a_refusal_uses_nothing(quota in 1..5000_u32, burst in 1..50_u32, tries in 1..50_usize) {
            let limit = limit(quota, burst);
            let passed = admitted(limit, &vec![0; usize::try_from(burst).unwrap() + tries]);
            prop_assert_eq!(passed.len(), usize::try_from(burst).unwrap());
            let mut with_tries = vec![0; passed.len() + tries];
            with_tries.push(limit.interval_micros());
            prop_assert_eq!(admitted(limit, &with_tries).len(), passed.len() + 1);
        }
    }
}
