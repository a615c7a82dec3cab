//! How to test a use-case: mock the ports it holds, wire it by its struct
//! literal, call `execute`, look at the answer.
//!
//! The mocks come from the feature `mock` of the crate `ports`. A mock panics
//! when it is called in a way that nobody expected, and, when it is dropped,
//! if an expected call never came. So a test also says what must *not*
//! happen, simply by not expecting it.

use std::sync::Arc;

use domain::{AccessClaims, Client, EventId, EventName, SessionId, UserAgent, UserId};
use jiff::Timestamp;
use mockall::predicate::eq;
use ports::{
    InvalidAccessToken, MockAccessTokens, MockClock, MockSecretGenerator, MockSessionStore, NewEvent,
    StoreError,
};
use use_cases::{Fault, LogOut, LogOutError};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const USER: UserId = UserId(Uuid::from_u128(1));
const SESSION: SessionId = SessionId(Uuid::from_u128(2));
const EVENT: EventId = EventId(Uuid::from_u128(3));

#[tokio::test]
async fn logging_out_ends_the_session_of_the_token() {
    let mut sessions = MockSessionStore::new();
    // `with` says which arguments are right, `once` that a second call is wrong.
    let event = NewEvent { id: EVENT, name: EventName::TokenRevoked, client: client(), notify: None };
    sessions
        .expect_end()
        .with(eq(SESSION), eq(USER), eq(event), eq(NOW))
        .once()
        .return_once(|_, _, _, _| Ok(true));

    let outcome = log_out(token_of_the_session(), sessions).execute("a token", client()).await;

    outcome.unwrap();
}

#[tokio::test]
async fn a_forged_token_is_refused_without_asking_the_database() {
    let mut tokens = MockAccessTokens::new();
    tokens.expect_verify().with(eq("a forged token"), eq(NOW)).return_once(|_, _| Err(InvalidAccessToken));
    // Nothing is expected of the store: any call would fail this test.
    let sessions = MockSessionStore::new();

    let refusal = log_out(tokens, sessions).execute("a forged token", client()).await.unwrap_err();

    assert!(matches!(refusal, LogOutError::InvalidToken), "{refusal:?}");
}

#[tokio::test]
async fn a_session_that_is_over_cannot_end_again() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_end().return_once(|_, _, _, _| Ok(false));

    let refusal = log_out(token_of_the_session(), sessions).execute("a token", client()).await.unwrap_err();

    assert!(matches!(refusal, LogOutError::InvalidToken), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_wrong_token() {
    let mut sessions = MockSessionStore::new();
    sessions.expect_end().return_once(|_, _, _, _| Err(StoreError::Unavailable("connection refused".into())));

    let refusal = log_out(token_of_the_session(), sessions).execute("a token", client()).await.unwrap_err();

    assert!(matches!(refusal, LogOutError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

/// The use-case, wired as `main` would wire it, but with mocks.
fn log_out(tokens: MockAccessTokens, sessions: MockSessionStore) -> LogOut {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    let mut secrets = MockSecretGenerator::new();
    secrets.expect_id().with(eq(NOW)).returning(|_| EVENT.0);
    LogOut {
        clock: Arc::new(clock),
        secrets: Arc::new(secrets),
        tokens: Arc::new(tokens),
        sessions: Arc::new(sessions),
    }
}

/// Whoever signs out.
fn client() -> Client {
    Client { address: "203.0.113.7".parse().ok(), user_agent: UserAgent::cut("curl/8.14") }
}

/// Finds that any token was signed by us, for the user and session above.
fn token_of_the_session() -> MockAccessTokens {
    let claims = AccessClaims {
        user_id: USER,
        session_id: SESSION,
        issued_at: NOW,
        expires_at: NOW,
        authenticated_at: NOW,
        methods: Vec::new(),
    };
    let mut tokens = MockAccessTokens::new();
    tokens.expect_verify().return_once(|_, _| Ok(claims));
    tokens
}
