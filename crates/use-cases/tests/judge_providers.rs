//! Providers whose codes are not entered any more.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{Conversion, ProviderConversionRule, RuleMode};
use fixtures::{clock, now, unavailable};
use jiff::SignedDuration;
use mockall::predicate::eq;
use ports::MockSendTraceStore;
use use_cases::JudgeProviders;

fn of(provider: &str, sent: u64, entered: u64) -> Conversion {
    Conversion { provider: provider.to_owned(), country: "SE".to_owned(), sent, entered }
}

fn judge(traces: MockSendTraceStore) -> JudgeProviders {
    let rule = ProviderConversionRule {
        mode: RuleMode::Block,
        grace: SignedDuration::from_mins(10),
        least_sends: 30,
        collapse_percent: 40,
    };
    JudgeProviders { clock: clock(), traces: Arc::new(traces), rule }
}

#[tokio::test]
async fn the_last_two_hours_are_compared_with_the_day_before_them() {
    let ago = |hours| now() - SignedDuration::from_hours(hours);
    let ten_minutes_ago = now() - SignedDuration::from_mins(10);
    let mut traces = MockSendTraceStore::new();
    let usual = vec![of("sinch", 500, 450), of("vonage", 500, 450)];
    traces.expect_list_conversions().with(eq(ago(26)), eq(ago(2))).once().return_once(|_, _| Ok(usual));
    let lately = vec![of("sinch", 40, 2), of("vonage", 40, 36)];
    traces
        .expect_list_conversions()
        .with(eq(ago(2)), eq(ten_minutes_ago))
        .once()
        .return_once(|_, _| Ok(lately));
    let judge = judge(traces);
    let usual = judge.usual().await.unwrap();
    let collapsed = judge.collapses(&usual).await.unwrap();
    let told: Vec<_> = collapsed
        .iter()
        .map(|one| (one.provider.as_str(), one.country.as_str(), one.entered_percent))
        .collect();
    assert_eq!(told, [("sinch", "SE", 5)]);
}

#[tokio::test]
async fn an_outage_is_told() {
    let mut traces = MockSendTraceStore::new();
    traces.expect_list_conversions().returning(|_, _| Err(unavailable()));
    judge(traces).collapses(&[]).await.unwrap_err();
}
