//! What became of messages, for operators at a terminal.

use std::{fmt::Write, sync::Arc};

use adapters_crypto::SystemClock;
use anyhow::{Context, anyhow};
use domain::{AccountName, FigureDimension, FigureLine, SendTrace, sparkline};
use jiff::{SignedDuration, Timestamp, Unit};
use use_cases::{Figures, ShowFigures, TraceMessages, TraceMessagesError};

use crate::{
    cli::{Delivery, Stats},
    commands::{Failure, runtime, stdout::print},
    settings::Settings,
    wiring::Database,
};

const OUT_OF_REACH: &str = "what became of messages cannot be read (`otp-login migrate up` makes the tables)";

pub(crate) fn run(settings: &Settings, command: &Delivery) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let database = Database::open(&settings.database).await.context("the database cannot be used")?;
        match command {
            Delivery::Trace { name, most } => trace(&database, name, *most).await,
        }
    })
}

async fn trace(database: &Database, name: &str, most: u32) -> Result<(), Failure> {
    let name = AccountName::parse(name).map_err(|error| Failure::Usage(anyhow!(error)))?;
    let trace = TraceMessages { directory: database.directory(), traces: database.send_traces() };
    let traces = match trace.execute(&name, most).await {
        Ok(traces) => traces,
        Err(TraceMessagesError::NotFound) => {
            let hint = "somebody who did not finish registering is found by the number only";
            return Err(Failure::Usage(anyhow!("there is no such account; {hint}")));
        }
        Err(TraceMessagesError::Fault(fault)) => {
            return Err(Failure::Other(anyhow::Error::new(fault).context(OUT_OF_REACH)));
        }
    };
    if traces.is_empty() {
        return Ok(print("Nothing was sent lately.")?);
    }
    let mut text = String::new();
    for trace in &traces {
        describe(&mut text, trace).context("the trace cannot be written")?;
    }
    Ok(print(text.trim_end())?)
}

fn describe(text: &mut String, trace: &SendTrace) -> std::fmt::Result {
    let SendTrace { provider, prefix, cost, begun_at, .. } = trace;
    let country = trace.country.as_deref().unwrap_or("no country");
    let (channel, purpose) = (trace.channel.as_str(), trace.purpose.as_str());
    writeln!(text, "{}  {channel} for {purpose} by {provider}: {}", shown(*begun_at), trace.outcome())?;
    let id = trace.provider_id.as_ref().map_or("not known", |id| id.0.as_str());
    writeln!(text, "  to         {prefix}…, {country}; cost {}", cost.exact())?;
    writeln!(text, "  reference  {}", trace.reference.0)?;
    let of_provider = format!("{provider} id");
    writeln!(text, "  {of_provider:<9}  {id}")?;
    let settled = trace.settlement.map_or("unsettled", domain::Settlement::as_str);
    moment(text, trace, "settled", trace.settled_at, settled)?;
    for callback in &trace.callbacks {
        let outcome = callback.outcome.as_deref().unwrap_or("asked whether to send");
        let reason = callback.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        moment(text, trace, &callback.event, Some(callback.said_at), &format!("{outcome}{reason}"))?;
    }
    if trace.arrived_at.is_some() {
        moment(text, trace, "arrival", trace.arrived_at, trace.arrival.as_str())?;
    }
    if trace.entered_at.is_some() {
        moment(text, trace, "entered", trace.entered_at, "the right code")?;
    }
    writeln!(text)
}

/// Something that happened, and how long after the beginning.
fn moment(
    text: &mut String,
    trace: &SendTrace,
    what: &str,
    at: Option<Timestamp>,
    how: &str,
) -> std::fmt::Result {
    match at {
        Some(at) => writeln!(text, "  {what:<9}  {how}, after {}", took(at.duration_since(trace.begun_at))),
        None => writeln!(text, "  {what:<9}  {how}"),
    }
}

