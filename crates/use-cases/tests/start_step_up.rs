//! The first half of a step-up with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, Channel, EventName, Locale, Password, PasswordFailures, Purpose, SendReference, SignInName,
    User, UserId, VerificationId,
};
use fixtures::{
    CHALLENGES, Log, QUOTAS, account, challenge_state, client, clock, destinations, email, expect_not_sent,
    expect_sent, failed, failure_of_the_owner, fresh_challenge_id, fresh_id, in_seconds, live_session,
    locale, now, opened, password_hash, phone, principal, provider_away, provider_id, registration, reserved,
    secrets, sign_in, stale_principals, sweden, throttle_key, unavailable, unsendable_phone, unwatched, user,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    Account, Candidate, HashError, MockAccountStore, MockChallengeStore, MockClock, MockPasswordHasher,
    MockVerificationProvider, NewChallenge, NotSent, PasswordMatch, SendDecision, SendLimits, SignIn,
    Subject,
};
use use_cases::{Fault, Principal, StartStepUp, StartStepUpError, StartStepUpRequest};

const PASSWORD: &str = "correct horse battery staple";

fn request() -> StartStepUpRequest {
    StartStepUpRequest {
        password: Password::presented(PASSWORD),
        request_locale: Some(locale("en")),
        client: client(),
    }
}

/// Our user, whom no code can be sent to.
fn unreachable_principal() -> Principal {
    Principal { user: User { phone: unsendable_phone(), ..user() }, ..principal() }
}

const RIGHT: Result<Option<PasswordMatch>, HashError> = Ok(Some(PasswordMatch { index: 0, outdated: false }));

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    accounts: MockAccountStore,
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
}

impl Mocks {
    /// This is known of the user's e-mail.
    fn knowing(known: SignIn) -> Self {
        let mut mocks = Self::default();
        mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Ok(known));
        mocks
    }

    /// The account is there, and the hasher says this of the password.
    fn comparing(answer: Result<Option<PasswordMatch>, HashError>) -> Self {
        let mut mocks = Self::knowing(sign_in(Some(account()), Vec::new()));
        mocks.hasher.expect_find_match().once().return_once(|_, _, _| answer);
        mocks
    }

    /// The password is right, and the store decides this about a message.
    fn opening(send: SendDecision) -> Self {
        let mut mocks = Self::comparing(RIGHT);
        mocks.challenges.expect_open().once().return_once(|_, _| Ok(Some(opened(Purpose::StepUp, send))));
        mocks
    }

    /// A message is reserved, which the provider refuses to send.
    fn not_sending(reason: NotSent) -> Self {
        let mut mocks = Self::opening(reserved());
        expect_not_sent(&mut mocks.provider, &mut mocks.challenges, reason);
        mocks
    }

    /// The wrong password is counted, and recorded for its owner.
    fn counting_a_failure(mut self) -> Self {
        self.accounts
            .expect_record_password_failure()
            .with(eq(failure_of_the_owner(EventName::LoginFail)), eq(now()))
            .once()
            .return_once(|_, _| Ok(()));
        self
    }

    fn wire(self) -> StartStepUp {
        StartStepUp {
            clock: clock(),
            secrets: secrets(),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            number_risk: Arc::new(unwatched()),
            destinations: destinations(),
            policy: CHALLENGES,
            quotas: QUOTAS,
        }
    }

    async fn step_up_as(self, principal: &Principal) -> Result<Challenge, StartStepUpError> {
        self.wire().execute(principal, request()).await
    }

    async fn step_up(self) -> Result<Challenge, StartStepUpError> {
        self.step_up_as(&principal()).await
    }
}

// The right password.

