//! Resets of passwords with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    ChallengeId, Channel, Code, EventName, NewPassword, PasswordPolicy, Purpose, RefusedPassword,
    VerificationId,
};
use fixtures::{
    CHALLENGES, Log, QUOTAS, client, clock, email, fresh_id, in_seconds, new_event, now, password_hash,
    phone, provider_away, provider_id, secrets, unavailable, user,
};
use jiff::SignedDuration;
use mockall::{
    Sequence,
    predicate::{always, eq},
};
use ports::{
    Attempt, CodeCheck, Guess, HashError, MockChallengeStore, MockDecoyCodes, MockPasswordHasher,
    MockVerificationProvider, NewEvent, PasswordReset, Spent, StoreError, Taken,
};
use use_cases::{Fault, ResetPassword, ResetPasswordError, ResetPasswordRequest};

const NEW: &str = "copper lantern river";

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("presented-challenge").unwrap()
}

fn request_with(password: &str) -> ResetPasswordRequest {
    ResetPasswordRequest {
        challenge_id: challenge_id(),
        code: Code::parse("482913").unwrap(),
        new: NewPassword::parse(password, None, &PasswordPolicy::default()).unwrap(),
        client: client(),
    }
}

fn attempt() -> Attempt {
    Attempt {
        challenge_id: challenge_id(),
        verification_id: VerificationId(fresh_id(0xCE)),
        purpose: Purpose::PasswordReset,
        phone: phone(),
        channel: Channel::Sms,
        user_id: Some(user().id),
        text_barred: false,
        attempts_left: 3,
        provider_id: Some(provider_id("sinch-1")),
        unsettled: None,
    }
}

fn spent() -> Spent {
    attempt().spent()
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
    decoys: MockDecoyCodes,
}

impl Mocks {
    /// The challenge lives, known or decoy, and this is taken.
    fn taking(taken: Taken) -> Self {
        let mut mocks = Self::default();
        mocks.challenges.expect_find_reset().once().return_once(|_, _| Ok(Some(email())));
        let purposes = &[Purpose::PasswordReset];
        let guess = Guess {
            id: challenge_id(),
            purposes,
            kind: domain::AnswerKind::SentCode,
            quotas: QUOTAS,
            asker: None,
        };
        mocks
            .challenges
            .expect_take_attempt()
            .with(eq(guess), eq(now()))
            .once()
            .return_once(|_, _| Ok(taken));
        mocks
    }

    /// The provider says this of the code.
    fn checking(answer: CodeCheck) -> Self {
        let mut mocks = Self::taking(Taken::Attempt(attempt()));
        mocks.provider.expect_check().once().return_once(move |_, _| Ok(answer));
        mocks
    }

    fn hashing(mut self) -> Self {
        self.hasher.expect_hash().once().return_once(|_, _| Ok(password_hash("hash of the new one")));
        self
    }

    fn resetting(mut self, answer: Result<bool, StoreError>) -> Self {
        self.challenges.expect_reset_password().once().return_once(|_, _, _| answer);
        self
    }

    async fn reset(self) -> Result<(), ResetPasswordError> {
        self.reset_to(NEW).await
    }

    async fn reset_to(self, password: &str) -> Result<(), ResetPasswordError> {
        let reset = ResetPassword {
            clock: clock(),
            secrets: secrets(),
            hasher: Arc::new(self.hasher),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            decoys: Arc::new(self.decoys),
            policy: CHALLENGES,
            quotas: QUOTAS,
        };
        reset.execute(request_with(password)).await
    }
}

#[tokio::test]
async fn the_right_code_replaces_the_password_and_its_owner_is_told() {
    let mut mocks = Mocks::taking(Taken::Attempt(attempt()));
    let mut order = Sequence::new();
    mocks.provider.expect_check().once().in_sequence(&mut order).return_once(|_, _| Ok(CodeCheck::Accepted));
    mocks
        .hasher
        .expect_hash()
        .withf(|password, owner| password.expose_nfc() == NEW && *owner == email())
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(password_hash("hash of the new one")));
    let event = NewEvent { notify: Some(phone()), ..new_event(1, EventName::PasswordReset) };
    mocks
        .challenges
        .expect_reset_password()
        .with(
            eq(attempt()),
            eq(PasswordReset { new: password_hash("hash of the new one"), event }),
            eq(now()),
        )
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(true));

    mocks.reset().await.unwrap();
}

