//! Refreshing with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::{AccessClaims, AccessToken, EventName};
use fixtures::{
    Log, SESSIONS, client, clock, in_seconds, live_session, new_event, now, refresh_token, secrets,
    stored_form, unavailable, user,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{LiveSession, MockAccessTokens, MockSessionStore, Rotation, SigningFailed, StoreError};
use use_cases::{Fault, RefreshSession, RefreshSessionError, SignedIn};

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    tokens: MockAccessTokens,
    sessions: MockSessionStore,
}

impl Mocks {
    /// The store answers the presented token with this.
    fn rotating(answer: Result<Rotation, StoreError>) -> Self {
        let mut mocks = Self::default();
        mocks.sessions.expect_rotate().once().return_once(|_, _, _, _, _| answer);
        mocks
    }

    async fn refresh(self) -> Result<SignedIn, RefreshSessionError> {
        let refresh = RefreshSession {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(self.tokens),
            sessions: Arc::new(self.sessions),
            policy: SESSIONS,
        };
        refresh.execute(refresh_token('a'), client()).await
    }
}

fn reused() -> Rotation {
    Rotation::Reused { session_id: live_session().id, user_id: user().id }
}

#[tokio::test]
async fn tk_06_a_refresh_spends_the_presented_token_for_the_one_it_returns() {
    let mut mocks = Mocks::default();
    let mut order = Sequence::new();
    mocks
        .sessions
        .expect_rotate()
        .with(
            eq(stored_form(&refresh_token('a'))),
            eq(stored_form(&refresh_token('n'))),
            eq(SESSIONS),
            // Recorded only if the token is a copied one.
            eq(new_event(1, EventName::TokenReuse)),
            eq(now()),
        )
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _, _, _| Ok(Rotation::Rotated(live_session())));
    mocks
        .tokens
        .expect_issue()
        .with(eq(AccessClaims {
            user_id: user().id,
            session_id: live_session().id,
            issued_at: now(),
            expires_at: in_seconds(15 * 60),
            // A refresh proves nothing anew.
            authenticated_at: live_session().authenticated_at,
            methods: live_session().methods,
        }))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));

    let signed_in = mocks.refresh().await.unwrap();

    assert_eq!(signed_in.access_token.expose(), "signed");
    assert_eq!(signed_in.expires_in, SignedDuration::from_mins(15));
    assert_eq!(signed_in.refresh_token.expose(), refresh_token('n').expose());
    assert_eq!(signed_in.refresh_expires_in, SignedDuration::from_hours(24 * 5));
    assert_eq!(signed_in.user, user());
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let ending = LiveSession { expires_at: in_seconds(60), ..live_session() };
    let mut mocks = Mocks::rotating(Ok(Rotation::Rotated(ending)));
    mocks
        .tokens
        .expect_issue()
        .withf(|claims| claims.expires_at == in_seconds(60))
        .once()
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));
    assert_eq!(mocks.refresh().await.unwrap().expires_in, SignedDuration::from_secs(60));
}

#[tokio::test]
async fn tk_06_refused_and_reused_tokens_get_one_answer() {
    for rotation in [Rotation::Refused, reused()] {
        let refusal = Mocks::rotating(Ok(rotation)).refresh().await.unwrap_err();
        assert!(matches!(refusal, RefreshSessionError::InvalidToken), "{refusal:?}");
    }
}

#[tokio::test]
async fn tk_06_a_reused_token_is_logged_with_the_session_that_ended() {
    let log = Log::listen();
    Mocks::rotating(Ok(Rotation::Refused)).refresh().await.unwrap_err();
    assert!(!log.text().contains("authn_token_reuse"), "a refused one is not: {}", log.text());

    Mocks::rotating(Ok(reused())).refresh().await.unwrap_err();

    let text = log.text();
    for part in ["WARN", "authn_token_reuse", &live_session().id.0.to_string(), &user().id.0.to_string()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for secret in ["aaaaa", "nnnnn"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_wrong_token() {
    let refusal = Mocks::rotating(Err(unavailable())).refresh().await.unwrap_err();
    assert!(matches!(refusal, RefreshSessionError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_signed_is_our_defect() {
    let mut mocks = Mocks::rotating(Ok(Rotation::Rotated(live_session())));
    mocks.tokens.expect_issue().once().return_once(|_| Err(SigningFailed("no key".to_owned())));
    let refusal = mocks.refresh().await.unwrap_err();
    assert!(matches!(refusal, RefreshSessionError::Fault(Fault::Internal(_))), "{refusal:?}");
}
