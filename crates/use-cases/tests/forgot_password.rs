//! Challenges that anybody may start, with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengeState, Channel, Locale, PhoneNumber, Purpose, SendReference, SignInName,
    VerificationId,
};
use fixtures::{
    APP, CHALLENGES, Later, Log, QUOTAS, account, blind, challenge_state, client, clock, email,
    fresh_challenge_id, fresh_id, in_seconds, locale, lock, now, phone, provider_away, provider_id, sign_in,
    sweden, unavailable, unsendable_phone, user, user_with,
};
use jiff::SignedDuration;
use mockall::predicate::eq;
use ports::{
    Account, CodeRequest, MockAccountStore, MockChallengeStore, MockVerificationProvider, NewChallenge,
    NotSent, Opened, SendDecision, SendLimits, StartError, Subject, UnseenSend,
};
use use_cases::{
    BlindChallengeError, Fault, ForgotPassword, ForgotPasswordRequest, StartPhoneLogin, StartPhoneLoginError,
    StartPhoneLoginRequest,
};

fn request() -> ForgotPasswordRequest {
    ForgotPasswordRequest { email: email(), request_locale: Some(locale("de")), client: client() }
}

fn new_challenge(subject: Subject) -> NewChallenge {
    NewChallenge {
        subject,
        id: fresh_challenge_id(),
        verification_id: VerificationId(fresh_id(1)),
        reference: SendReference(fresh_id(2)),
        channel: Channel::Sms,
        locale: Some(locale("de")),
        country: None,
        may_send: true,
        limits: SendLimits { policy: CHALLENGES, quotas: QUOTAS, address: client().network() },
    }
}

fn reset_of(account: Option<&Account>) -> Subject {
    Subject::PasswordReset { email: email(), user_id: account.map(|account| account.user.id) }
}

/// As the store has it.
fn stored(purpose: Purpose, account: Option<&Account>) -> ChallengeState {
    ChallengeState { user_id: account.map(|account| account.user.id), ..challenge_state(purpose) }
}

fn unseen() -> UnseenSend {
    UnseenSend {
        challenge_id: challenge_state(Purpose::PasswordReset).id,
        reference: SendReference(fresh_id(3)),
        phone: phone(),
        channel: Channel::Sms,
        may_send: true,
        locale: user().locale,
        country: Some(sweden()),
        policy: CHALLENGES,
        quotas: QUOTAS,
    }
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    names: MockAccountStore,
    accounts: MockAccountStore,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
    later: Later,
}

impl Mocks {
    /// The e-mail has this account, or none.
    fn knowing(account: Option<Account>) -> Self {
        let mut mocks = Self::default();
        let name = SignInName::Email(email());
        mocks
            .names
            .expect_find_sign_in()
            .with(eq(name), eq(None), eq(now()))
            .once()
            .return_once(|_, _, _| Ok(sign_in(account, Vec::new())));
        mocks
    }

    /// The store opens the challenge and says this of the message.
    fn opening(mut self, account: Option<&Account>, send: SendDecision) -> Self {
        let opened = Opened { challenge: stored(Purpose::PasswordReset, account), send };
        self.challenges
            .expect_open()
            .with(eq(new_challenge(reset_of(account))), eq(now()))
            .once()
            .return_once(|_, _| Ok(Some(opened)));
        self
    }

    /// In the background this account is looked up.
    fn finding(mut self, account: Account) -> Self {
        self.accounts.expect_find_account().with(eq(user().id)).once().return_once(|_| Ok(Some(account)));
        self
    }

    /// In the background the number is asked whether it may get a message.
    fn reserving(mut self, reserved: bool) -> Self {
        self.challenges
            .expect_reserve_unseen()
            .with(eq(unseen()), eq(now()))
            .once()
            .return_once(move |_, _| Ok(reserved));
        self
    }

    /// In the background the provider is asked to send.
    fn sending(mut self, answer: Result<domain::ProviderId, StartError>) -> Self {
        let asked = CodeRequest {
            reference: unseen().reference,
            phone: phone(),
            purpose: Purpose::PasswordReset,
            channel: Channel::Sms,
            locale: user().locale,
            life: SignedDuration::from_secs(480),
        };
        self.provider.expect_start().with(eq(asked)).once().return_once(|_| answer);
        self
    }

    async fn forget(self) -> (Result<Challenge, BlindChallengeError>, Later) {
        let later = self.later.clone();
        let forgot = ForgotPassword {
            clock: clock(),
            accounts: Arc::new(self.names),
            blind: blind(self.accounts, self.challenges, self.provider, &later),
        };
        (forgot.execute(request()).await, later)
    }
}

