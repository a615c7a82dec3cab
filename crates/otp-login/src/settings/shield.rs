//! What the fraud shield may refuse, and what messages cost.

use std::ops::RangeInclusive;

use domain::{
    Budget, Ceiling, Channel, ConversionRule, CountryCode, Currency, Guard, Money, Prices, RuleMode,
    SequenceRule, Shield, UnansweredRule, VelocityRule, WorkRule,
};

use super::reader::Reader;

const MODES: [(&str, RuleMode); 3] =
    [("block", RuleMode::Block), ("observe", RuleMode::Observe), ("off", RuleMode::Off)];
const COUNT: RangeInclusive<u32> = 1..=1_000_000;
const PERCENT: RangeInclusive<u32> = 0..=100;

/// What messages cost.
#[derive(Clone)]
pub(crate) struct PriceSettings {
    pub(crate) table: Prices,
    /// The currency of prices and budgets, if what providers quote in it counts.
    pub(crate) quoted_in: Option<Currency>,
}

pub(super) fn read(reader: &mut Reader) -> Shield {
    Shield {
        velocity: VelocityRule {
            mode: mode(reader, "shield.velocity.mode"),
            per_hour: reader.number("shield.velocity.per_hour", COUNT),
        },
        sequence: SequenceRule {
            mode: mode(reader, "shield.sequence.mode"),
            most: reader.number("shield.sequence.most", COUNT),
        },
        unanswered: UnansweredRule {
            mode: mode(reader, "shield.unanswered.mode"),
            most: reader.number("shield.unanswered.most", COUNT),
            most_guarded: reader.number("shield.unanswered.most_guarded", COUNT),
        },
        guard: Guard {
            country: reader.number("shield.guard.country", COUNT),
            service: reader.number("shield.guard.service", COUNT),
            blocked_prefixes: reader.number("shield.guard.blocked_prefixes", COUNT),
        },
        conversion: ConversionRule {
            mode: mode(reader, "shield.conversion.mode"),
            least_sends: reader.number("shield.conversion.least_sends", COUNT),
            warn_percent: reader.number("shield.conversion.warn_percent", PERCENT),
            stop_percent: reader.number("shield.conversion.stop_percent", PERCENT),
        },
        budget: budget(reader),
        work: work(reader),
    }
}

fn work(reader: &mut Reader) -> WorkRule {
    let starts: u32 = reader.number("shield.proof_of_work.starts_per_hour", 0..=1_000_000);
    WorkRule {
        mode: mode(reader, "shield.proof_of_work.mode"),
        // More takes a phone minutes.
        bits: reader.number("shield.proof_of_work.bits", 1..=26),
        starts_per_hour: (starts > 0).then_some(starts),
    }
}

pub(super) fn mode(reader: &mut Reader, key: &str) -> RuleMode {
    reader.one_of(key, &MODES, RuleMode::Block)
}

/// 0 bounds nothing.
fn budget(reader: &mut Reader) -> Budget {
    Budget {
        mode: mode(reader, "budget.mode"),
        messages: messages(reader, "budget.messages"),
        money: money(reader, "budget.money"),
        country_messages: messages(reader, "budget.country_messages"),
        country_money: money(reader, "budget.country_money"),
        reserve_percent: reader.number("budget.reserve_percent", 0..=90),
    }
}

fn messages(reader: &mut Reader, key: &str) -> Ceiling {
    let mut most = |window: &str| {
        let most = reader.number(&format!("{key}_per_{window}"), 0..=1_000_000_000_u64);
        (most > 0).then_some(most)
    };
    Ceiling { hour: most("hour"), day: most("day") }
}

fn money(reader: &mut Reader, key: &str) -> Ceiling {
    let mut most = |window: &str| {
        let most = amount(reader, &format!("{key}_per_{window}"));
        (most.0 > 0).then_some(most.0)
    };
    Ceiling { hour: most("hour"), day: most("day") }
}

fn amount(reader: &mut Reader, key: &str) -> Money {
    reader.parsed(key, Money(0), |text| Money::parse(text).ok_or("write an amount such as 0.075"))
}

pub(super) fn prices(reader: &mut Reader, budget: &Budget) -> PriceSettings {
    let currency = reader.parsed("prices.currency", Currency::default(), Currency::parse);
    let quoted_in = reader.flag("prices.from_provider").then_some(currency);
    PriceSettings { table: table(reader, budget), quoted_in }
}

fn table(reader: &mut Reader, budget: &Budget) -> Prices {
    let mut prices = Prices { default: amount(reader, "prices.default"), ..Prices::default() };
    for name in reader.names("prices") {
        let key = format!("prices.{name}");
        let price = amount(reader, &key);
        if let Err(problem) = add(&mut prices, &name, price) {
            reader.problem(&key, problem);
        }
    }
    let is_bounded = [budget.money, budget.country_money].iter().any(|it| it.hour.or(it.day).is_some());
    if is_bounded && prices.default == Money(0) {
        reader.problem("prices.default", "money is bounded, so it has to be known what a message costs");
    }
    prices
}

/// `name` is that of a country, or of a channel with a country or `default` behind a dot.
fn add(prices: &mut Prices, name: &str, price: Money) -> Result<(), String> {
    let country = |name: &str| CountryCode::parse(name).map_err(|error| error.to_string());
    let Some((channel, name)) = name.split_once('.') else {
        prices.by_country.insert(country(name)?, price);
        return Ok(());
    };
    let channel = Channel::parse(channel).map_err(|error| error.to_string())?;
    let by_channel = prices.by_channel.entry(channel).or_default();
    if name == "default" {
        by_channel.default = Some(price);
    } else {
        by_channel.by_country.insert(country(name)?, price);
    }
    Ok(())
}
