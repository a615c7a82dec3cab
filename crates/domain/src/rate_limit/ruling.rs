//! Several limits at once.

use jiff::SignedDuration;

use super::{Backlog, LimitKey, RateLimit};

/// One of the limits that something has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitDemand {
    pub key: LimitKey,
    pub limit: RateLimit,
}

/// How a limit stands after a ruling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    pub limit: RateLimit,
    pub backlog: Backlog,
}

impl LimitStanding {
    /// How many more would be admitted at once.
    pub fn remaining(&self) -> u32 {
        self.limit.remaining(self.backlog)
    }
}

/// What became of several limits: all were used, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRuling {
    admitted: bool,
    standings: Vec<LimitStanding>,
}

impl LimitRuling {
    /// Uses one of every limit, if every limit has one.
    pub fn judge(before: Vec<LimitStanding>) -> Self {
        let taken = before.iter().map(|standing| {
            let backlog = standing.limit.take(standing.backlog)?;
            Some(LimitStanding { backlog, ..*standing })
        });
        match taken.collect::<Option<Vec<_>>>() {
            Some(standings) => Self { admitted: true, standings },
            None => Self { admitted: false, standings: before },
        }
    }

    /// A ruling that was made elsewhere, by the same rule.
    pub const fn of(admitted: bool, standings: Vec<LimitStanding>) -> Self {
        Self { admitted, standings }
    }

    /// Whether all limits were used.
    pub const fn is_admitted(&self) -> bool {
        self.admitted
    }

    /// How each limit stands now, in the order in which they were asked for.
    pub fn standings(&self) -> &[LimitStanding] {
        &self.standings
    }

    /// How long until all limits would admit one; `None` when they did.
    pub fn retry_after(&self) -> Option<SignedDuration> {
        if self.admitted {
            return None;
        }
        let waits = self.standings.iter().map(|standing| standing.limit.retry_after(standing.backlog));
        Some(waits.max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn unused(per_minute: u32, burst: u32) -> LimitStanding {
        let some = |number| NonZeroU32::new(number).unwrap();
        let limit = RateLimit::per_minute(some(per_minute), some(burst));
        LimitStanding { limit, backlog: Backlog::EMPTY }
    }

    fn left(ruling: &LimitRuling) -> Vec<u32> {
        ruling.standings().iter().map(LimitStanding::remaining).collect()
    }

    #[test]
    fn every_limit_is_used_or_none() {
        let first = LimitRuling::judge(vec![unused(60, 3), unused(6, 1)]);
        assert_eq!((first.is_admitted(), first.retry_after(), left(&first)), (true, None, vec![2, 0]));
        let second = LimitRuling::judge(first.standings().to_vec());
        assert_eq!((second.is_admitted(), left(&second)), (false, vec![2, 0]));
        assert_eq!(second.standings(), first.standings(), "a refusal uses nothing");
    }

    #[test]
    fn the_longest_wait_is_told() {
        let used_up = |limit: LimitStanding| *LimitRuling::judge(vec![limit]).standings().first().unwrap();
        let ruling = LimitRuling::judge(vec![used_up(unused(6, 1)), used_up(unused(60, 1)), unused(60, 1)]);
        assert_eq!(ruling.retry_after(), Some(SignedDuration::from_secs(10)));
    }

    #[test]
    fn without_limits_all_pass() {
        assert!(LimitRuling::judge(Vec::new()).is_admitted());
    }
}