#[tokio::test]
async fn en_01_known_and_unknown_emails_are_answered_alike_before_anything_is_sent() {
    let known = Mocks::knowing(Some(account())).opening(Some(&account()), SendDecision::Announced);
    let unknown = Mocks::knowing(None).opening(None, SendDecision::Announced);

    let (known, _) = known.forget().await;
    let (unknown, later) = unknown.forget().await;

    assert_eq!(known.as_ref().unwrap(), unknown.as_ref().unwrap());
    let shown = known.unwrap();
    assert_eq!((shown.sent, shown.destination, shown.purpose), (true, None, Purpose::PasswordReset));
    assert_eq!(shown.resend_available_at, Some(in_seconds(120)));
    // Of a decoy nothing is sent, ever.
    later.run().await;
}

#[tokio::test]
async fn en_01_a_locked_account_is_answered_like_none_and_gets_no_message() {
    let locked = Account { lock: Some(lock()), ..account() };
    let unknown = Mocks::knowing(None).opening(None, SendDecision::Announced);
    let (unknown, _) = unknown.forget().await;

    let mocks = Mocks::knowing(Some(locked)).opening(None, SendDecision::Announced);
    let (shown, later) = mocks.forget().await;

    assert_eq!(shown.unwrap(), unknown.unwrap());
    later.run().await;
}

#[tokio::test]
async fn an_account_that_was_locked_after_the_answer_gets_no_message() {
    let locked = Account { lock: Some(lock()), ..account() };
    let mocks =
        Mocks::knowing(Some(account())).opening(Some(&account()), SendDecision::Announced).finding(locked);

    let (shown, later) = mocks.forget().await;

    assert!(shown.unwrap().sent);
    later.run().await;
}

#[tokio::test]
async fn en_03_the_code_is_sent_after_the_answer_in_the_language_of_the_account() {
    let mut mocks = Mocks::knowing(Some(account()))
        .opening(Some(&account()), SendDecision::Announced)
        .finding(account())
        .reserving(true)
        .sending(Ok(provider_id("sinch-1")));
    mocks
        .challenges
        .expect_settle_sent()
        .with(eq(unseen().reference), eq(provider_id("sinch-1")))
        .once()
        .return_once(|_, _| Ok(()));

    let (_, later) = mocks.forget().await;

    later.run().await;
}

#[tokio::test]
async fn a_number_that_may_get_no_message_now_gets_none() {
    let mocks = Mocks::knowing(Some(account()))
        .opening(Some(&account()), SendDecision::Announced)
        .finding(account())
        .reserving(false);

    let (shown, later) = mocks.forget().await;

    assert!(shown.unwrap().sent);
    later.run().await;
}

#[tokio::test]
async fn en_03_a_fault_of_the_provider_is_taken_back_and_shows_nobody_anything() {
    let log = Log::listen();
    let mut mocks = Mocks::knowing(Some(account()))
        .opening(Some(&account()), SendDecision::Announced)
        .finding(account())
        .reserving(true)
        .sending(Err(StartError::NotSent(NotSent::Fault(provider_away()))));
    mocks.challenges.expect_settle_not_sent().with(eq(unseen().reference)).once().return_once(|_| Ok(()));

    let (shown, later) = mocks.forget().await;

    assert!(shown.unwrap().sent);
    later.run().await;
    assert!(log.text().contains("was not sent"), "the operator is told");
    assert!(!log.text().contains(phone().as_e164()));
}

#[tokio::test]
async fn lg_01_why_nothing_was_sent_is_told_in_words_and_not_as_it_lies_in_memory() {
    let log = Log::listen();
    let mut mocks = Mocks::knowing(Some(account()))
        .opening(Some(&account()), SendDecision::Announced)
        .finding(account())
        .reserving(true)
        .sending(Err(StartError::NotSent(NotSent::Fault(provider_away()))));
    mocks.challenges.expect_settle_not_sent().once().return_once(|_| Ok(()));

    let (_, later) = mocks.forget().await;
    later.run().await;

    let text = log.text();
    assert!(
        text.contains("a code that was asked for was not sent error=the provider is unavailable"),
        "{text}"
    );
    assert!(!text.contains("Fault"), "{text}");
}

#[tokio::test]
async fn sm_01_nothing_is_sent_to_a_number_that_codes_are_not_sent_to_any_more() {
    let mut moved = account();
    moved.user.phone = unsendable_phone();
    let mocks =
        Mocks::knowing(Some(account())).opening(Some(&account()), SendDecision::Announced).finding(moved);

    let (shown, later) = mocks.forget().await;

    assert!(shown.unwrap().sent);
    later.run().await;
}

