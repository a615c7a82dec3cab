//! Logs: for people in a terminal, JSON lines everywhere else.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::settings::{LogFormat, LogSettings};

/// Our crates: the only ones that may log below `info`.
const OURS: [&str; 10] = [
    "adapters_crypto",
    "adapters_postgres",
    "adapters_sinch",
    "adapters_sqlite",
    "domain",
    "http_actix",
    "otp_login",
    "ports",
    "sinch_simulator",
    "use_cases",
];

/// Whether people read the logs.
pub(crate) fn is_for_people(settings: &LogSettings) -> bool {
    match settings.format {
        LogFormat::Auto => io::stdout().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    }
}

/// Starts logging to standard output.
pub(crate) fn start(settings: &LogSettings) {
    let filter = EnvFilter::new(&settings.filter).and(harmless());
    let lines = tracing_subscriber::fmt::layer();
    let layer = if is_for_people(settings) {
        lines.with_target(false).with_ansi(io::stdout().is_terminal()).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(true).boxed()
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    std::panic::set_hook(Box::new(|panic| {
        // The message may quote what a user typed; the place cannot.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(event = "panic", place);
    }));
}

/// Drivers write statements with their values, and libraries write whole
/// numbers, at the levels below `info`. No setting can switch those on.
fn harmless() -> Targets {
    let ours = OURS.into_iter().map(|target| (target, LevelFilter::TRACE));
    Targets::new()
        .with_default(LevelFilter::INFO)
        // Complains, as an error, of every request that a stranger garbles.
        .with_target("actix_http", LevelFilter::OFF)
        .with_targets(ours)
}
