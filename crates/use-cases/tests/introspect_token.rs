//! What is told of an access token.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{AccessClaims, AuthenticationMethod, SessionId, UserId};
use fixtures::{clock, in_seconds, now};
use jiff::SignedDuration;
use mockall::predicate::eq;
use ports::{InvalidAccessToken, LiveSession, MockAccessTokens, MockApiKeys, MockSessionStore, StoreError};
use use_cases::{ActiveToken, AdmitCaller, CallerRefused, Fault, IntrospectToken};
use uuid::Uuid;

const SESSION: SessionId = SessionId(Uuid::from_u128(2));
const USER: UserId = UserId(Uuid::from_u128(1));

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: USER,
        session_id: SESSION,
        issued_at: in_seconds(-60),
        expires_at: in_seconds(840),
        authenticated_at: in_seconds(-3600),
        methods: vec![AuthenticationMethod::Password],
    }
}

fn introspecting(valid: bool, sessions: MockSessionStore) -> IntrospectToken {
    let mut tokens = MockAccessTokens::new();
    let answer = if valid { Ok(claims()) } else { Err(InvalidAccessToken) };
    tokens.expect_verify().with(eq("a token"), eq(now())).once().return_once(|_, _| answer);
    IntrospectToken {
        clock: clock(),
        tokens: Arc::new(tokens),
        sessions: Arc::new(sessions),
        issuer: "us".to_owned(),
        audience: "them".to_owned(),
    }
}

#[tokio::test]
async fn a_token_of_a_live_session_is_told_as_it_was_issued() {
    let mut sessions = MockSessionStore::new();
    let live = LiveSession {
        id: SESSION,
        user: fixtures::user(),
        authenticated_at: now(),
        methods: vec![],
        expires_at: now() + SignedDuration::from_hours(1),
        absolute_expires_at: now() + SignedDuration::from_hours(1),
    };
    sessions
        .expect_find_live()
        .with(eq(SESSION), eq(USER), eq(now()))
        .once()
        .return_once(|_, _, _| Ok(Some(live)));
    let introspect = introspecting(true, sessions);
    let expected = ActiveToken { claims: claims(), issuer: "us", audience: "them" };
    assert_eq!(introspect.execute("a token").await.unwrap(), Some(expected));
}

#[tokio::test]
async fn asvs_7_4_1_a_token_of_an_ended_session_is_not_active() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_find_live().once().return_once(|_, _, _| Ok(None));
    assert_eq!(introspecting(true, sessions).execute("a token").await.unwrap(), None);
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_not_active_and_costs_no_round_trip() {
    assert_eq!(introspecting(false, MockSessionStore::new()).execute("a token").await.unwrap(), None);
}

#[tokio::test]
async fn asvs_16_5_3_a_token_is_not_called_active_while_the_database_is_away() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_find_live().once().return_once(|_, _, _| Err(StoreError::Unavailable("away".into())));
    let fault = introspecting(true, sessions).execute("a token").await.unwrap_err();
    assert!(matches!(fault, Fault::DatabaseUnavailable(_)), "{fault:?}");
}

#[test]
fn only_a_caller_with_a_key_is_admitted() {
    let mut keys = MockApiKeys::new();
    keys.expect_accept().returning(|presented| presented == "right");
    let admit = AdmitCaller { keys: Arc::new(keys) };
    assert_eq!((admit.execute("right"), admit.execute("wrong")), (Ok(()), Err(CallerRefused)));
}
