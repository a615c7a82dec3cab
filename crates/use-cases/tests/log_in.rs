//! The first half of a sign-in with mocked ports.

mod fixtures;

use std::sync::Arc;

use domain::{
    AccessClaims, AccessToken, AuthenticationMethod, Challenge, Channel, DevicePolicy, EventName, Locale,
    Password, PasswordFailures, PhoneNumber, Purpose, SendReference, SessionId, SignInName, VerificationId,
};
use fixtures::{
    CHALLENGES, DEVICES, Log, QUOTAS, SESSIONS, account, challenge_state, client, clock, destinations,
    device_entry, device_token, email, expect_not_sent, expect_sent, failed, failure_of_the_owner,
    fresh_challenge_id, fresh_id, in_seconds, locale, lock, new_event, now, opened, password_hash, phone,
    provider_away, provider_id, refresh_token, registration, reserved, secrets, sign_in, stored_device,
    stored_form, sweden, throttle_key, unavailable, unsendable_phone, unwatched, user,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    Account, Candidate, DeviceFailure, DeviceSignIn, DeviceUse, HashError, MockAccessTokens,
    MockAccountStore, MockChallengeStore, MockClock, MockDeviceStore, MockPasswordHasher,
    MockVerificationProvider, NewChallenge, NewSession, NotSent, PasswordFailure, PasswordMatch,
    PendingRegistration, PresentedDevice, SendDecision, SendLimits, SignIn, StartError, StoreError, Subject,
};
use use_cases::{Fault, LogIn, LogInError, LogInRequest, LoggedIn};

const PASSWORD: &str = "correct horse battery staple";

fn request() -> LogInRequest {
    LogInRequest {
        name: SignInName::Email(email()),
        password: Password::presented(PASSWORD),
        device_token: None,
        request_locale: Some(locale("en")),
        client: client(),
    }
}

fn login_of_the_account() -> Subject {
    login_with("hash of the account")
}

fn login_with(hash: &str) -> Subject {
    let password_hash = password_hash(hash);
    Subject::Login { user_id: user().id, phone: phone(), throttle_key: throttle_key(), password_hash }
}

/// The challenge, where nobody may be let in yet.
fn challenge(logged_in: LoggedIn) -> Challenge {
    match logged_in {
        LoggedIn::OtpRequired(challenge) => challenge,
        LoggedIn::Authenticated(signed_in) => panic!("a code is needed, not {signed_in:?}"),
    }
}

/// The same request from a device that may be remembered.
fn on_device() -> LogInRequest {
    LogInRequest { device_token: Some(device_token('p')), ..request() }
}

fn presented() -> PresentedDevice {
    PresentedDevice { token: stored_device(&device_token('p')), reuse_leeway: DEVICES.reuse_leeway }
}

/// A wrong password that the owner of the account will read of.
fn of_the_owner() -> PasswordFailure {
    failure_of_the_owner(EventName::LoginFail)
}

/// A wrong password of a name that has no account.
fn of_nobody() -> PasswordFailure {
    PasswordFailure { key: throttle_key(), owner: None, device: None }
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    accounts: MockAccountStore,
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    devices: MockDeviceStore,
    tokens: MockAccessTokens,
    provider: MockVerificationProvider,
}

