//! Providers whose codes are not entered any more.

use jiff::SignedDuration;

use crate::RuleMode;

/// What became of the messages of one provider to one country, within some span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub provider: String,
    /// Two letters; empty where it is not known.
    pub country: String,
    pub sent: u64,
    /// How many of their codes were entered.
    pub entered: u64,
}

/// When a provider is asked after all others for numbers of a country: its texts arrive late or not
/// at all, though it takes them.
///
/// It is compared with itself, because people of one country enter more of their codes than those of
/// another. It heals by itself: who is asked last sends little, and of little nothing is concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderConversionRule {
    pub mode: RuleMode,
    /// Younger messages are not looked at: their codes may still be entered.
    pub grace: SignedDuration,
    /// Of fewer messages nothing is concluded.
    pub least_sends: u32,
    /// Of the share of codes that are usually entered; less is a collapse.
    pub collapse_percent: u32,
}

impl ProviderConversionRule {
    /// Where nothing is known of a provider yet. Telnyx calls 60 to 80 % healthy.
    const USUAL_PERCENT: u64 = 60;
    /// What is taken as usual at least: one that stays away for long must not become its own measure.
    const LEAST_USUAL_PERCENT: u64 = 30;

    /// Which of `lately` collapsed, against `usual`.
    pub fn collapsed(&self, lately: &[Conversion], usual: &[Conversion]) -> Vec<Collapse> {
        let judge = |now: &Conversion| {
            let entered_percent = self.known_percent(now)?;
            let usual = usual.iter().find(|it| (&it.provider, &it.country) == (&now.provider, &now.country));
            let usual_percent = usual.and_then(|it| self.known_percent(it)).unwrap_or(Self::USUAL_PERCENT);
            let usual_percent = usual_percent.max(Self::LEAST_USUAL_PERCENT);
            let has_collapsed = entered_percent * 100 < usual_percent * u64::from(self.collapse_percent);
            has_collapsed.then(|| Collapse {
                provider: now.provider.clone(),
                country: now.country.clone(),
                entered_percent,
                usual_percent,
            })
        };
        lately.iter().filter_map(judge).collect()
    }

    /// What share of the codes was entered, if there were enough.
    fn known_percent(&self, conversion: &Conversion) -> Option<u64> {
        let is_enough = conversion.sent >= u64::from(self.least_sends.max(1));
        is_enough.then(|| conversion.entered.saturating_mul(100) / conversion.sent)
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

    const RULE: ProviderConversionRule = ProviderConversionRule {
        mode: RuleMode::Block,
        grace: SignedDuration::ZERO,
        least_sends: 30,
        collapse_percent: 40,
    };

    fn of(sent: u64, entered: u64) -> Vec<Conversion> {
        vec![Conversion { provider: "sinch".to_owned(), country: "SE".to_owned(), sent, entered }]
    }

    #[test]
    fn a_provider_is_compared_with_itself() {
        let nothing = Vec::new;
        for (lately, usual, collapsed) in [
            (of(29, 0), nothing(), false),
            (of(30, 0), nothing(), true),
            (of(100, 23), nothing(), true),
            (of(100, 24), nothing(), false),
            (of(100, 23), of(29, 29), true),
            (of(100, 35), of(1000, 900), true),
            (of(100, 36), of(1000, 900), false),
            (of(100, 12), of(1000, 250), false),
            (of(100, 11), of(1000, 250), true),
            (of(100, 0), of(1000, 0), true),
            (nothing(), of(1000, 900), false),
        ] {
            let told = RULE.collapsed(&lately, &usual);
            assert_eq!(!told.is_empty(), collapsed, "{lately:?} where {usual:?} is usual");
        }
    }

    #[test]
    fn a_collapse_says_who_where_and_how_much() {
        let elsewhere = Conversion { country: "NO".to_owned(), ..of(100, 90).remove(0) };
        let expected = Collapse {
            provider: "sinch".to_owned(),
            country: "SE".to_owned(),
            entered_percent: 10,
            usual_percent: 90,
        };
        let lately = [of(100, 10), vec![elsewhere]].concat();
        assert_eq!(RULE.collapsed(&lately, &of(1000, 900)), [expected]);
    }
}