#[tokio::test]
async fn en_01_a_wrong_code_is_refused_alike_for_an_account_and_a_decoy() {
    let known = Mocks::checking(CodeCheck::Wrong);
    let mut unknown = Mocks::taking(Taken::Decoy(spent()));
    unknown.decoys.expect_check().once().return_once(|| Ok(()));

    for mocks in [known, unknown] {
        assert!(matches!(mocks.reset().await, Err(ResetPasswordError::InvalidCode { attempts_left: 3 })));
    }
}

#[tokio::test]
async fn a_fault_of_the_provider_gives_the_attempt_back_also_at_a_decoy() {
    let mut known = Mocks::taking(Taken::Attempt(attempt()));
    known.provider.expect_check().once().return_once(|_, _| Err(provider_away()));
    let mut unknown = Mocks::taking(Taken::Decoy(spent()));
    unknown.decoys.expect_check().once().return_once(|| Err(provider_away()));

    for mut mocks in [known, unknown] {
        mocks.challenges.expect_give_back().with(eq(spent()), always()).once().return_once(|_, _| Ok(()));
        let refused = mocks.reset().await;
        assert!(matches!(refused, Err(ResetPasswordError::Fault(Fault::ProviderUnavailable(_)))));
    }
}

#[tokio::test]
async fn a_password_made_of_the_email_is_refused_before_an_attempt_is_spent() {
    let mut mocks = Mocks::default();
    mocks.challenges.expect_find_reset().once().return_once(|_, _| Ok(Some(email())));

    let refused = mocks.reset_to("ada.lovelace1815").await;

    assert!(matches!(refused, Err(ResetPasswordError::RefusedPassword(RefusedPassword::ContainsEmail))));
}

#[tokio::test]
async fn a_challenge_that_is_over_is_closed() {
    let mut unknown = Mocks::default();
    unknown.challenges.expect_find_reset().once().return_once(|_, _| Ok(None));
    let exhausted = Mocks::taking(Taken::Closed);
    let overtaken = Mocks::checking(CodeCheck::Accepted).hashing().resetting(Ok(false));

    for mocks in [unknown, exhausted, overtaken] {
        assert!(matches!(mocks.reset().await, Err(ResetPasswordError::Closed)));
    }
}

#[tokio::test]
async fn too_many_wrong_codes_wait() {
    let mocks = Mocks::taking(Taken::OverQuota { retry_at: in_seconds(60) });

    let refused = mocks.reset().await;

    let minute = SignedDuration::from_mins(1);
    assert!(matches!(refused, Err(ResetPasswordError::RateLimited { retry_after }) if retry_after == minute));
}

#[tokio::test]
async fn what_cannot_be_hashed_or_stored_is_a_fault() {
    let mut overloaded = Mocks::checking(CodeCheck::Accepted);
    let retry_after = SignedDuration::from_secs(1);
    overloaded.hasher.expect_hash().return_once(move |_, _| Err(HashError::Overloaded { retry_after }));
    assert!(matches!(
        overloaded.reset().await,
        Err(ResetPasswordError::Fault(Fault::Overloaded { retry_after: it })) if it == retry_after
    ));

    let away = Mocks::checking(CodeCheck::Accepted).hashing().resetting(Err(unavailable()));
    let refused = away.reset().await;
    assert!(matches!(refused, Err(ResetPasswordError::Fault(Fault::DatabaseUnavailable(_)))));
}

#[tokio::test]
async fn lg_01_neither_code_nor_password_nor_number_is_logged() {
    let log = Log::listen();
    Mocks::checking(CodeCheck::Accepted).hashing().resetting(Ok(true)).reset().await.unwrap();

    let text = log.text();
    assert!(text.contains("authn_password_reset"));
    for secret in [NEW, "482913", phone().as_e164(), "hash of the new one", challenge_id().as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }
}
