//! How many messages were sent, came and were answered, and how soon.

use std::{collections::BTreeMap, ops::AddAssign};

use jiff::{SignedDuration, Timestamp};

use crate::Money;

/// How long people took from the message to its right code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryTimes {
    /// How many codes were entered.
    pub count: u64,
    /// Of all together, in milliseconds.
    pub total_ms: u64,
    /// How many within each of [`Self::BOUNDS`].
    pub within: [u64; 6],
}

impl EntryTimes {
    /// In seconds.
    pub const BOUNDS: [u32; 6] = [10, 20, 30, 60, 120, 300];

    /// The time within which so many percent of the codes were entered, estimated within the bounds;
    /// the last bound where it is beyond. `None` without any.
    pub fn percentile(&self, percent: u32) -> Option<SignedDuration> {
        if self.count == 0 {
            return None;
        }
        let wanted = u128::from(self.count) * u128::from(percent.min(100));
        let (mut from, mut before) = (0_u32, 0_u64);
        for (bound, within) in Self::BOUNDS.into_iter().zip(self.within) {
            let reached = u128::from(within) * 100;
            if reached >= wanted && within > before {
                let missing = wanted.saturating_sub(u128::from(before) * 100);
                let here = u128::from(within - before) * 100;
                let into_ms = u128::from(bound - from) * 1000 * missing / here;
                let ms = i64::try_from(u128::from(from) * 1000 + into_ms).unwrap_or(i64::MAX);
                return Some(SignedDuration::from_millis(ms));
            }
            (from, before) = (bound, within.max(before));
        }
        Some(SignedDuration::from_secs(from.into()))
    }
}

impl AddAssign for EntryTimes {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.total_ms = self.total_ms.saturating_add(other.total_ms);
        for (ours, theirs) in self.within.iter_mut().zip(other.within) {
            *ours = ours.saturating_add(theirs);
        }
    }
}

/// What became of messages. Everything is counted in the hour in which its message was sent, so that
/// shares are of the same messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendFigures {
    pub sent: u64,
    /// Those that are known to have arrived.
    pub delivered: u64,
    /// Those that the provider could not deliver.
    pub failed: u64,
    /// Times of those whose right code was entered.
    pub entered: EntryTimes,
    pub cost: Money,
}

impl AddAssign for SendFigures {
    fn add_assign(&mut self, other: Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.entered += other.entered;
        self.cost = self.cost + other.cost;
    }
}

/// By what figures can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FigureDimension {
    Country,
    Prefix,
    Channel,
    Provider,
}

/// The text names no dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write some of country, prefix, channel and provider, with commas between")]
pub struct InvalidFigureDimension;

impl FigureDimension {
    /// Every dimension there is.
    pub const ALL: [Self; 4] = [Self::Country, Self::Prefix, Self::Channel, Self::Provider];

    /// Its name in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Prefix => "prefix",
            Self::Channel => "channel",
            Self::Provider => "provider",
        }
    }

    /// Reads names with commas between.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidFigureDimension> {
        let find = |name: &str| Self::ALL.into_iter().find(|it| it.as_str() == name.trim());
        text.split(',').map(|name| find(name).ok_or(InvalidFigureDimension)).collect()
    }
}

/// Messages that are told apart from others. What is not looked at is empty, and so is what is not
/// known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FigureGroup {
    pub country: String,
    pub prefix: String,
    pub channel: String,
    pub provider: String,
}

impl FigureGroup {
    /// What the group has in a dimension.
    pub fn get(&self, dimension: FigureDimension) -> &str {
        match dimension {
            FigureDimension::Country => &self.country,
            FigureDimension::Prefix => &self.prefix,
            FigureDimension::Channel => &self.channel,
            FigureDimension::Provider => &self.provider,
        }
    }
}

/// A span of time that ends now, in equal steps of whole hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureWindow {
    /// The beginning of an hour.
    pub since: Timestamp,
    pub until: Timestamp,
    step_hours: u32,
    points: u32,
}

impl FigureWindow {
    /// The longest window.
    pub const MOST_HOURS: u32 = 24 * 90;
    /// The most steps.
    const MOST_POINTS: u32 = 24;

    /// The last so many hours, the one that runs included: 1 to [`Self::MOST_HOURS`].
    pub fn last_hours(hours: u32, now: Timestamp) -> Self {
        let hours = hours.clamp(1, Self::MOST_HOURS);
        let step_hours = hours.div_ceil(Self::MOST_POINTS);
        let back = SignedDuration::from_hours(i64::from(hours) - 1);
        let since = Self::hour(now.checked_sub(back).unwrap_or(Timestamp::MIN));
        Self { since, until: now, step_hours, points: hours.div_ceil(step_hours) }
    }

    /// When the hour of `time` began.
    pub fn hour(time: Timestamp) -> Timestamp {
        let second = time.as_second();
        Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(Timestamp::MIN)
    }

    /// How long a step is.
    pub const fn step_seconds(&self) -> i64 {
        self.step_hours as i64 * 3600
    }

    /// How many steps there are.
    pub const fn points(&self) -> u32 {
        self.points
    }
}

/// A group with its figures, in all and step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureLine {
    pub group: FigureGroup,
    pub total: SendFigures,
    /// As many as the window has steps, the oldest first.
    pub series: Vec<SendFigures>,
}

