//! A user's own sessions with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::{EventName, SessionId};
use fixtures::{
    Log, client, clock, fresh_id, live_session, new_event, now, principal, secrets, session_entries,
    stale_principals, unavailable, user,
};
use mockall::predicate::eq;
use ports::{MockSessionStore, StoreError};
use use_cases::{EndOtherSessions, EndSession, EndSessionError, Fault, ListSessions};

/// A session that the user names.
fn named() -> SessionId {
    SessionId(fresh_id(0x5E55))
}

fn list(sessions: MockSessionStore) -> ListSessions {
    ListSessions { clock: clock(), sessions: Arc::new(sessions) }
}

fn end(sessions: MockSessionStore) -> EndSession {
    EndSession { clock: clock(), secrets: secrets(), sessions: Arc::new(sessions) }
}

fn end_others(sessions: MockSessionStore) -> EndOtherSessions {
    EndOtherSessions { clock: clock(), secrets: secrets(), sessions: Arc::new(sessions) }
}

/// The store answers the wish to end a session with this.
fn ending(answer: Result<bool, StoreError>) -> EndSession {
    let mut sessions = MockSessionStore::new();
    sessions.expect_end().once().return_once(|_, _, _, _| answer);
    end(sessions)
}

// Seeing them.

#[tokio::test]
async fn asvs_7_5_2_users_see_their_own_live_sessions_as_the_store_orders_them() {
    let mut sessions = MockSessionStore::new();
    sessions
        .expect_list_sessions()
        .with(eq(user().id), eq(now()))
        .once()
        .return_once(|_, _| Ok(session_entries()));
    assert_eq!(list(sessions).execute(&principal()).await.unwrap(), session_entries());
}

#[tokio::test]
async fn asvs_16_5_2_no_list_is_made_up_without_the_database() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_list_sessions().once().return_once(|_, _| Err(unavailable()));
    let fault = list(sessions).execute(&principal()).await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");
}

// Ending one.

#[tokio::test]
async fn asvs_7_5_2_a_user_ends_the_session_that_was_named() {
    let mut sessions = MockSessionStore::new();
    sessions
        .expect_end()
        .with(eq(named()), eq(user().id), eq(new_event(1, EventName::TokenRevoked)), eq(now()))
        .once()
        .return_once(|_, _, _, _| Ok(true));
    end(sessions).execute(&principal(), named(), client()).await.unwrap();
}

#[tokio::test]
async fn a_user_may_end_the_session_that_asks() {
    let mut sessions = MockSessionStore::new();
    sessions
        .expect_end()
        .withf(|id, _, _, _| *id == live_session().id)
        .once()
        .return_once(|_, _, _, _| Ok(true));
    end(sessions).execute(&principal(), principal().session_id, client()).await.unwrap();
}

/// The store is asked for a session of this user, so that it alone tells the cases apart.
#[tokio::test]
async fn asvs_8_2_1_a_session_that_is_not_ones_own_is_as_unknown_as_one_that_never_was() {
    let refusal = ending(Ok(false)).execute(&principal(), named(), client()).await.unwrap_err();
    assert!(matches!(refusal, EndSessionError::NotFound), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_unknown_session() {
    let refusal = ending(Err(unavailable())).execute(&principal(), named(), client()).await.unwrap_err();
    assert!(matches!(refusal, EndSessionError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Ending the others.

#[tokio::test]
async fn asvs_7_5_2_a_user_ends_all_sessions_but_the_one_that_asks() {
    let mut sessions = MockSessionStore::new();
    sessions
        .expect_end_others()
        .with(eq(live_session().id), eq(user().id), eq(new_event(1, EventName::TokenRevoked)), eq(now()))
        .once()
        .return_once(|_, _, _, _| Ok(2));
    end_others(sessions).execute(&principal(), client()).await.unwrap();
}

#[tokio::test]
async fn a_user_without_other_sessions_has_ended_them_all() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_end_others().once().return_once(|_, _, _, _| Ok(0));
    end_others(sessions).execute(&principal(), client()).await.unwrap();
}

#[tokio::test]
async fn asvs_16_5_2_others_that_could_not_be_ended_are_a_fault() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_end_others().once().return_once(|_, _, _, _| Err(unavailable()));
    let fault = end_others(sessions).execute(&principal(), client()).await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");
}

// Whoever lost a device must not need it to end its session.
#[tokio::test]
async fn sessions_are_seen_and_ended_without_a_fresh_sign_in() {
    for stale in stale_principals() {
        let mut sessions = MockSessionStore::new();
        sessions.expect_list_sessions().once().return_once(|_, _| Ok(session_entries()));
        list(sessions).execute(&stale).await.unwrap();
        ending(Ok(true)).execute(&stale, named(), client()).await.unwrap();
        let mut sessions = MockSessionStore::new();
        sessions.expect_end_others().once().return_once(|_, _, _, _| Ok(1));
        end_others(sessions).execute(&stale, client()).await.unwrap();
    }
}

// What is logged.

#[tokio::test]
async fn lg_03_an_ended_session_is_logged_and_one_that_did_not_end_is_not() {
    let log = Log::listen();
    ending(Ok(false)).execute(&principal(), named(), client()).await.unwrap_err();
    assert!(!log.text().contains("authn_token_revoked"), "{}", log.text());

    ending(Ok(true)).execute(&principal(), named(), client()).await.unwrap();

    let text = log.text();
    for part in ["authn_token_revoked", &user().id.0.to_string(), &named().0.to_string()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for personal in ["ovelace", "0123456", "2001:db8", "curl"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}
