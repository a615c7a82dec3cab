//! What may be sent and spent.

use super::{Money, RuleMode, SendOrigin, Usage};

/// The most of something in an hour and in a day; `None` does not bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    pub hour: Option<u64>,
    pub day: Option<u64>,
}

/// What may be sent and spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub mode: RuleMode,
    pub messages: Ceiling,
    /// In [`Money`].
    pub money: Ceiling,
    /// To each country.
    pub country_messages: Ceiling,
    /// To each country, in [`Money`].
    pub country_money: Ceiling,
    /// How much of each only owners of accounts may use, so that no flood of registrations keeps
    /// them out. Half of it is open to messages that anybody asks for to numbers of accounts.
    pub reserve_percent: u32,
}

impl Default for Budget {
    /// Requirement D-10.
    fn default() -> Self {
        Self {
            mode: RuleMode::Block,
            messages: Ceiling { hour: None, day: Some(10_000) },
            money: Ceiling::default(),
            country_messages: Ceiling::default(),
            country_money: Ceiling::default(),
            reserve_percent: 20,
        }
    }
}

impl Budget {
    /// At which shares of a budget operators are told.
    pub const WARNINGS: [u64; 3] = [50, 80, 100];

    /// How much of a ceiling messages of an origin may use up.
    pub fn share(&self, ceiling: u64, origin: SendOrigin) -> u64 {
        let reserve = u64::from(self.reserve_percent.min(100));
        let kept = match origin {
            SendOrigin::Stranger => reserve,
            SendOrigin::Blind => reserve / 2,
            SendOrigin::Owner => 0,
        };
        u64::try_from(u128::from(ceiling) * u128::from(100 - kept) / 100).unwrap_or(ceiling)
    }

    /// The least amount that is so many percent of a ceiling.
    fn mark(ceiling: u64, percent: u64) -> u64 {
        u64::try_from((u128::from(ceiling) * u128::from(percent)).div_ceil(100)).unwrap_or(u64::MAX)
    }

    /// The highest warning that is reached by going from one amount to another.
    pub(super) fn warning(ceiling: u64, before: u64, after: u64) -> Option<u64> {
        let reached =
            |percent: &u64| (before.saturating_add(1)..=after).contains(&Self::mark(ceiling, *percent));
        Self::WARNINGS.into_iter().rev().find(reached)
    }

    /// What must not have been used when something is added to what was seen to be used, so that
    /// nobody gets more than a share and each warning is given by exactly one.
    pub(super) fn used_below(ceiling: u64, share: u64, seen: u64, adds: u64) -> u64 {
        let most = share.saturating_sub(adds).saturating_add(1);
        let next =
            Self::WARNINGS.into_iter().map(|percent| Self::mark(ceiling, percent)).find(|mark| *mark > seen);
        let Some(mark) = next else { return most };
        let reaches_it = seen.saturating_add(adds) >= mark;
        most.min(if reaches_it { mark } else { mark.saturating_sub(adds) })
    }

    /// Each ceiling with what was used of it and what another message adds.
    pub(super) fn ceilings(
        &self,
        usage: &Usage,
        country: &Usage,
        cost: Money,
    ) -> impl Iterator<Item = BudgetLine> {
        let count = |usage: &Usage, ceilings: Ceiling, is_country| {
            [(ceilings.hour, usage.hour.sent, false), (ceilings.day, usage.day.sent, true)].map(
                |(ceiling, used, is_day)| BudgetLine {
                    ceiling,
                    used,
                    adds: 1,
                    is_money: false,
                    is_country,
                    is_day,
                },
            )
        };
        let spend = |usage: &Usage, ceilings: Ceiling, is_country| {
            [(ceilings.hour, usage.hour.cost.0, false), (ceilings.day, usage.day.cost.0, true)].map(
                |(ceiling, used, is_day)| BudgetLine {
                    ceiling,
                    used,
                    adds: cost.0,
                    is_money: true,
                    is_country,
                    is_day,
                },
            )
        };
        let lines = [
            count(usage, self.messages, false),
            spend(usage, self.money, false),
            count(country, self.country_messages, true),
            spend(country, self.country_money, true),
        ];
        lines.into_iter().flatten()
    }
}

/// One ceiling and how near it is.
pub(super) struct BudgetLine {
    pub(super) ceiling: Option<u64>,
    pub(super) used: u64,
    pub(super) adds: u64,
    pub(super) is_money: bool,
    pub(super) is_country: bool,
    pub(super) is_day: bool,
}

impl BudgetLine {
    /// An amount as people read it.
    pub(super) fn shown(&self, amount: u64) -> String {
        if self.is_money { Money(amount).to_string() } else { amount.to_string() }
    }

    /// What is counted, and for how long.
    pub(super) const fn what(&self) -> &'static str {
        match (self.is_money, self.is_day) {
            (false, false) => "messages an hour",
            (false, true) => "messages a day",
            (true, false) => "of money an hour",
            (true, true) => "of money a day",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_10_a_reserve_is_left_to_the_numbers_of_accounts() {
        let budget = Budget::default();
        assert_eq!(budget.share(10_000, SendOrigin::Stranger), 8_000);
        assert_eq!(budget.share(10_000, SendOrigin::Blind), 9_000);
        assert_eq!(budget.share(10_000, SendOrigin::Owner), 10_000);
        assert_eq!(Budget { reserve_percent: 500, ..budget }.share(10, SendOrigin::Stranger), 0);
        assert_eq!(budget.share(u64::MAX, SendOrigin::Owner), u64::MAX);
    }

    #[test]
    fn d_10_each_warning_is_given_once() {
        let told: Vec<u64> = (0..200).filter_map(|used| Budget::warning(200, used, used + 1)).collect();
        assert_eq!(told, [50, 80, 100]);
        assert_eq!(Budget::warning(1, 0, 1), Some(100), "the highest of several");
    }

    #[test]
    fn d_10_whoever_is_not_alone_at_a_mark_looks_again() {
        // Of 1,000 with marks at 500, 800 and 1,000.
        assert_eq!(Budget::used_below(1_000, 900, 100, 1), 499, "the mark would be passed unseen");
        assert_eq!(Budget::used_below(1_000, 900, 499, 1), 500, "the mark is passed once");
        assert_eq!(Budget::used_below(1_000, 900, 899, 1), 900, "the share ends");
        assert_eq!(Budget::used_below(1_000, 1_000, 999, 1), 1_000);
        assert_eq!(Budget::used_below(1_000, 1_000, 450, 60), 500);
        assert_eq!(Budget::used_below(1_000, 1_000, 990, 60), 941, "the last one is too much");
    }
}
