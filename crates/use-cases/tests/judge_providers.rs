//! Providers whose codes are not entered any more.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    EntryTimes, FigureDimension, FigureGroup, FigureWindow, ProviderConversionRule, RuleMode, SendFigures,
};
use fixtures::{clock, now, unavailable};
use jiff::SignedDuration;
use ports::{FigureCell, MockSendTraceStore};
use use_cases::JudgeProviders;

fn cell(provider: &str, point: u32, sent: u64, entered: u64) -> FigureCell {
    let group =
        FigureGroup { provider: provider.to_owned(), country: "SE".to_owned(), ..FigureGroup::default() };
    let entered = EntryTimes { count: entered, ..EntryTimes::default() };
    FigureCell { group, point, figures: SendFigures { sent, entered, ..SendFigures::default() } }
}

fn judge(mode: RuleMode, traces: MockSendTraceStore) -> JudgeProviders {
    let rule = ProviderConversionRule { mode, least_sends: 30, collapse_percent: 40 };
    JudgeProviders { clock: clock(), traces: Arc::new(traces), rule }
}

#[tokio::test]
async fn the_last_two_hours_are_compared_with_the_week_before_them() {
    let lately = FigureWindow::last_hours(2, now());
    let mut traces = MockSendTraceStore::new();
    traces.expect_list_figures().times(2).returning(move |query| {
        assert_eq!(query.by, [FigureDimension::Provider, FigureDimension::Country]);
        if query.window == lately {
            return Ok(vec![cell("sinch", 0, 20, 1), cell("sinch", 1, 20, 1), cell("vonage", 1, 40, 36)]);
        }
        assert!(query.window.until < lately.since, "no message is compared with itself");
        assert_eq!(query.window.since, FigureWindow::hour(lately.since - SignedDuration::from_hours(168)));
        Ok(vec![cell("sinch", 3, 500, 450), cell("vonage", 3, 500, 450)])
    });
    let collapsed = judge(RuleMode::Block, traces).execute().await.unwrap();
    let told: Vec<_> = collapsed
        .iter()
        .map(|one| (one.provider.as_str(), one.country.as_str(), one.entered_percent))
        .collect();
    assert_eq!(told, [("sinch", "SE", 5)]);
}

#[tokio::test]
async fn switched_off_nobody_is_asked_and_an_outage_is_told() {
    assert_eq!(judge(RuleMode::Off, MockSendTraceStore::new()).execute().await.unwrap(), []);
    let mut traces = MockSendTraceStore::new();
    traces.expect_list_figures().returning(|_| Err(unavailable()));
    judge(RuleMode::Block, traces).execute().await.unwrap_err();
}