impl Mocks {
    /// This is known of the name.
    fn knowing(known: SignIn) -> Self {
        let mut mocks = Self::default();
        mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Ok(known));
        mocks
    }

    /// There is an account, and the password is its own.
    fn recognised() -> Self {
        Self::knowing(sign_in(Some(account()), Vec::new())).matching(0)
    }

    /// The account is recognised, and a message is reserved.
    fn reserving() -> Self {
        Self::recognised().opening(reserved())
    }

    /// A message is reserved, which the provider refuses to send.
    fn not_sending(reason: NotSent) -> Self {
        let mut mocks = Self::reserving();
        expect_not_sent(&mut mocks.provider, &mut mocks.challenges, reason);
        mocks
    }

    /// The password is that of the candidate at this place.
    fn matching(self, index: usize) -> Self {
        self.comparing(Ok(Some(PasswordMatch { index, outdated: false })))
    }

    /// The hasher answers with this.
    fn comparing(mut self, answer: Result<Option<PasswordMatch>, HashError>) -> Self {
        self.hasher.expect_find_match().once().return_once(|_, _, _| answer);
        self
    }

    fn opening(mut self, send: SendDecision) -> Self {
        self.challenges.expect_open().once().return_once(|_, _| Ok(Some(opened(Purpose::Login, send))));
        self
    }

    /// A challenge of exactly this subject is opened.
    fn opening_for(mut self, subject: Subject) -> Self {
        self.challenges
            .expect_open()
            .withf(move |new, _| new.subject == subject)
            .once()
            .return_once(|_, _| Ok(Some(opened(Purpose::Login, SendDecision::Held))));
        self
    }

    /// The wrong password is counted, and recorded for its owner if there is one.
    fn counting_a_failure(mut self, failure: PasswordFailure) -> Self {
        self.accounts
            .expect_record_password_failure()
            .with(eq(failure), eq(now()))
            .once()
            .return_once(|_, _| Ok(()));
        self
    }

    fn wire(self) -> LogIn {
        LogIn {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(self.tokens),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
            challenges: Arc::new(self.challenges),
            devices: Arc::new(self.devices),
            provider: Arc::new(self.provider),
            number_risk: Arc::new(unwatched()),
            destinations: destinations(),
            policy: CHALLENGES,
            sessions: SESSIONS,
            remembering: Some(DEVICES),
            quotas: QUOTAS,
        }
    }

    async fn log_in(self) -> Result<Challenge, LogInError> {
        self.wire().execute(request()).await.map(challenge)
    }

    /// Signs in with the device token.
    async fn log_in_on_device(self) -> Result<LoggedIn, LogInError> {
        self.wire().execute(on_device()).await
    }
}

// Whose password it is.

