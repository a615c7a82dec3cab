//! What this process counts, for whoever collects it.

use std::{fmt, sync::Arc};

use domain::{Arrival, EntryTimes, SendLabels};
use http_actix::MeasuredText;
use ports::{MeteredStep, SendMeter};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::Registry,
};

/// Where a message goes. As many as there are channels and countries: no number, prefix or account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Destination {
    provider: String,
    channel: String,
    country: String,
}

impl From<&SendLabels> for Destination {
    fn from(labels: &SendLabels) -> Self {
        Self {
            provider: labels.provider.to_owned(),
            channel: labels.channel.as_str().to_owned(),
            country: labels.country.clone(),
        }
    }
}

/// Why a message certainly did not leave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    provider: String,
    channel: String,
    country: String,
    reason: String,
}

/// What came of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallbackResult {
    result: String,
}

/// Everything that this process counts. Starts at zero with the process; replicas are added up by
/// whoever collects.
pub(crate) struct Metrics {
    registry: Registry,
    sent: Family<Destination, Counter>,
    not_sent: Family<Refusal, Counter>,
    delivered: Family<Destination, Counter>,
    failed: Family<Destination, Counter>,
    cost: Family<Destination, Counter>,
    time_to_code: Family<Destination, Histogram, fn() -> Histogram>,
    callbacks: Family<CallbackResult, Counter>,
}

fn entry_times() -> Histogram {
    Histogram::new(EntryTimes::BOUNDS.into_iter().map(f64::from))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("otp_login");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        let (sent, delivered, failed) = (Family::default(), Family::default(), Family::default());
        let (not_sent, cost, callbacks) = (Family::default(), Family::default(), Family::default());
        let time_to_code = Family::new_with_constructor(entry_times as fn() -> Histogram);
        registry.register("messages_sent", "Messages with codes that left, or may have left", sent.clone());
        registry.register("messages_not_sent", "Messages that certainly did not leave", not_sent.clone());
        registry.register("messages_delivered", "Messages that are known to have arrived", delivered.clone());
        registry.register("messages_failed", "Messages that the provider could not deliver", failed.clone());
        registry.register(
            "message_cost_millionths",
            "What messages were taken to cost when they were sent, in millionths of the currency of the prices",
            cost.clone(),
        );
        registry.register(
            "time_to_code_seconds",
            "Time from a message to its right code",
            time_to_code.clone(),
        );
        registry.register("provider_callbacks", "Callbacks of providers", callbacks.clone());
        Self { registry, sent, not_sent, delivered, failed, cost, time_to_code, callbacks }
    }

    /// In the `OpenMetrics` text format.
    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// What the listener for metrics answers.
    pub(crate) fn measured(self: &Arc<Self>) -> MeasuredText {
        let metrics = self.clone();
        // Writing to a text does not fail.
        Arc::new(move || metrics.text().unwrap_or_default())
    }
}

impl SendMeter for Metrics {
    fn count_step(&self, labels: &SendLabels, step: MeteredStep) {
        let destination = Destination::from(labels);
        match step {
            MeteredStep::Sent { cost } => {
                self.sent.get_or_create(&destination).inc();
                self.cost.get_or_create(&destination).inc_by(cost.0);
            }
            MeteredStep::NotSent(settlement) => {
                let Destination { provider, channel, country } = destination;
                let reason = settlement.as_str().to_owned();
                self.not_sent.get_or_create(&Refusal { provider, channel, country, reason }).inc();
            }
            MeteredStep::Came(Arrival::Arrived) => {
                self.delivered.get_or_create(&destination).inc();
            }
            MeteredStep::Came(Arrival::Failed) => {
                self.failed.get_or_create(&destination).inc();
            }
            MeteredStep::Came(Arrival::Unknown) => {}
            MeteredStep::Entered { took } => {
                self.time_to_code.get_or_create(&destination).observe(took.as_secs_f64());
            }
        }
    }

    fn count_callback(&self, result: &'static str) {
        self.callbacks.get_or_create(&CallbackResult { result: result.to_owned() }).inc();
    }
}

#[cfg(test)]
mod tests {
    use domain::{Channel, Money, Settlement};
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn lg_01_what_is_counted_is_told_by_provider_channel_and_country_alone() {
        let metrics = Arc::new(Metrics::new());
        let labels = SendLabels { provider: "sinch", channel: Channel::Sms, country: "SE".to_owned() };
        for step in [
            MeteredStep::Sent { cost: Money(45_300) },
            MeteredStep::NotSent(Settlement::TooSoon),
            MeteredStep::Came(Arrival::Failed),
            MeteredStep::Came(Arrival::Arrived),
            MeteredStep::Entered { took: SignedDuration::from_secs(15) },
        ] {
            metrics.count_step(&labels, step);
        }
        metrics.count_callback("forged");

        let text = (metrics.measured())();

        let labels = r#"provider="sinch",channel="sms",country="SE""#;
        for line in [
            format!("otp_login_messages_sent_total{{{labels}}} 1"),
            format!(r#"otp_login_messages_not_sent_total{{{labels},reason="too_soon"}} 1"#),
            format!("otp_login_messages_failed_total{{{labels}}} 1"),
            format!("otp_login_messages_delivered_total{{{labels}}} 1"),
            format!("otp_login_message_cost_millionths_total{{{labels}}} 45300"),
            format!("otp_login_time_to_code_seconds_sum{{{labels}}} 15.0"),
            format!("otp_login_time_to_code_seconds_count{{{labels}}} 1"),
            r#"otp_login_provider_callbacks_total{result="forged"} 1"#.to_owned(),
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