#[tokio::test]
async fn rc_05_asking_again_in_the_cooldown_sends_nothing() {
    let mocks = Mocks::knowing(Some(account())).opening(Some(&account()), SendDecision::Held);

    let (shown, later) = mocks.forget().await;

    assert!(!shown.unwrap().sent);
    later.run().await;
}

#[tokio::test]
async fn too_many_requests_for_one_name_are_refused_whether_it_is_known_or_not() {
    for account in [Some(account()), None] {
        let over = SendDecision::OverQuota { retry_at: in_seconds(60) };
        let mocks = Mocks::knowing(account.clone()).opening(account.as_ref(), over);

        let (refused, _) = mocks.forget().await;

        let retry_after = SignedDuration::from_secs(60);
        assert!(
            matches!(refused, Err(BlindChallengeError::RateLimited { retry_after: it }) if it == retry_after)
        );
    }
}

#[tokio::test]
async fn an_account_that_goes_away_meanwhile_leaves_a_decoy() {
    let mut mocks = Mocks::knowing(Some(account()));
    mocks.challenges.expect_open().once().return_once(|_, _| Ok(None));
    let mocks = mocks.opening(None, SendDecision::Announced);

    let (shown, later) = mocks.forget().await;

    assert!(shown.unwrap().sent);
    later.run().await;
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_a_fault() {
    let mut mocks = Mocks::default();
    mocks.names.expect_find_sign_in().return_once(|_, _, _| Err(unavailable()));

    let (refused, _) = mocks.forget().await;

    assert!(matches!(refused, Err(BlindChallengeError::Fault(Fault::DatabaseUnavailable(_)))));
}

fn phone_login(
    number: PhoneNumber,
    account: Option<Account>,
    challenges: MockChallengeStore,
) -> (StartPhoneLogin, StartPhoneLoginRequest) {
    let mut names = MockAccountStore::new();
    names.expect_find_sign_in().returning(move |_, _, _| Ok(sign_in(account.clone(), Vec::new())));
    let start = StartPhoneLogin {
        clock: clock(),
        accounts: Arc::new(names),
        destinations: fixtures::destinations(),
        blind: blind(MockAccountStore::new(), challenges, MockVerificationProvider::new(), &Later::default()),
    };
    let request_locale: Option<Locale> = Some(locale("de"));
    (start, StartPhoneLoginRequest { phone: number, request_locale, client: client() })
}

#[tokio::test]
async fn en_01_a_sign_in_by_phone_shows_known_and_unknown_numbers_alike() {
    let mut shown = Vec::new();
    for known in [Some(account()), None] {
        let mut challenges = MockChallengeStore::new();
        let challenge = stored(Purpose::PhoneLogin, known.as_ref());
        let user_id = known.as_ref().map(|account| account.user.id);
        challenges
            .expect_open()
            .with(eq(new_challenge(Subject::PhoneLogin { phone: phone(), user_id })), eq(now()))
            .once()
            .return_once(|_, _| Ok(Some(Opened { challenge, send: SendDecision::Announced })));
        let (start, request) = phone_login(phone(), known, challenges);
        shown.push(start.execute(request).await.unwrap());
    }
    assert_eq!(shown.first(), shown.last());
    assert_eq!(shown.first().unwrap().destination, Some(phone()));
}

#[tokio::test]
async fn sm_01_a_sign_in_by_a_phone_that_codes_are_not_sent_to_is_refused_before_anything_else() {
    let (start, request) = phone_login(unsendable_phone(), None, MockChallengeStore::new());

    let refused = start.execute(request).await;

    assert!(matches!(refused, Err(StartPhoneLoginError::DestinationNotAllowed)));
}

#[tokio::test]
async fn asvs_6_4_3_a_phone_alone_opens_no_account_with_an_app_and_shows_no_difference() {
    let mut guarded = account();
    guarded.user = user_with(APP);
    let mut challenges = MockChallengeStore::new();
    let challenge = stored(Purpose::PhoneLogin, None);
    challenges
        .expect_open()
        .with(eq(new_challenge(Subject::PhoneLogin { phone: phone(), user_id: None })), eq(now()))
        .once()
        .return_once(|_, _| Ok(Some(Opened { challenge, send: SendDecision::Announced })));
    let (start, request) = phone_login(phone(), Some(guarded), challenges);

    let shown = start.execute(request).await.unwrap();

    assert_eq!(shown.destination, Some(phone()));
}
