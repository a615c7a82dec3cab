//! What operators see of messages.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{AccountName, AccountQuery, FigureDimension, FigureGroup, FigureWindow, SendFigures};
use fixtures::{clock, email, now, phone, unavailable, user};
use ports::{AccountEntry, FigureCell, MockAccountDirectory, MockSendTraceStore};
use use_cases::{Fault, ShowFigures, TraceMessages, TraceMessagesError};

fn traces_of_the_number() -> MockSendTraceStore {
    let mut traces = MockSendTraceStore::new();
    traces
        .expect_list_traces()
        .withf(|told, most| *told == phone() && *most == 20)
        .once()
        .return_once(|_, _| Ok(Vec::new()));
    traces
}

#[tokio::test]
async fn a_number_is_traced_without_an_account() {
    let (directory, traces) = (MockAccountDirectory::new(), traces_of_the_number());
    let trace = TraceMessages { directory: Arc::new(directory), traces: Arc::new(traces) };
    assert_eq!(trace.execute(&AccountName::Phone(phone()), 20).await.unwrap(), []);
}

#[tokio::test]
async fn other_names_stand_for_the_number_of_their_account() {
    for name in [AccountName::Email(email()), AccountName::Id(user().id)] {
        let mut directory = MockAccountDirectory::new();
        let query = AccountQuery::Named(name.clone());
        directory
            .expect_find_accounts()
            .withf(move |told, after, most| *told == query && after.is_none() && *most == 1)
            .once()
            .return_once(|_, _, _| Ok(vec![AccountEntry { lock: None, user: user() }]));
        let trace =
            TraceMessages { directory: Arc::new(directory), traces: Arc::new(traces_of_the_number()) };
        assert_eq!(trace.execute(&name, 20).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_name_without_account_is_not_found() {
    let mut directory = MockAccountDirectory::new();
    directory.expect_find_accounts().once().return_once(|_, _, _| Ok(Vec::new()));
    let trace = TraceMessages { directory: Arc::new(directory), traces: Arc::new(MockSendTraceStore::new()) };
    let answer = trace.execute(&AccountName::Email(email()), 20).await;
    assert!(matches!(answer, Err(TraceMessagesError::NotFound)));
}

#[tokio::test]
async fn figures_are_of_the_window_that_ends_now() {
    let window = FigureWindow::last_hours(3, now());
    let by = [FigureDimension::Channel];
    let mut traces = MockSendTraceStore::new();
    traces
        .expect_list_figures()
        .withf(move |query| query.window == window && query.by == by && query.most == ShowFigures::MOST)
        .once()
        .return_once(|_| {
            let figures = SendFigures { sent: 2, ..SendFigures::default() };
            Ok(vec![FigureCell { group: FigureGroup::default(), point: 2, figures }])
        });
    let show = ShowFigures { clock: clock(), traces: Arc::new(traces) };
    let figures = show.execute(3, &by).await.unwrap();
    assert_eq!((figures.window, figures.by), (window, by.to_vec()));
    let sent: Vec<u64> = figures.lines[0].series.iter().map(|step| step.sent).collect();
    assert_eq!((figures.lines.len(), sent), (1, vec![0, 0, 2]));

    let mut traces = MockSendTraceStore::new();
    traces.expect_list_figures().once().return_once(|_| Err(unavailable()));
    let show = ShowFigures { clock: clock(), traces: Arc::new(traces) };
    assert!(matches!(show.execute(3, &by).await, Err(Fault::DatabaseUnavailable(_))));
}
