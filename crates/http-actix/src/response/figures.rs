//! Figures of messages, and what providers are answered.

use domain::{FigureDimension, FigureLine, SendFigures};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use use_cases::Figures;
use utoipa::ToSchema;

/// Whether a message may be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct PermissionAnswer {
    /// `allow` or `deny`.
    #[schema(examples("allow"))]
    pub(crate) action: &'static str,
}

/// What became of messages in a span of time.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryStatistics)]
pub(crate) struct FiguresAnswer {
    since: Timestamp,
    until: Timestamp,
    /// How long each step of `series` is.
    #[schema(examples(3600))]
    step_seconds: i64,
    /// Those with the most messages first.
    groups: Vec<FigureGroupBody>,
}

/// Messages that have in common what was asked for. Each message is counted when it was sent,
/// whenever it arrived or its code was entered.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryGroup)]
pub(crate) struct FigureGroupBody {
    /// Two letters; empty when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("SE"))]
    country: Option<String>,
    /// The numbers without their last four digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("+4670123"))]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("sms"))]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("sinch"))]
    provider: Option<String>,
    /// Messages that left, or may have left.
    sent: u64,
    /// Those that are known to have arrived.
    delivered: u64,
    /// Those that the provider could not deliver.
    failed: u64,
    /// Those whose right code was entered.
    entered: u64,
    /// As providers quoted it, else by the prices of the settings; a decimal number.
    #[schema(examples("1.359000"))]
    cost: String,
    /// How soon codes were entered; null while none was.
    #[schema(required = true)]
    time_to_code: Option<TimeToCodeBody>,
    /// Step by step, the oldest first.
    series: Vec<FigureStepBody>,
}

/// How long people took from the message to its code.
#[derive(Serialize, ToSchema)]
#[schema(as = TimeToCode)]
pub(crate) struct TimeToCodeBody {
    /// Estimated; 300 is 300 or more.
    #[schema(examples(14.5))]
    median_seconds: f64,
    /// Estimated; 300 is 300 or more.
    #[schema(examples(48.0))]
    p95_seconds: f64,
}

/// One step of the span.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryStep)]
pub(crate) struct FigureStepBody {
    sent: u64,
    delivered: u64,
    entered: u64,
}

impl From<SendFigures> for FigureStepBody {
    fn from(figures: SendFigures) -> Self {
        Self { sent: figures.sent, delivered: figures.delivered, entered: figures.entered.count }
    }
}

impl FigureGroupBody {
    fn of(line: FigureLine, by: &[FigureDimension]) -> Self {
        let FigureLine { group, total, series } = line;
        let asked = |dimension| by.contains(&dimension).then(|| group.get(dimension).to_owned());
        let times = total.entered.percentile(50).zip(total.entered.percentile(95));
        Self {
            country: asked(FigureDimension::Country),
            prefix: asked(FigureDimension::Prefix),
            channel: asked(FigureDimension::Channel),
            provider: asked(FigureDimension::Provider),
            sent: total.sent,
            delivered: total.delivered,
            failed: total.failed,
            entered: total.entered.count,
            cost: total.cost.exact(),
            time_to_code: times.map(|(median, p95)| TimeToCodeBody {
                median_seconds: seconds(median),
                p95_seconds: seconds(p95),
            }),
            series: series.into_iter().map(FigureStepBody::from).collect(),
        }
    }
}

fn seconds(time: SignedDuration) -> f64 {
    time.as_secs_f64()
}

impl From<Figures> for FiguresAnswer {
    fn from(figures: Figures) -> Self {
        let Figures { window, by, lines } = figures;
        Self {
            since: window.since,
            until: window.until,
            step_seconds: window.step_seconds(),
            groups: lines.into_iter().map(|line| FigureGroupBody::of(line, &by)).collect(),
        }
    }
}
