//! What was measured, and what it should be.

use std::fmt;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::machine::Machine;
use super::statistics::Rounds;

/// What a figure should be.
#[derive(Clone, Copy)]
enum Target {
    Below(f64),
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

const TARGETS: [(&str, Target); 16] = [
    ("start_ms", Target::Below(150.0)),
    ("idle_rss_mb", Target::Below(30.0)),
    ("rss_256_mb", Target::Below(100.0)),
    ("lanes_best_ratio", Target::AtLeast(2.5)),
    ("storm_ratio", Target::AtLeast(2.3)),
    ("lone_ratio", Target::AtMost(1.05)),
    ("me_p99_storm_ratio", Target::AtMost(3.0)),
    ("flood_answered", Target::AtLeast(1.0)),
    ("me_pgbench_ratio", Target::AtLeast(0.5)),
    ("shield_fraud_stopped", Target::AtLeast(0.99)),
    ("shield_honest_served", Target::AtLeast(0.99)),
    ("router_added_p99_micros", Target::Below(1000.0)),
    ("router_open_added_p99_micros", Target::Below(1000.0)),
    ("failover_hang_ms", Target::Below(600.0)),
    ("failover_open_ms", Target::Below(1.0)),
    ("limits_admitted_ratio", Target::Exactly(1.0)),
];

impl Target {
    fn of(name: &str) -> Option<Self> {
        TARGETS.iter().find(|(named, _)| *named == name).map(|(_, target)| *target)
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Exactly(wanted) => (value - wanted).abs() < f64::EPSILON,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(bound) => write!(f, "< {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::Exactly(wanted) => write!(f, "= {wanted}"),
        }
    }
}

struct Figure {
    name: &'static str,
    value: f64,
    /// Lowest and highest, where it is the median of rounds.
    spread: Option<(f64, f64)>,
}

#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    pub(crate) fn add(&mut self, name: &'static str, value: f64) {
        self.0.push(Figure { name, value, spread: None });
    }

    /// Adds the median of rounds.
    pub(crate) fn add_median(&mut self, name: &'static str, rounds: &Rounds) -> Result<()> {
        let spread = Some((rounds.lowest(), rounds.highest()));
        self.0.push(Figure { name, value: rounds.median()?, spread });
        Ok(())
    }

    /// One flat object: every figure under its name, `…_lowest` and `…_highest` of
    /// those with several rounds, and the machine.
    pub(crate) fn as_json(&self, machine: &Machine) -> Value {
        let mut object: Map<String, Value> = Map::new();
        for Figure { name, value, spread } in &self.0 {
            object.insert((*name).to_owned(), json!(rounded(*value)));
            if let Some((lowest, highest)) = spread {
                object.insert(format!("{name}_lowest"), json!(rounded(*lowest)));
                object.insert(format!("{name}_highest"), json!(rounded(*highest)));
            }
        }
        object.insert("targets_missed".to_owned(), json!(self.missed()));
        object.extend(machine.as_json());
        Value::Object(object)
    }

    fn missed(&self) -> usize {
        let missed = |figure: &&Figure| Target::of(figure.name).is_some_and(|it| !it.is_met(figure.value));
        self.0.iter().filter(missed).count()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30} {:>12}  {:<20}  {:<8}", "figure", "value", "lowest to highest", "target")?;
        for figure in &self.0 {
            writeln!(f, "{figure}")?;
        }
        match self.missed() {
            0 => write!(f, "\nNo target is missed."),
            missed => write!(f, "\n{missed} of the targets missed."),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, spread } = self;
        write!(f, "{name:<30} {:>12}", shown(*value))?;
        let spread = spread.map(|(lowest, highest)| format!("{} to {}", shown(lowest), shown(highest)));
        let Some(target) = Target::of(name) else {
            return write!(f, "  {}", spread.unwrap_or_default());
        };
        let verdict = if target.is_met(*value) { "ok" } else { "missed" };
        write!(f, "  {:<20}  {:<8}  {verdict}", spread.unwrap_or_default(), target.to_string())
    }
}

fn shown(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.3}") } else { format!("{value:.1}") }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_its_bound() {
        let met = |name, value| Target::of(name).unwrap().is_met(value);
        assert!(met("start_ms", 149.9) && !met("start_ms", 150.0));
        assert!(met("me_p99_storm_ratio", 3.0) && !met("me_p99_storm_ratio", 3.001));
        assert!(met("lanes_best_ratio", 2.5) && !met("lanes_best_ratio", 2.499));
        assert!(met("storm_ratio", 2.3) && !met("storm_ratio", 2.299));
        assert!(met("lone_ratio", 1.05) && !met("lone_ratio", 1.051));
    }

    #[test]
    fn one_client_of_a_flood_that_is_not_answered_misses_the_target() {
        let all = Target::of("flood_answered").unwrap();
        assert!(all.is_met(1.0) && !all.is_met(99_999.0 / 100_000.0));
    }

    #[test]
    fn one_more_or_fewer_than_a_shared_limit_allows_misses_the_target() {
        let exact = Target::of("limits_admitted_ratio").unwrap();
        let admitted = |count| exact.is_met(f64::from(count) / 1000.0);
        assert!(admitted(1000) && !admitted(1001) && !admitted(999));
    }

    #[test]
    fn a_missed_target_is_counted_and_said() {
        let mut figures = Figures::default();
        figures.add("start_ms", 151.0);
        figures.add("start_existing_ms", 1000.0);
        figures.add("idle_rss_mb", 20.0);
        assert_eq!(figures.missed(), 1);
        let table = figures.to_string();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(line("start_ms").ends_with("missed"));
        assert!(line("idle_rss_mb").ends_with("ok"));
        assert!(line("start_existing_ms").ends_with("1000.0  "));
    }
}