#[tokio::test]
async fn en_02_an_unknown_name_costs_the_same_one_hash_and_counts_its_failure() {
    let mut mocks = Mocks::knowing(sign_in(None, Vec::new())).counting_a_failure(of_nobody());
    mocks
        .hasher
        .expect_find_match()
        .withf(|password, candidates, least_hashes| {
            password.expose_typed() == PASSWORD && candidates.is_empty() && *least_hashes == 1
        })
        .once()
        .return_once(|_, _, _| Ok(None));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn en_02_a_phone_number_costs_two_hashes_whether_or_not_it_is_known() {
    let known = (sign_in(Some(account()), vec![registration(1)]), of_the_owner());
    for (known, failure) in [(sign_in(None, Vec::new()), of_nobody()), known] {
        let mut mocks = Mocks::knowing(known).counting_a_failure(failure);
        mocks
            .hasher
            .expect_find_match()
            .withf(|_, _, least_hashes| *least_hashes == 2)
            .once()
            .return_once(|_, _, _| Ok(None));
        let request = LogInRequest { name: SignInName::Phone(phone()), ..request() };
        let refusal = mocks.wire().execute(request).await.unwrap_err();
        assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
    }
}

#[tokio::test]
async fn en_06_a_throttled_name_is_refused_before_any_hash_known_or_not() {
    for account in [Some(account()), None] {
        let mocks = Mocks::knowing(SignIn { failures: failed(8), ..sign_in(account, Vec::new()) });
        let refusal = mocks.log_in().await.unwrap_err();
        let LogInError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
        assert_eq!(retry_after, SignedDuration::from_secs(4));
    }
}

#[tokio::test]
async fn d_11_a_closed_name_is_told_when_it_is_open_again_and_nothing_is_hashed() {
    for account in [Some(account()), None] {
        let failures = failed(PasswordFailures::MOST);
        let ended = failures.last_at.unwrap() + PasswordFailures::MEMORY;
        let mocks = Mocks::knowing(SignIn { failures, ..sign_in(account, Vec::new()) });

        let refusal = mocks.log_in().await.unwrap_err();

        let expected = ended.duration_since(now());
        assert!(
            matches!(refusal, LogInError::RateLimited { retry_after } if retry_after == expected),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn a_few_failures_do_not_keep_the_owner_out() {
    let known = SignIn { failures: failed(PasswordFailures::FREE), ..sign_in(Some(account()), Vec::new()) };
    Mocks::knowing(known).matching(0).opening(SendDecision::Held).log_in().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_counted_and_starts_nothing() {
    let known = sign_in(Some(account()), vec![registration(1)]);
    let mocks = Mocks::knowing(known).comparing(Ok(None)).counting_a_failure(of_the_owner());
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn a_wrong_password_that_cannot_be_counted_is_not_judged() {
    let mut mocks = Mocks::knowing(sign_in(Some(account()), Vec::new())).comparing(Ok(None));
    mocks.accounts.expect_record_password_failure().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn the_account_is_tried_first_and_its_registrations_newest_first() {
    let mut mocks = Mocks::knowing(sign_in(Some(account()), vec![registration(1), registration(2)]));
    let candidate = |hash: &str| Candidate { owner: email(), hash: password_hash(hash) };
    let expected = [
        candidate("hash of the account"),
        candidate("hash of registration 1"),
        candidate("hash of registration 2"),
    ];
    mocks
        .hasher
        .expect_find_match()
        .withf(move |_, candidates, _| candidates == expected)
        .once()
        .return_once(|_, _, _| Ok(Some(PasswordMatch { index: 0, outdated: false })));
    // So with one password for all, the account wins.
    mocks.opening_for(login_of_the_account()).log_in().await.unwrap();
}

/// Anybody can register any password for any e-mail. Were signing in with it
/// free, each registration would be a free guess at the account's password.
#[tokio::test]
async fn a_registration_is_no_free_guess_at_the_password_of_the_account() {
    let mocks = Mocks::knowing(sign_in(Some(account()), vec![registration(1)])).matching(1);
    let mocks = mocks.counting_a_failure(of_the_owner()).opening_for(Subject::Registration(registration(1)));
    mocks.log_in().await.unwrap();
}

#[tokio::test]
async fn rc_02_a_password_opens_the_registration_that_carried_it() {
    let cases = [
        (Some(account()), 1, 1, "the first after the account"),
        (Some(account()), 3, 3, "the last after the account"),
        (None, 0, 1, "the first of all"),
        (None, 2, 3, "the last of all"),
    ];
    for (account, index, carrier, case) in cases {
        println!("{case}");
        let failure = if account.is_some() { of_the_owner() } else { of_nobody() };
        let known = sign_in(account, vec![registration(1), registration(2), registration(3)]);
        let mocks = Mocks::knowing(known).matching(index).counting_a_failure(failure);
        mocks.opening_for(Subject::Registration(registration(carrier))).log_in().await.unwrap();
    }
}

/// The account was deleted, or its password changed, while the password was compared.
#[tokio::test]
async fn an_account_that_is_another_meanwhile_refuses_the_password() {
    let mut mocks = Mocks::recognised();
    mocks.challenges.expect_open().once().return_once(|_, _| Ok(None));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn a_match_beyond_the_candidates_lets_nobody_in() {
    for (account, index) in [(Some(account()), 2), (None, 1)] {
        let failure = if account.is_some() { of_the_owner() } else { of_nobody() };
        let mocks = Mocks::knowing(sign_in(account, vec![registration(1)])).matching(index);
        let refusal = mocks.counting_a_failure(failure).log_in().await.unwrap_err();
        assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
    }
}

// Stronger hashes.

#[tokio::test]
async fn an_outdated_hash_is_replaced_on_condition_that_it_is_still_the_same() {
    let outdated = Ok(Some(PasswordMatch { index: 0, outdated: true }));
    let mut mocks = Mocks::knowing(sign_in(Some(account()), Vec::new())).comparing(outdated);
    mocks
        .hasher
        .expect_hash()
        .withf(|password, owner| password.expose_typed() == PASSWORD && *owner == email())
        .once()
        .return_once(|_, _| Ok(password_hash("stronger hash")));
    mocks
        .accounts
        .expect_upgrade_password_hash()
        .with(eq(user().id), eq(password_hash("hash of the account")), eq(password_hash("stronger hash")))
        .once()
        .return_once(|_, _, _| Ok(()));
    mocks.opening_for(login_with("stronger hash")).log_in().await.unwrap();
}

#[tokio::test]
async fn the_hash_of_a_registration_stays_what_recognises_it() {
    let outdated = Ok(Some(PasswordMatch { index: 1, outdated: true }));
    let mocks = Mocks::knowing(sign_in(Some(account()), vec![registration(1)])).comparing(outdated);
    let mocks = mocks.counting_a_failure(of_the_owner());
    mocks.opening_for(Subject::Registration(registration(1))).log_in().await.unwrap();
}

// What is opened.

#[tokio::test]
async fn a_challenge_counts_from_when_the_password_was_found_right() {
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
        .return_once(|_, _, _| Ok(sign_in(Some(account()), Vec::new())));
    mocks
        .hasher
        .expect_find_match()
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Some(PasswordMatch { index: 0, outdated: false })));
    clock.expect_now().once().in_sequence(&mut order).return_const(in_seconds(3));
    mocks
        .challenges
        .expect_open()
        .with(
            eq(NewChallenge {
                subject: login_of_the_account(),
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
        .return_once(|_, _| Ok(Some(opened(Purpose::Login, reserved()))));
    mocks
        .provider
        .expect_start()
        .withf(|request| request.life == SignedDuration::from_secs(477))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(provider_id("sinch-1")));
    mocks.challenges.expect_settle_sent().once().in_sequence(&mut order).return_once(|_, _| Ok(()));

    let opened = LogIn { clock: Arc::new(clock), ..mocks.wire() }.execute(request()).await.unwrap();

    assert_eq!(challenge(opened), challenge_state(Purpose::Login).show(true, &CHALLENGES));
}

#[tokio::test]
async fn a_message_is_written_in_the_language_of_the_person_or_else_of_the_request() {
    let tag = |tag: Option<&str>| -> Option<Locale> { tag.map(locale) };
    let cases = [
        (Some("sv"), Some("en"), Some("sv")),
        (None, Some("en"), Some("en")),
        (Some("sv"), None, Some("sv")),
        (None, None, None),
    ];
    for (own, of_request, written) in cases {
        let mut account = account();
        account.user.locale = tag(own);
        let registered = PendingRegistration { locale: tag(own), ..registration(1) };
        for known in [sign_in(Some(account), Vec::new()), sign_in(None, vec![registered])] {
            let mut mocks = Mocks::knowing(known).matching(0);
            mocks.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
            let written = tag(written);
            mocks
                .challenges
                .expect_open()
                .withf(move |new, _| new.locale == written)
                .once()
                .return_once(|_, _| Ok(Some(opened(Purpose::Login, SendDecision::Held))));
            let request = LogInRequest { request_locale: tag(of_request), ..request() };
            mocks.wire().execute(request).await.unwrap();
        }
    }
}

#[tokio::test]
async fn sm_01_a_number_that_gets_no_codes_opens_nothing() {
    let mut account = account();
    account.user.phone = unsendable_phone();
    let registered = PendingRegistration { phone: unsendable_phone(), ..registration(1) };
    for known in [sign_in(Some(account), Vec::new()), sign_in(None, vec![registered])] {
        let mut mocks = Mocks::knowing(known).matching(0);
        mocks.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
        let refusal = mocks.log_in().await.unwrap_err();
        assert!(matches!(refusal, LogInError::DestinationNotAllowed), "{refusal:?}");
    }
}

#[tokio::test]
async fn en_01_only_the_right_password_learns_that_a_number_gets_no_codes() {
    let mut account = account();
    account.user.phone = unsendable_phone();
    let mocks = Mocks::knowing(sign_in(Some(account), Vec::new())).comparing(Ok(None));
    let refusal = mocks.counting_a_failure(of_the_owner()).log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn the_quota_of_a_country_is_that_of_the_account() {
    let mut account = account();
    account.user.phone = PhoneNumber::parse("+1 650 253 0000", None).unwrap();
    let mut mocks = Mocks::knowing(sign_in(Some(account), Vec::new())).matching(0);
    mocks
        .challenges
        .expect_open()
        .withf(|new, _| new.country.is_some_and(|country| country.as_str() == "US"))
        .once()
        .return_once(|_, _| Ok(Some(opened(Purpose::Login, SendDecision::Held))));
    mocks.log_in().await.unwrap();
}

// What is sent.

#[tokio::test]
async fn rc_05_a_sign_in_found_alive_sends_nothing_more() {
    let challenge = Mocks::recognised().opening(SendDecision::Held).log_in().await.unwrap();
    assert_eq!(challenge, challenge_state(Purpose::Login).show(false, &CHALLENGES));
}

#[tokio::test]
async fn a_used_up_quota_sends_nothing_and_tells_the_wait() {
    let over = SendDecision::OverQuota { retry_at: in_seconds(1_234) };
    let refusal = Mocks::recognised().opening(over).log_in().await.unwrap_err();
    let LogInError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(1_234));
}

#[tokio::test]
async fn a_destination_that_the_provider_refuses_takes_the_reservation_back() {
    let reason = NotSent::DestinationRefused("forbidden".to_owned());
    let refusal = Mocks::not_sending(reason).log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::DestinationNotAllowed), "{refusal:?}");
}

#[tokio::test]
async fn a_provider_that_finds_it_too_soon_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::TooSoon).log_in().await.unwrap_err();
    let LogInError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, CHALLENGES.resend_cooldown);
}

#[tokio::test]
async fn asvs_16_5_2_a_provider_that_is_away_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::Fault(provider_away())).log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn rc_06_a_lost_answer_settles_nothing_so_that_nothing_is_sent_twice() {
    let mut mocks = Mocks::reserving();
    mocks.provider.expect_start().once().return_once(|_| Err(StartError::Unknown(provider_away())));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_message_that_left_is_a_success_even_when_it_cannot_be_recorded() {
    let mut mocks = Mocks::reserving();
    mocks.provider.expect_start().once().return_once(|_| Ok(provider_id("sinch-1")));
    mocks.challenges.expect_settle_sent().once().return_once(|_, _| Err(unavailable()));
    assert!(mocks.log_in().await.unwrap().sent);
}

// Faults.

#[tokio::test]
async fn asvs_16_5_2_nothing_is_hashed_without_the_database() {
    let mut mocks = Mocks::default();
    mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Err(unavailable()));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_nothing_is_sent_without_the_database() {
    let mut mocks = Mocks::recognised();
    mocks.challenges.expect_open().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_password_that_was_not_compared_is_no_wrong_password() {
    let wait = SignedDuration::from_secs(3);
    let overloaded = Mocks::knowing(sign_in(Some(account()), Vec::new()))
        .comparing(Err(HashError::Overloaded { retry_after: wait }))
        .log_in()
        .await
        .unwrap_err();
    let LogInError::Fault(Fault::Overloaded { retry_after }) = overloaded else { panic!("{overloaded:?}") };
    assert_eq!(retry_after, wait);

    let abandoned = Mocks::knowing(sign_in(Some(account()), Vec::new()))
        .comparing(Err(HashError::Abandoned))
        .log_in()
        .await
        .unwrap_err();
    assert!(matches!(abandoned, LogInError::Fault(Fault::Abandoned)), "{abandoned:?}");

    let failed = Mocks::knowing(sign_in(Some(account()), Vec::new()))
        .comparing(Err(HashError::Failed("no workers".to_owned())))
        .log_in()
        .await
        .unwrap_err();
    assert!(matches!(failed, LogInError::Fault(Fault::Internal(_))), "{failed:?}");
}

// Remembered devices.

/// What is known when the token is that of a live device of the account.
fn known_device(failures: PasswordFailures) -> SignIn {
    let device = Some(device_entry().id);
    SignIn { failures, device, ..sign_in(Some(account()), Vec::new()) }
}

/// What the store is asked for when the password is right.
fn sign_in_by_device() -> DeviceSignIn {
    DeviceSignIn {
        user_id: user().id,
        password_hash: password_hash("hash of the account"),
        throttle_key: throttle_key(),
        presented: presented(),
        successor: stored_device(&device_token('d')),
        session: NewSession {
            id: SessionId(fresh_id(1)),
            refresh_token: stored_form(&refresh_token('n')),
            times: SESSIONS.begin(now()),
            methods: vec![AuthenticationMethod::Password],
            client: client(),
            max_per_user: SESSIONS.max_per_user,
            event: new_event(2, EventName::LoginSuccess),
            device: None,
        },
        reuse: new_event(3, EventName::DeviceTokenReuse).notifying(&phone()),
    }
}

impl Mocks {
    /// The account's password came with a device token, and the store says this of it.
    fn presenting(answer: Result<DeviceUse, StoreError>) -> Self {
        let mut mocks = Self::knowing_device(known_device(PasswordFailures::default())).matching(0);
        mocks
            .devices
            .expect_sign_in()
            .with(eq(sign_in_by_device()), eq(now()))
            .once()
            .return_once(|_, _| answer);
        mocks
    }

    /// This is known of the name and the presented token.
    fn knowing_device(known: SignIn) -> Self {
        let mut mocks = Self::default();
        mocks
            .accounts
            .expect_find_sign_in()
            .with(eq(SignInName::Email(email())), eq(Some(presented())), eq(now()))
            .once()
            .return_once(|_, _, _| Ok(known));
        mocks
    }
}

#[tokio::test]
async fn asvs_7_5_3_a_remembered_device_opens_a_session_that_is_as_old_as_its_proof() {
    let proven = in_seconds(-86_400);
    let mut mocks = Mocks::presenting(Ok(DeviceUse::SignedIn { user: user(), authenticated_at: proven }));
    let claims = AccessClaims {
        user_id: user().id,
        session_id: SessionId(fresh_id(1)),
        issued_at: now(),
        expires_at: now() + SESSIONS.access_ttl,
        authenticated_at: proven,
        methods: vec![AuthenticationMethod::Password],
    };
    mocks
        .tokens
        .expect_issue()
        .with(eq(claims))
        .once()
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));

    let LoggedIn::Authenticated(signed_in) = mocks.log_in_on_device().await.unwrap() else { panic!() };

    assert_eq!(signed_in.access_token.expose(), "signed");
    assert_eq!(signed_in.refresh_token.expose(), refresh_token('n').expose());
    assert_eq!(signed_in.device_token.unwrap().expose(), device_token('d').expose());
    assert_eq!(signed_in.user, user());
}

#[tokio::test]
async fn asvs_6_3_3_a_token_that_is_not_or_no_longer_remembered_leads_to_a_code() {
    let copied = DeviceUse::Reused { device_id: device_entry().id };
    for answer in [DeviceUse::NotRemembered, copied] {
        let mocks = Mocks::presenting(Ok(answer)).opening(SendDecision::Held);
        let logged_in = mocks.log_in_on_device().await.unwrap();
        assert!(matches!(logged_in, LoggedIn::OtpRequired(_)), "{logged_in:?}");
    }
}

#[tokio::test]
async fn d_20_where_remembering_is_switched_off_no_token_is_looked_at() {
    let mocks = Mocks::recognised().opening(SendDecision::Held);
    let off = LogIn { remembering: None, ..mocks.wire() };
    assert!(matches!(off.execute(on_device()).await.unwrap(), LoggedIn::OtpRequired(_)));
}

#[tokio::test]
async fn d_11_a_remembered_device_does_not_wait_for_what_strangers_failed_at() {
    let mut mocks = Mocks::knowing_device(known_device(failed(100))).matching(0);
    mocks.devices.expect_sign_in().once().return_once(|_, _| Ok(DeviceUse::NotRemembered));
    mocks.opening(SendDecision::Held).log_in_on_device().await.unwrap();

    let unknown = SignIn { failures: failed(100), ..sign_in(Some(account()), Vec::new()) };
    let refusal = Mocks::knowing_device(unknown).log_in_on_device().await.unwrap_err();
    assert!(matches!(refusal, LogInError::RateLimited { .. }), "{refusal:?}");
}

#[tokio::test]
async fn d_11_a_wrong_password_on_a_device_counts_against_it_and_spends_nothing() {
    let device = DeviceFailure {
        id: device_entry().id,
        most: DevicePolicy::MAX_FAILURES,
        event: new_event(2, EventName::DeviceRevoked),
    };
    let failure = PasswordFailure { device: Some(device), ..of_the_owner() };
    let mocks = Mocks::knowing_device(known_device(PasswordFailures::default())).comparing(Ok(None));
    let refusal = mocks.counting_a_failure(failure).log_in_on_device().await.unwrap_err();
    assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
}

#[tokio::test]
async fn tn_04_a_device_of_the_account_lets_nobody_into_a_registration() {
    let known = SignIn { registrations: vec![registration(1)], ..known_device(PasswordFailures::default()) };
    let mut mocks = Mocks::knowing_device(known).matching(1);
    mocks.accounts.expect_record_password_failure().once().return_once(|_, _| Ok(()));
    let mocks = mocks.opening_for(Subject::Registration(registration(1)));
    assert!(matches!(mocks.log_in_on_device().await.unwrap(), LoggedIn::OtpRequired(_)));
}

#[tokio::test]
async fn asvs_16_5_2_a_device_that_cannot_be_looked_up_lets_nobody_in() {
    let refusal = Mocks::presenting(Err(unavailable())).log_in_on_device().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn lg_01_a_device_sign_in_logs_no_token() {
    let log = Log::listen();
    let copied = DeviceUse::Reused { device_id: device_entry().id };
    Mocks::presenting(Ok(copied)).opening(SendDecision::Held).log_in_on_device().await.unwrap();
    let mut mocks = Mocks::presenting(Ok(DeviceUse::SignedIn { user: user(), authenticated_at: now() }));
    mocks.tokens.expect_issue().once().return_once(|_| Ok(AccessToken::new("signed".to_owned())));
    mocks.log_in_on_device().await.unwrap();

    let text = log.text();
    for event in ["authn_device_token_reuse", "authn_login_success"] {
        assert!(text.contains(event), "{event}: {text}");
    }
    for secret in ["ppppp", "ddddd", "nnnnn", "signed", "hash of", "Lovelace"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

// What is logged.

#[tokio::test]
async fn lg_01_a_sign_in_logs_neither_person_nor_password() {
    let log = Log::listen();
    let mut mocks = Mocks::reserving();
    expect_sent(&mut mocks.provider, &mut mocks.challenges);
    mocks.log_in().await.unwrap();
    let wrong = Mocks::knowing(sign_in(None, Vec::new())).comparing(Ok(None)).counting_a_failure(of_nobody());
    wrong.log_in().await.unwrap_err();
    let throttled = SignIn { failures: failed(9), ..sign_in(None, Vec::new()) };
    Mocks::knowing(throttled).log_in().await.unwrap_err();

    let text = log.text();
    for event in ["authn_login_fail", "authn_login_lock"] {
        assert!(text.contains(event), "{event}: {text}");
    }
    for secret in [PASSWORD, "Lovelace", "lovelace", "0123456", "hash of", "the store chose"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

// Locked accounts.

fn locked(password_of: Option<usize>) -> Mocks {
    let account = Account { lock: Some(lock()), ..account() };
    let mut mocks = Mocks::knowing(sign_in(Some(account), vec![registration(1)]));
    let candidate = |hash: &str| Candidate { owner: email(), hash: password_hash(hash) };
    // The account is compared for the time it takes, after everybody else.
    let expected = [candidate("hash of registration 1"), candidate("hash of the account")];
    mocks
        .hasher
        .expect_find_match()
        .withf(move |_, candidates, least_hashes| candidates == expected && *least_hashes == 1)
        .once()
        .return_once(move |_, _, _| Ok(password_of.map(|index| PasswordMatch { index, outdated: true })));
    mocks
}

#[tokio::test]
async fn en_01_the_password_of_a_locked_account_is_a_wrong_one() {
    for password_of in [None, Some(1)] {
        let mocks = locked(password_of).counting_a_failure(of_the_owner());
        let refusal = mocks.log_in().await.unwrap_err();
        assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
    }
}

#[tokio::test]
async fn en_01_a_locked_account_hides_no_registration() {
    let mocks = locked(Some(0)).counting_a_failure(of_the_owner());
    mocks.opening_for(Subject::Registration(registration(1))).log_in().await.unwrap();
}

// People of another system.

fn imported() -> PendingRegistration {
    PendingRegistration { password_hash: password_hash("hash of another system"), ..registration(1) }
}

fn knowing_an_imported_one(matched: Option<PasswordMatch>) -> Mocks {
    let known =
        SignIn { imported: Some(imported()), imports_remain: true, ..sign_in(None, vec![registration(2)]) };
    let mut mocks = Mocks::knowing(known).counting_a_failure(of_nobody());
    let candidate = |hash: &str| Candidate { owner: email(), hash: password_hash(hash) };
    let expected = [candidate("hash of registration 2"), candidate("hash of another system")];
    mocks
        .hasher
        .expect_find_match()
        .withf(move |_, candidates, least_hashes| candidates == expected && *least_hashes == 2)
        .once()
        .return_once(move |_, _, _| Ok(matched));
    mocks
}

#[tokio::test]
async fn an_imported_registration_is_adopted_with_a_hash_of_our_own() {
    let mut mocks = knowing_an_imported_one(Some(PasswordMatch { index: 1, outdated: true }));
    mocks.hasher.expect_hash().once().return_once(|_, _| Ok(password_hash("our hash")));
    let adopted = PendingRegistration { password_hash: password_hash("our hash"), ..imported() };
    mocks.opening_for(Subject::Registration(adopted)).log_in().await.unwrap();
}

#[tokio::test]
async fn a_hash_that_cannot_be_replaced_serves_as_it_is() {
    let mocks = knowing_an_imported_one(Some(PasswordMatch { index: 1, outdated: false }));
    mocks.opening_for(Subject::Registration(imported())).log_in().await.unwrap();

    let mut mocks = knowing_an_imported_one(Some(PasswordMatch { index: 1, outdated: true }));
    mocks
        .hasher
        .expect_hash()
        .once()
        .return_once(|_, _| Err(HashError::Overloaded { retry_after: SignedDuration::from_secs(1) }));
    mocks.opening_for(Subject::Registration(imported())).log_in().await.unwrap();
}

#[tokio::test]
async fn en_02_while_imports_remain_every_name_costs_two_hashes() {
    let strangers = [(None, of_nobody()), (Some(account()), of_the_owner())];
    for (account, failure) in strangers {
        let known = SignIn { imports_remain: true, ..sign_in(account, Vec::new()) };
        let mut mocks = Mocks::knowing(known).counting_a_failure(failure);
        mocks
            .hasher
            .expect_find_match()
            .withf(|_, _, least_hashes| *least_hashes == 2)
            .once()
            .return_once(|_, _, _| Ok(None));
        let refusal = mocks.log_in().await.unwrap_err();
        assert!(matches!(refusal, LogInError::InvalidCredentials), "{refusal:?}");
    }
}
