//! Sending notices with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{EventId, NoticeKind};
use fixtures::{Log, clock, in_seconds, now, unavailable, user};
use jiff::{SignedDuration, Timestamp};
use mockall::{Sequence, predicate::eq};
use ports::{DueNotice, MockNoticeSender, MockNoticeStore, Notice, NoticeFault, StoreError};
use use_cases::DeliverNotices;
use uuid::Uuid;

/// The event's id ends in a zero, so nothing is added to a pause.
fn due(n: u128, attempt: u32) -> DueNotice {
    let notice = Notice {
        id: EventId(Uuid::from_u128(n << 8)),
        kind: NoticeKind::PasswordChanged,
        phone: user().phone,
        locale: user().locale,
        occurred_at: in_seconds(-1),
    };
    DueNotice { notice, attempt }
}

/// These are due.
fn store(due: Vec<DueNotice>) -> MockNoticeStore {
    let mut store = MockNoticeStore::new();
    store
        .expect_claim_notices()
        .with(eq(8), eq(in_seconds(60)), eq(now()))
        .once()
        .return_once(|_, _, _| Ok(due));
    store
}

fn wire(notices: MockNoticeStore, sender: MockNoticeSender) -> DeliverNotices {
    DeliverNotices { clock: clock(), notices: Arc::new(notices), sender: Arc::new(sender) }
}

fn failing(fault: NoticeFault) -> MockNoticeSender {
    let mut sender = MockNoticeSender::new();
    sender.expect_send().once().return_once(|_| Err(fault));
    sender
}

fn away() -> NoticeFault {
    NoticeFault::Unavailable("status 503".to_owned())
}

#[tokio::test]
async fn a_notice_is_sent_and_then_over() {
    let (mut order, log) = (Sequence::new(), Log::listen());
    let mut store = store(vec![due(1, 1)]);
    let mut sender = MockNoticeSender::new();
    sender.expect_send().with(eq(due(1, 1).notice)).once().in_sequence(&mut order).return_once(|_| Ok(()));
    store.expect_finish_notice().with(eq(due(1, 1))).once().in_sequence(&mut order).return_once(|_| Ok(()));

    let more = wire(store, sender).execute().await.unwrap();

    assert!(!more);
    let number = user().phone;
    assert!(
        log.text().contains("sent a notice") && !log.text().contains(&number.as_e164()[4..]),
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn nothing_is_sent_while_nothing_is_due() {
    assert!(!wire(store(Vec::new()), MockNoticeSender::new()).execute().await.unwrap());
}

#[tokio::test]
async fn a_full_round_may_have_left_some() {
    let mut store = store((1..=8).map(|n| due(n, 1)).collect());
    let mut sender = MockNoticeSender::new();
    sender.expect_send().times(8).returning(|_| Ok(()));
    store.expect_finish_notice().times(8).returning(|_| Ok(()));
    assert!(wire(store, sender).execute().await.unwrap());
}

/// Whatever the store is asked about time, it is in vain.
async fn put_off_after(attempt: u32) -> Option<Timestamp> {
    let mut store = store(vec![due(1, attempt)]);
    let (put_off, asked) = std::sync::mpsc::channel();
    store.expect_put_off_notice().times(0..=1).returning(move |_, at| {
        put_off.send(at).unwrap();
        Ok(())
    });
    store.expect_finish_notice().times(0..=1).returning(|_| Ok(()));
    wire(store, failing(away())).execute().await.unwrap();
    asked.try_recv().ok()
}

#[tokio::test]
async fn what_did_not_go_is_tried_again_and_again_and_then_given_up() {
    let log = Log::listen();
    let hours = |hours| Some(now() + SignedDuration::from_hours(hours));
    assert_eq!(put_off_after(1).await, Some(in_seconds(10)));
    assert_eq!(put_off_after(2).await, Some(in_seconds(60)));
    assert_eq!(put_off_after(6).await, hours(6));
    assert!(!log.text().contains("notice_given_up"));
    assert_eq!(put_off_after(7).await, None);
    assert!(log.text().contains("notice_given_up") && log.text().contains("status 503"), "{}", log.text());
}

#[tokio::test]
async fn what_can_never_go_is_given_up_at_once() {
    let log = Log::listen();
    let mut store = store(vec![due(1, 1)]);
    store.expect_finish_notice().with(eq(due(1, 1))).once().return_once(|_| Ok(()));
    wire(store, failing(NoticeFault::Refused("status 400".to_owned()))).execute().await.unwrap();
    assert!(log.text().contains("notice_given_up"), "{}", log.text());
}

#[tokio::test]
async fn one_that_does_not_go_keeps_no_other() {
    let mut store = store(vec![due(1, 1), due(2, 1)]);
    let mut sender = MockNoticeSender::new();
    sender
        .expect_send()
        .times(2)
        .returning(|notice| if notice.id == due(1, 1).notice.id { Err(away()) } else { Ok(()) });
    store.expect_put_off_notice().with(eq(due(1, 1)), eq(in_seconds(10))).once().return_once(|_, _| Ok(()));
    store.expect_finish_notice().with(eq(due(2, 1))).once().return_once(|_| Ok(()));
    assert!(!wire(store, sender).execute().await.unwrap());
}

#[tokio::test]
async fn a_database_that_is_away_is_said() {
    let mut store = MockNoticeStore::new();
    store.expect_claim_notices().once().return_once(|_, _, _| Err(unavailable()));
    let error = wire(store, MockNoticeSender::new()).execute().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}
