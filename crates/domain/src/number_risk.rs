//! What makes a code to a number prove less than it should.

use jiff::{SignedDuration, Timestamp};

use crate::DestinationPolicy;

/// What kind of line a number leads to today, which its digits do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineType {
    Mobile,
    FixedLine,
    Voip,
}

/// What somebody who watches numbers knows of one; the default knows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberReport {
    /// When its SIM was last changed.
    pub sim_changed_at: Option<Timestamp>,
    /// When it last went from one operator to another.
    pub ported_at: Option<Timestamp>,
    pub line: Option<LineType>,
}

/// What follows from a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberVerdict {
    /// Nothing speaks against a code.
    Sendable,
    /// The number may be in new hands: no code before then.
    Held { until: Timestamp },
    /// Codes are not sent to such a line.
    LineNotAllowed,
}

impl NumberReport {
    /// How long after a change of SIM or operator a number proves nothing (NIST SP 800-63B-4
    /// §3.1.3.3): long enough for an owner to notice that the phone is dead.
    pub const HOLD: SignedDuration = SignedDuration::from_hours(72);

    /// Whether a code that opens an account may be sent `now`.
    pub fn verdict(&self, destinations: &DestinationPolicy, now: Timestamp) -> NumberVerdict {
        let is_allowed = match self.line {
            Some(LineType::Mobile) | None => true,
            Some(LineType::FixedLine) => destinations.allow_fixed_line,
            Some(LineType::Voip) => destinations.allow_voip,
        };
        if !is_allowed {
            return NumberVerdict::LineNotAllowed;
        }
        let changed_at = self.sim_changed_at.max(self.ported_at);
        let until = changed_at.map(|at| at.checked_add(Self::HOLD).unwrap_or(Timestamp::MAX));
        until
            .filter(|until| *until > now)
            .map_or(NumberVerdict::Sendable, |until| NumberVerdict::Held { until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn nb_08_a_changed_sim_or_operator_holds_a_number_for_72_hours() {
        let cases = [
            (None, None, None),
            (Some(0), None, Some(72)),
            (None, Some(1), Some(73)),
            (Some(-71), Some(-80), Some(1)),
            (Some(-72), None, None),
            (Some(5), None, Some(77)),
        ];
        for (sim, ported, until) in cases {
            let report =
                NumberReport { sim_changed_at: sim.map(hour), ported_at: ported.map(hour), line: None };
            let expected =
                until.map_or(NumberVerdict::Sendable, |until| NumberVerdict::Held { until: hour(until) });
            assert_eq!(report.verdict(&DestinationPolicy::default(), hour(0)), expected, "{report:?}");
        }
    }

    #[test]
    fn nb_08_a_line_is_judged_by_the_setting_for_its_kind() {
        let wide =
            DestinationPolicy { allow_voip: true, allow_fixed_line: true, ..DestinationPolicy::default() };
        for (line, by_default) in [
            (LineType::Mobile, NumberVerdict::Sendable),
            (LineType::FixedLine, NumberVerdict::LineNotAllowed),
            (LineType::Voip, NumberVerdict::LineNotAllowed),
        ] {
            let report = NumberReport { line: Some(line), ..NumberReport::default() };
            assert_eq!(report.verdict(&DestinationPolicy::default(), hour(0)), by_default);
            assert_eq!(report.verdict(&wide, hour(0)), NumberVerdict::Sendable);
        }
    }
}