impl FigureLine {
    /// Puts figures together that each belong to a group and a step; the groups with the most
    /// messages come first.
    pub fn fold(
        cells: impl IntoIterator<Item = (FigureGroup, u32, SendFigures)>,
        window: &FigureWindow,
    ) -> Vec<Self> {
        let mut groups: BTreeMap<FigureGroup, Vec<SendFigures>> = BTreeMap::new();
        let points = usize::try_from(window.points()).unwrap_or(0);
        for (group, point, figures) in cells {
            let series = groups.entry(group).or_insert_with(|| vec![SendFigures::default(); points]);
            if let Some(cell) = usize::try_from(point).ok().and_then(|point| series.get_mut(point)) {
                *cell += figures;
            }
        }
        let mut lines: Vec<Self> = groups
            .into_iter()
            .map(|(group, series)| {
                let mut total = SendFigures::default();
                for figures in &series {
                    total += *figures;
                }
                Self { group, total, series }
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.total.sent));
        lines
    }
}

/// Amounts as a line of blocks, the highest the full height; a space for none.
pub fn sparkline(amounts: &[u64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = amounts.iter().copied().max().unwrap_or(0).max(1);
    let block = |amount: &u64| {
        if *amount == 0 {
            return ' ';
        }
        let height = u128::from(*amount) * 8 / u128::from(highest);
        let place = usize::try_from(height).unwrap_or(8).clamp(1, 8) - 1;
        BLOCKS.get(place).copied().unwrap_or('█')
    };
    amounts.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(within: [u64; 6], count: u64) -> EntryTimes {
        EntryTimes { count, total_ms: 0, within }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn sent(sent: u64) -> SendFigures {
        SendFigures { sent, ..SendFigures::default() }
    }

    fn country(country: &str) -> FigureGroup {
        FigureGroup { country: country.to_owned(), ..FigureGroup::default() }
    }

    #[test]
    fn percentiles_lie_within_the_bounds_of_what_was_counted() {
        let cases = [
            (times([0; 6], 0), 50, None),
            (times([10, 10, 10, 10, 10, 10], 10), 50, Some(5_000)),
            (times([10, 10, 10, 10, 10, 10], 10), 100, Some(10_000)),
            (times([0, 4, 8, 8, 8, 8], 8), 50, Some(20_000)),
            (times([0, 4, 8, 8, 8, 8], 8), 75, Some(25_000)),
            (times([0, 0, 0, 0, 0, 5], 10), 50, Some(300_000)),
            (times([0, 0, 0, 0, 0, 5], 10), 95, Some(300_000)),
            (times([0, 0, 0, 0, 0, 0], 1), 50, Some(300_000)),
        ];
        for (times, percent, expected) in cases {
            let expected = expected.map(SignedDuration::from_millis);
            assert_eq!(times.percentile(percent), expected, "{percent} of {times:?}");
        }
    }

    #[test]
    fn a_window_has_at_most_24_steps_of_whole_hours() {
        let now = at("2026-03-14T15:09:26Z");
        for (hours, since, step, points) in [
            (1, "2026-03-14T15:00:00Z", 3600, 1),
            (24, "2026-03-13T16:00:00Z", 3600, 24),
            (25, "2026-03-13T15:00:00Z", 7200, 13),
            (168, "2026-03-07T16:00:00Z", 7 * 3600, 24),
        ] {
            let window = FigureWindow::last_hours(hours, now);
            assert_eq!((window.since, window.until), (at(since), now), "{hours}");
            assert_eq!((window.step_seconds(), window.points()), (step, points), "{hours}");
        }
        assert_eq!(FigureWindow::last_hours(0, now), FigureWindow::last_hours(1, now));
        assert!(FigureWindow::last_hours(u32::MAX, now).points() <= 24);
    }

    #[test]
    fn an_hour_begins_on_the_hour_before_the_epoch_too() {
        assert_eq!(FigureWindow::hour(at("1969-12-31T23:30:00Z")), at("1969-12-31T23:00:00Z"));
    }

    #[test]
    fn figures_of_a_group_are_put_together_and_the_largest_comes_first() {
        let window = FigureWindow::last_hours(3, at("2026-03-14T15:09:26Z"));
        let cells = [
            (country("SE"), 0, sent(1)),
            (country("NO"), 2, sent(5)),
            (country("SE"), 2, sent(2)),
            (country("SE"), 9, sent(100)),
        ];
        let lines = FigureLine::fold(cells, &window);
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0].group, lines[0].total.sent), (&country("NO"), 5));
        assert_eq!((&lines[1].group, lines[1].total.sent), (&country("SE"), 3));
        assert_eq!(lines[1].series, [sent(1), sent(0), sent(2)]);
    }

    #[test]
    fn dimensions_are_read_with_commas_between() {
        let both = vec![FigureDimension::Country, FigureDimension::Provider];
        assert_eq!(FigureDimension::parse_list("country, provider"), Ok(both));
        for wrong in ["", "country,", "number", "Country"] {
            assert_eq!(FigureDimension::parse_list(wrong), Err(InvalidFigureDimension), "{wrong}");
        }
    }

    #[test]
    fn the_highest_block_is_the_highest_amount() {
        for (amounts, line) in
            [(&[][..], ""), (&[0, 0], "  "), (&[1], "█"), (&[0, 1, 4, 8], " ▁▄█"), (&[1, 1000], "▁█")]
        {
            assert_eq!(sparkline(amounts), line, "{amounts:?}");
        }
    }
}