/// To the tenth of a second.
fn took(time: SignedDuration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// To the second: nobody needs more.
fn shown(time: Timestamp) -> String {
    time.round(Unit::Second).unwrap_or(time).to_string()
}

pub(crate) fn stats(settings: &Settings, command: &Stats) -> Result<(), Failure> {
    let by = FigureDimension::parse_list(&command.by).map_err(|error| Failure::Usage(anyhow!(error)))?;
    runtime()?.block_on(async {
        let database = Database::open(&settings.database).await.context("the database cannot be used")?;
        let show = ShowFigures { clock: Arc::new(SystemClock), traces: database.send_traces() };
        let figures = show.execute(command.hours, &by).await.context(OUT_OF_REACH)?;
        Ok(print(&table(&figures))?)
    })
}

/// A line for each group, with its messages and its conversion as they went.
fn table(figures: &Figures) -> String {
    if figures.lines.is_empty() {
        return format!("Nothing was sent since {}.", shown(figures.window.since));
    }
    let heads = figures.by.iter().map(|dimension| dimension.as_str().to_uppercase());
    let rest =
        ["SENT", "DELIVERED", "FAILED", "ENTERED", "RATE", "COST", "MEDIAN", "P95", "MESSAGES", "CONVERSION"];
    let head: Vec<String> = heads.chain(rest.map(str::to_owned)).collect();
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(figures.lines.iter().map(|line| cells(line, &figures.by))).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let written = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            // Names and lines begin where they begin; numbers end under each other.
            let is_number = column >= figures.by.len() && column < figures.by.len() + 8;
            if is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    written.collect::<Vec<_>>().join("\n")
}

fn cells(line: &FigureLine, by: &[FigureDimension]) -> Vec<String> {
    let total = &line.total;
    let known = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let within = |percent| {
        total
            .entered
            .percentile(percent)
            .map_or_else(|| "-".to_owned(), |time| format!("{} s", time.as_secs()))
    };
    let sent: Vec<u64> = line.series.iter().map(|step| step.sent).collect();
    let rates: Vec<u64> = line.series.iter().map(|step| percent(step.entered.count, step.sent)).collect();
    let figures = [
        total.sent.to_string(),
        total.delivered.to_string(),
        total.failed.to_string(),
        total.entered.count.to_string(),
        format!("{} %", percent(total.entered.count, total.sent)),
        total.cost.to_string(),
        within(50),
        within(95),
        sparkline(&sent),
        sparkline(&rates),
    ];
    by.iter().map(|dimension| known(line.group.get(*dimension))).chain(figures).collect()
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use domain::{EntryTimes, FigureGroup, FigureWindow, Money, SendFigures};

    use super::*;

    fn step(sent: u64, entered: u64) -> SendFigures {
        let within = [0, entered, entered, entered, entered, entered];
        SendFigures {
            sent,
            delivered: entered,
            failed: 0,
            entered: EntryTimes { count: entered, total_ms: 0, within },
            cost: Money(sent * 45_300),
        }
    }

    #[test]
    fn figures_are_a_table_with_lines() {
        let window = FigureWindow::last_hours(3, "2026-03-14T15:09:26Z".parse().unwrap());
        let by = vec![FigureDimension::Country];
        assert_eq!(
            table(&Figures { window, by: by.clone(), lines: Vec::new() }),
            "Nothing was sent since 2026-03-14T13:00:00Z."
        );
        let group = FigureGroup { country: "SE".to_owned(), ..FigureGroup::default() };
        let cells = [(group, 0, step(4, 2)), (FigureGroup::default(), 2, step(1, 0))];
        let lines = FigureLine::fold(cells, &window);
        let lines: Vec<String> = table(&Figures { window, by, lines }).lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "COUNTRY  SENT  DELIVERED  FAILED  ENTERED  RATE  COST  MEDIAN   P95  MESSAGES  CONVERSION",
                "SE          4          2       0        2  50 %  0.18    15 s  19 s  █         █",
                "-           1          0       0        0   0 %  0.04       -     -    █",
            ]
        );
    }
}
