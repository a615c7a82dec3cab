//! Logs: for people in a terminal, JSON lines everywhere else.

mod escaping;

use std::io::{self, IsTerminal};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, Targets},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use self::escaping::Escaping;
use crate::settings::{LogFormat, LogSettings};

/// Our crates: the only ones that may log below `info`.
const OURS: [&str; 15] = [
    "adapters_crypto",
    "adapters_postgres",
    "adapters_self_issued",
    "adapters_sinch",
    "adapters_sqlite",
    "adapters_twilio",
    "adapters_vonage",
    "adapters_webhooks",
    "domain",
    "http_actix",
    "otp_login",
    "ports",
    "provider_http",
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
    let colours = is_for_people(settings) && io::stdout().is_terminal();
    let lines = lines(is_for_people(settings), colours, io::stdout);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(|panic| {
        // The message may quote what a user typed; the place cannot.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(event = "panic", place);
    }));
}

/// One line for each event.
fn lines<S, W: io::Write>(
    for_people: bool,
    colours: bool,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let writer = move || Escaping { lines: writer(), colours };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    if for_people {
        lines.with_target(false).with_ansi(colours).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(true).boxed()
    }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What a client could send, if any of it reached a line.
    const SENT: &str = "one\r\ntwo \u{1b}[2J \u{202e}\u{2066}\u{200b}\u{feff}\u{9b} end";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(for_people: bool) -> String {
        let log = Log::default();
        let sink = log.clone();
        let subscriber = tracing_subscriber::registry().with(lines(for_people, false, move || sink.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", from.client = SENT, shown = %SENT);
            let _entered = span.enter();
            tracing::info!(from.client = SENT, shown = %SENT, debugged = ?SENT, "{SENT}");
        });
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn asvs_16_4_1_nothing_that_a_client_sends_forges_a_line_in_any_format() {
        for for_people in [true, false] {
            let line = logged(for_people);
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(line.trim_end().chars().all(|c| matches!(c, ' '..='~')), "{line:?}");
        }
        let line: serde_json::Value = serde_json::from_str(&logged(false)).unwrap();
        assert_eq!((&line["message"], &line["shown"]), (&SENT.into(), &SENT.into()), "nothing is lost");
    }
}
