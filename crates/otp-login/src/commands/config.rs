//! Looking at the settings.

use crate::{
    cli::Config,
    commands::stdout::print,
    number_risk::NOT_WATCHED,
    settings::{Settings, Shown},
};

pub(crate) fn run(command: Config, settings: &Settings) -> anyhow::Result<()> {
    print(&match command {
        Config::Show => format!("{}\nnumber risk: {NOT_WATCHED}", table(&settings.shown)),
        Config::Check => verdict(settings),
    })
}

fn table(settings: &[Shown]) -> String {
    let width = settings.iter().map(|shown| shown.key.len()).max().unwrap_or(0);
    let lines = settings.iter().map(|Shown { key, value, origin }| {
        let value = if value.is_empty() { "-" } else { value };
        format!("{key:width$}  {value}  ({origin})")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn verdict(settings: &Settings) -> String {
    let warnings = settings.warnings.iter().map(|warning| format!("Warning: {warning}\n"));
    let environment = settings.environment.as_str();
    format!("{}The configuration for {environment} can be used.", warnings.collect::<String>())
}
