//! The fraud shield, for operators at a terminal.

use std::{fmt::Write, sync::Arc};

use adapters_crypto::SystemClock;
use anyhow::{Context, anyhow};
use domain::{Outcome, PhoneNumber, RuleMode, SendOrigin, Shield, ShieldRule, ShieldScope, Tally, Verdict};
use jiff::{Timestamp, Unit};
use use_cases::{BlockEntry, ExplainNumber, Explanation, ListBlocks, Unblock};

use crate::{
    cli::Fraud,
    commands::{Failure, runtime, stdout::print},
    settings::Settings,
    wiring::{Database, prices},
};

const OUT_OF_REACH: &str =
    "the counters of the shield cannot be read (`otp-login migrate up` makes their tables)";

pub(crate) fn run(settings: &Settings, command: &Fraud) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let database = Database::open(&settings.database).await.context("the database cannot be used")?;
        match command {
            Fraud::Explain { number } => explain(settings, &database, number).await,
            Fraud::Blocks => Ok(blocks(&database).await?),
            Fraud::Unblock { scope } => unblock(&database, scope).await,
        }
    })
}

async fn explain(settings: &Settings, database: &Database, number: &str) -> Result<(), Failure> {
    let phone = PhoneNumber::parse(number, None).map_err(|error| Failure::Usage(anyhow!(error)))?;
    let shield = settings.shield.clone();
    let explain = ExplainNumber {
        clock: Arc::new(SystemClock),
        store: database.shield(),
        destinations: settings.destinations.clone(),
        shield: shield.clone(),
        prices: prices(settings, database).await.prices,
    };
    let explanations = explain.execute(&phone).await.context(OUT_OF_REACH)?;
    let mut text = String::new();
    for explanation in &explanations {
        describe(&mut text, explanation, &shield).context("the explanation cannot be written")?;
    }
    Ok(print(text.trim_end())?)
}

fn describe(text: &mut String, explanation: &Explanation, shield: &Shield) -> std::fmt::Result {
    let Explanation { send, destination, seen, is_guarded, ruling } = explanation;
    if send.origin == SendOrigin::Stranger {
        let country = send.country.map_or_else(|| "no country".to_owned(), |country| country.to_string());
        writeln!(text, "Prefix {}, {country}.", send.prefix())?;
        match destination {
            Ok(()) => writeln!(text, "Numbers of this kind and country get codes.")?,
            Err(reason) => writeln!(text, "Refused whoever asks: {reason}.")?,
        }
        let attack = if *is_guarded { "An attack is under way" } else { "No attack is under way" };
        writeln!(text, "{attack}; {} prefixes are blocked.", seen.blocked_prefixes)?;
    }
    let who = match send.origin {
        SendOrigin::Stranger => "Registration or change of number (strangers)",
        SendOrigin::Blind => "Forgotten password or sign-in by phone alone",
        SendOrigin::Owner => "Sign-in or step-up after the right password",
    };
    let verdict = match &ruling.verdict {
        Verdict::Admit if destination.is_ok() => "would be sent".to_owned(),
        Verdict::Admit => "would not be sent".to_owned(),
        Verdict::Refuse(it) => {
            format!("would be refused by {} of {} until {}", it.rule.as_str(), it.scope, shown(it.retry_at))
        }
    };
    writeln!(text, "\n{who}: {verdict}.")?;
    for rule in ShieldRule::ALL {
        let finding = ruling.findings.iter().find(|finding| finding.rule == rule);
        let (counted, mode) = (counted(rule, explanation, shield), mode(shield.mode(rule)));
        let says =
            finding.map_or_else(String::new, |it| format!(": {} ({})", outcome(it.outcome), it.reason));
        writeln!(text, "  {:<11} {mode:<8} {counted}{says}", rule.as_str())?;
    }
    Ok(())
}

fn counted(rule: ShieldRule, explanation: &Explanation, shield: &Shield) -> String {
    let seen = &explanation.seen;
    let entered = |tally: Tally| format!("{} of {} codes were entered", tally.entered, tally.sent);
    match rule {
        ShieldRule::Velocity => {
            format!(
                "{} of {} messages to the prefix this hour",
                seen.prefix_hour.sent, shield.velocity.per_hour
            )
        }
        ShieldRule::Sequence => {
            format!("{} of {} neighbouring numbers this hour", seen.neighbours, shield.sequence.most)
        }
        ShieldRule::Unanswered => {
            let rule = shield.unanswered;
            let most = if explanation.is_guarded { rule.most_guarded.min(rule.most) } else { rule.most };
            format!("{} of {most} codes to the prefix are unanswered", seen.prefix.unanswered)
        }
        ShieldRule::Conversion => format!("{} in the country this hour", entered(seen.country_hour)),
        ShieldRule::Budget => {
            let most = shield.budget.messages.day;
            let most = most.map_or_else(|| "any number of".to_owned(), |most| most.to_string());
            format!("{} of {most} messages today, which cost {}", seen.usage.day.sent, seen.usage.day.cost)
        }
    }
}

const fn mode(mode: RuleMode) -> &'static str {
    mode.as_str()
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Block => "refuses".to_owned(),
        Outcome::WouldBlock => "would refuse".to_owned(),
        Outcome::Warning(percent) => format!("warns at {percent} %"),
        Outcome::Heal => "comes free".to_owned(),
    }
}

async fn blocks(database: &Database) -> anyhow::Result<()> {
    let list = ListBlocks { clock: Arc::new(SystemClock), store: database.shield() };
    let entries = list.execute().await.context(OUT_OF_REACH)?;
    if entries.is_empty() {
        return print("Nothing is blocked.");
    }
    let mut text = String::new();
    writeln!(text, "{:<13} {:<11} {:<21} {:>8} {:>7}", "BLOCKED", "RULE", "UNTIL", "REFUSED", "IN A ROW")?;
    for BlockEntry { scope, block, strikes } in entries {
        let (scope, rule, until) = (scope.to_string(), block.rule.as_str(), shown(block.until));
        writeln!(text, "{scope:<13} {rule:<11} {until:<21} {:>8} {strikes:>7}", block.refused)?;
    }
    print(text.trim_end())
}

async fn unblock(database: &Database, scope: &ShieldScope) -> Result<(), Failure> {
    let was_held = Unblock { store: database.shield() }.execute(scope).await.context(OUT_OF_REACH)?;
    if !was_held {
        let listed = "`otp-login fraud blocks` lists what is blocked";
        return Err(Failure::Usage(anyhow!("nothing is held against {scope}; {listed}")));
    }
    Ok(print(&format!("Nothing is held against {scope} any more."))?)
}

/// To the second: nobody needs more.
fn shown(time: Timestamp) -> String {
    time.round(Unit::Second).unwrap_or(time).to_string()
}
