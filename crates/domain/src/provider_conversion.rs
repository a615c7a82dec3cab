//! Providers whose codes are not entered any more.

use std::collections::BTreeMap;

use crate::{FigureGroup, RuleMode, SendFigures};

/// When a provider is asked after all others for numbers of a country: its texts arrive late or not
/// at all, though it takes them.
///
/// It is compared with itself, because people of one country enter more of their codes than those of
/// another. It heals by itself: who is asked last sends little, and of little nothing is concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderConversionRule {
    pub mode: RuleMode,
    /// Of fewer messages nothing is concluded.
    pub least_sends: u32,
    /// Of the share of codes that are usually entered; less is a collapse.
    pub collapse_percent: u32,
}

impl ProviderConversionRule {
    /// Where nothing is known of a provider yet. Telnyx calls 60 to 80 % healthy.
    const USUAL_PERCENT: u64 = 60;

    /// Which of the groups, each of one provider and country, collapsed: `lately` against `before`.
    pub fn collapsed(
        &self,
        lately: &BTreeMap<FigureGroup, SendFigures>,
        before: &BTreeMap<FigureGroup, SendFigures>,
    ) -> Vec<Collapse> {
        let judge = |(group, now): (&FigureGroup, &SendFigures)| {
            let entered_percent = self.known_percent(now)?;
            let usual = before.get(group).and_then(|before| self.known_percent(before));
            let usual_percent = usual.unwrap_or(Self::USUAL_PERCENT);
            let has_collapsed = entered_percent * 100 < usual_percent * u64::from(self.collapse_percent);
            has_collapsed.then(|| Collapse {
                provider: group.provider.clone(),
                country: group.country.clone(),
                entered_percent,
                usual_percent,
            })
        };
        lately.iter().filter_map(judge).collect()
    }

    /// What share of the codes was entered, if there were enough.
    fn known_percent(&self, figures: &SendFigures) -> Option<u64> {
        let is_enough = figures.sent >= u64::from(self.least_sends.max(1));
        is_enough.then(|| figures.entered.count.saturating_mul(100) / figures.sent)
    }
}

/// A provider whose codes are entered much less than they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collapse {
    pub provider: String,
    /// Two letters; empty where it is not known.
    pub country: String,
    pub entered_percent: u64,
    pub usual_percent: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntryTimes;

    const RULE: ProviderConversionRule =
        ProviderConversionRule { mode: RuleMode::Block, least_sends: 30, collapse_percent: 40 };

    fn of(sent: u64, entered: u64) -> BTreeMap<FigureGroup, SendFigures> {
        let entered = EntryTimes { count: entered, ..EntryTimes::default() };
        let group =
            FigureGroup { country: "SE".to_owned(), provider: "sinch".to_owned(), ..FigureGroup::default() };
        [(group, SendFigures { sent, entered, ..SendFigures::default() })].into()
    }

    #[test]
    fn a_provider_is_compared_with_itself() {
        let nothing = BTreeMap::new();
        for (lately, before, collapsed) in [
            (of(29, 0), nothing.clone(), false),
            (of(30, 0), nothing.clone(), true),
            (of(100, 23), nothing.clone(), true),
            (of(100, 24), nothing.clone(), false),
            (of(100, 23), of(29, 29), true),
            (of(100, 35), of(1000, 900), true),
            (of(100, 36), of(1000, 900), false),
            (of(100, 10), of(1000, 250), false),
            (of(100, 9), of(1000, 250), true),
            (of(100, 0), of(1000, 0), false),
            (of(u64::MAX, u64::MAX), of(1000, 900), true),
            (nothing.clone(), of(1000, 900), false),
        ] {
            let told = RULE.collapsed(&lately, &before);
            assert_eq!(!told.is_empty(), collapsed, "{lately:?} after {before:?}");
        }
    }

    #[test]
    fn a_collapse_says_who_where_and_how_much() {
        let expected = Collapse {
            provider: "sinch".to_owned(),
            country: "SE".to_owned(),
            entered_percent: 10,
            usual_percent: 90,
        };
        assert_eq!(RULE.collapsed(&of(100, 10), &of(1000, 900)), [expected]);
    }
}
