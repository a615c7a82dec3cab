//! Looking at the settings.

use crate::{
    cli::Config,
    settings::{Settings, Shown},
};

pub(crate) fn run(command: Config, settings: &Settings) {
    match command {
        Config::Show => show(settings),
        Config::Check => {
            for warning in &settings.warnings {
                println!("Warning: {warning}");
            }
            println!("The configuration for {} can be used.", settings.environment.as_str());
        }
    }
}

fn show(settings: &Settings) {
    let width = settings.shown.iter().map(|shown| shown.key.len()).max().unwrap_or(0);
    for Shown { key, value, origin } in &settings.shown {
        let value = if value.is_empty() { "-" } else { value };
        println!("{key:width$}  {value}  ({origin})");
    }
}