#[tokio::test]
async fn a_step_up_is_opened_for_the_session_that_asks_when_the_password_was_found_right() {
    let mut mocks = Mocks::default();
    let mut clock = MockClock::new();
    let mut order = Sequence::new();
    clock.expect_now().once().in_sequence(&mut order).return_const(now());
    mocks
        .accounts
        .expect_find_sign_in()
        .with(eq(SignInName::Email(email())), eq(None), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(sign_in(Some(account()), vec![registration(1)])));
    // A pending registration's password proves nothing about the account.
    let candidate = Candidate { owner: email(), hash: password_hash("hash of the account") };
    mocks
        .hasher
        .expect_find_match()
        .withf(move |password, candidates, least_hashes| {
            password.expose_typed() == PASSWORD && candidates == [candidate.clone()] && *least_hashes == 1
        })
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| RIGHT);
    clock.expect_now().once().in_sequence(&mut order).return_const(in_seconds(3));
    mocks
        .challenges
        .expect_open()
        .with(
            eq(NewChallenge {
                subject: Subject::StepUp {
                    user_id: user().id,
                    phone: phone(),
                    throttle_key: throttle_key(),
                    password_hash: account().password_hash,
                    session_id: live_session().id,
                },
                id: fresh_challenge_id(),
                verification_id: VerificationId(fresh_id(1)),
                reference: SendReference(fresh_id(2)),
                channel: Channel::Sms,
                locale: Some(locale("sv")),
                country: Some(sweden()),
                may_send: true,
                limits: SendLimits { policy: CHALLENGES, quotas: QUOTAS, address: client().network() },
            }),
            eq(in_seconds(3)),
        )
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(Some(opened(Purpose::StepUp, reserved()))));
    mocks
        .provider
        .expect_start()
        .withf(|request| request.life == SignedDuration::from_secs(477))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(provider_id("sinch-1")));
    mocks.challenges.expect_settle_sent().once().in_sequence(&mut order).return_once(|_, _| Ok(()));

    let step_up = StartStepUp { clock: Arc::new(clock), ..mocks.wire() };
    let challenge = step_up.execute(&principal(), request()).await.unwrap();

    assert_eq!(challenge, challenge_state(Purpose::StepUp).show(true, &CHALLENGES));
}

#[tokio::test]
async fn d_14_whoever_is_not_fresh_may_become_so() {
    for stale in stale_principals() {
        Mocks::opening(SendDecision::Held).step_up_as(&stale).await.unwrap();
    }
}

#[tokio::test]
async fn a_few_failures_do_not_keep_the_owner_from_stepping_up() {
    let known = SignIn { failures: failed(PasswordFailures::FREE), ..sign_in(Some(account()), Vec::new()) };
    let mut mocks = Mocks::knowing(known);
    mocks.hasher.expect_find_match().once().return_once(|_, _, _| RIGHT);
    let held = Ok(Some(opened(Purpose::StepUp, SendDecision::Held)));
    mocks.challenges.expect_open().once().return_once(|_, _| held);
    mocks.step_up().await.unwrap();
}

#[tokio::test]
async fn a_message_is_written_in_the_language_of_the_user_or_else_of_the_request() {
    let tag = |tag: Option<&str>| -> Option<Locale> { tag.map(locale) };
    for (own, of_request, written) in
        [(Some("sv"), Some("en"), Some("sv")), (None, Some("en"), Some("en")), (None, None, None)]
    {
        let principal = Principal { user: User { locale: tag(own), ..user() }, ..principal() };
        let mut mocks = Mocks::comparing(RIGHT);
        let written = tag(written);
        mocks
            .challenges
            .expect_open()
            .withf(move |new, _| new.locale == written)
            .once()
            .return_once(|_, _| Ok(Some(opened(Purpose::StepUp, SendDecision::Held))));
        let request = StartStepUpRequest { request_locale: tag(of_request), ..request() };
        mocks.wire().execute(&principal, request).await.unwrap();
    }
}

// The wrong password.

#[tokio::test]
async fn a_wrong_password_counts_as_a_failed_one_and_its_owner_is_told() {
    let refusal = Mocks::comparing(Ok(None)).counting_a_failure().step_up().await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn a_wrong_password_that_cannot_be_counted_is_not_judged() {
    let mut mocks = Mocks::comparing(Ok(None));
    mocks.accounts.expect_record_password_failure().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.step_up().await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn after_too_many_wrong_passwords_nothing_is_hashed() {
    let known = SignIn { failures: failed(8), ..sign_in(Some(account()), Vec::new()) };
    let refusal = Mocks::knowing(known).step_up().await.unwrap_err();
    let StartStepUpError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(4));
}

#[tokio::test]
async fn an_account_that_is_gone_has_no_right_password() {
    let namesake = Account { user: User { id: UserId(fresh_id(0xEFA)), ..user() }, ..account() };
    for known in [sign_in(None, vec![registration(1)]), sign_in(Some(namesake), Vec::new())] {
        let mut mocks = Mocks::knowing(known);
        mocks
            .hasher
            .expect_find_match()
            .withf(|_, candidates, _| candidates.is_empty())
            .returning(|_, _, _| Ok(None));
        mocks.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
        let refusal = mocks.step_up().await.unwrap_err();
        assert!(matches!(refusal, StartStepUpError::InvalidCredentials), "{refusal:?}");
    }
}

// Numbers that get no codes.

#[tokio::test]
async fn sm_01_a_number_that_gets_no_codes_opens_nothing() {
    let refusal = Mocks::comparing(RIGHT).step_up_as(&unreachable_principal()).await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::DestinationNotAllowed), "{refusal:?}");
}

