//! Access tokens with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::AccessClaims;
use fixtures::{clock, in_seconds, live_session, now, unavailable, user};
use mockall::{Sequence, predicate::eq};
use ports::{InvalidAccessToken, LiveSession, MockAccessTokens, MockSessionStore, StoreError};
use use_cases::{Authenticate, AuthenticateError, Fault, Principal};

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: user().id,
        session_id: live_session().id,
        issued_at: in_seconds(-60),
        expires_at: in_seconds(840),
        authenticated_at: in_seconds(-60),
        methods: Vec::new(),
    }
}

fn authenticate(tokens: MockAccessTokens, sessions: MockSessionStore) -> Authenticate {
    Authenticate { clock: clock(), tokens: Arc::new(tokens), sessions: Arc::new(sessions) }
}

/// Presents a token that we signed; the store answers with this.
async fn present(found: Result<Option<LiveSession>, StoreError>) -> Result<Principal, AuthenticateError> {
    let mut tokens = MockAccessTokens::new();
    tokens.expect_verify().once().return_once(|_, _| Ok(claims()));
    let mut sessions = MockSessionStore::new();
    sessions.expect_find_live().once().return_once(|_, _, _| found);
    authenticate(tokens, sessions).execute("a token").await
}

#[tokio::test]
async fn the_signature_is_checked_before_the_session() {
    let (mut tokens, mut sessions) = (MockAccessTokens::new(), MockSessionStore::new());
    let mut order = Sequence::new();
    tokens
        .expect_verify()
        .with(eq("a token"), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(claims()));
    sessions
        .expect_find_live()
        .with(eq(live_session().id), eq(user().id), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Some(live_session())));

    let principal = authenticate(tokens, sessions).execute("a token").await.unwrap();

    // When and by what the user was proven is for the session to say, not for the token.
    let expected = Principal {
        user: user(),
        session_id: live_session().id,
        authenticated_at: live_session().authenticated_at,
        methods: live_session().methods,
    };
    assert_eq!(principal, expected);
}

#[tokio::test]
async fn a_token_that_is_not_ours_costs_no_round_trip() {
    let mut tokens = MockAccessTokens::new();
    tokens.expect_verify().once().return_once(|_, _| Err(InvalidAccessToken));
    let refusal = authenticate(tokens, MockSessionStore::new()).execute("a forged token").await.unwrap_err();
    assert!(matches!(refusal, AuthenticateError::InvalidToken), "{refusal:?}");
}

#[tokio::test]
async fn a_good_token_of_an_ended_session_opens_nothing() {
    let refusal = present(Ok(None)).await.unwrap_err();
    assert!(matches!(refusal, AuthenticateError::InvalidToken), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_wrong_token() {
    let refusal = present(Err(unavailable())).await.unwrap_err();
    assert!(matches!(refusal, AuthenticateError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}