#[tokio::test]
async fn en_01_only_the_right_password_learns_that_a_number_gets_no_codes() {
    let mocks = Mocks::comparing(Ok(None)).counting_a_failure();
    let refusal = mocks.step_up_as(&unreachable_principal()).await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::InvalidCredentials), "{refusal:?}");
}

// What is sent.

#[tokio::test]
async fn rc_05_a_step_up_found_alive_sends_nothing_more() {
    let challenge = Mocks::opening(SendDecision::Held).step_up().await.unwrap();
    assert_eq!(challenge, challenge_state(Purpose::StepUp).show(false, &CHALLENGES));
}

#[tokio::test]
async fn a_used_up_quota_sends_nothing_and_tells_the_wait() {
    let over = SendDecision::OverQuota { retry_at: in_seconds(1_234) };
    let refusal = Mocks::opening(over).step_up().await.unwrap_err();
    let StartStepUpError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(1_234));
}

#[tokio::test]
async fn what_the_provider_refuses_takes_the_reservation_back() {
    let refused = NotSent::DestinationRefused("forbidden".to_owned());
    let refusal = Mocks::not_sending(refused).step_up().await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::DestinationNotAllowed), "{refusal:?}");

    let refusal = Mocks::not_sending(NotSent::TooSoon).step_up().await.unwrap_err();
    let StartStepUpError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, CHALLENGES.resend_cooldown);

    let refusal = Mocks::not_sending(NotSent::Fault(provider_away())).step_up().await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

// Faults.

#[tokio::test]
async fn asvs_16_5_2_nothing_is_hashed_and_nothing_sent_without_the_database() {
    let mut unknown = Mocks::default();
    unknown.accounts.expect_find_sign_in().once().return_once(|_, _, _| Err(unavailable()));
    let mut unopened = Mocks::comparing(RIGHT);
    unopened.challenges.expect_open().once().return_once(|_, _| Err(unavailable()));
    for mocks in [unknown, unopened] {
        let refusal = mocks.step_up().await.unwrap_err();
        assert!(matches!(refusal, StartStepUpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_password_that_was_not_compared_is_no_wrong_password() {
    let wait = SignedDuration::from_secs(3);
    let overloaded = HashError::Overloaded { retry_after: wait };
    let refusal = Mocks::comparing(Err(overloaded)).step_up().await.unwrap_err();
    let StartStepUpError::Fault(Fault::Overloaded { retry_after }) = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, wait);
}

// What is logged.

#[tokio::test]
async fn lg_01_a_step_up_logs_neither_person_nor_password() {
    let log = Log::listen();
    let mut mocks = Mocks::opening(reserved());
    expect_sent(&mut mocks.provider, &mut mocks.challenges);
    mocks.step_up().await.unwrap();
    Mocks::comparing(Ok(None)).counting_a_failure().step_up().await.unwrap_err();

    let text = log.text();
    for part in ["authn_login_fail", &user().id.0.to_string()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for secret in [PASSWORD, "ovelace", "0123456", "hash of", "the store chose", "2001:db8"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

/// The account was deleted, or its password changed, while the password was compared.
#[tokio::test]
async fn an_account_that_is_another_meanwhile_refuses_the_password() {
    let mut mocks = Mocks::comparing(RIGHT);
    mocks.challenges.expect_open().once().return_once(|_, _| Ok(None));
    let refusal = mocks.step_up().await.unwrap_err();
    assert!(matches!(refusal, StartStepUpError::InvalidCredentials), "{refusal:?}");
}
