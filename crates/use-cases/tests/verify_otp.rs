//! The second half of a sign-in or registration with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    AccessClaims, AccessToken, Answer, AnswerKind,
    AuthenticationMethod::{self, MultiFactor, Password, Sms, Telephone},
    ChallengeId, Channel, Code, DeviceId, EventName, ProviderId, Purpose, SessionId, SessionPolicy, UserId,
    VerificationId,
};
use fixtures::{
    CHALLENGES, DEVICES, Log, QUOTAS, SESSIONS, client, clock, device_token, fresh_id, in_seconds, new_event,
    now, phone, provider_away, provider_id, reference, refresh_token, secrets, stored_device, stored_form,
    unavailable, user,
};
use jiff::{SignedDuration, Timestamp};
use mockall::{
    Sequence,
    predicate::{always, eq},
};
use ports::{
    Attempt, CodeCheck, Disclosure, Guess, MockAccessTokens, MockChallengeStore, MockClock, MockDecoyCodes,
    MockFactorStore, MockSealer, MockTotpCodes, MockVerificationProvider, NewDevice, NewSession, Proof,
    ProviderFault, Redeemed, SigningFailed, Spent, StartedVerification, StoreError, Taken,
};
use use_cases::{Fault, SignedIn, VerifyOtp, VerifyOtpError, VerifyOtpRequest};

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("presented-challenge").unwrap()
}

fn request() -> VerifyOtpRequest {
    answered(Answer::SentCode(Code::parse("482913").unwrap()))
}

fn answered(answer: Answer) -> VerifyOtpRequest {
    VerifyOtpRequest { challenge_id: challenge_id(), answer, remember_device: false, client: client() }
}

/// What the store is asked for. A challenge for anything else is none here.
fn guess() -> Guess {
    let purposes = &[Purpose::Registration, Purpose::Login, Purpose::PhoneLogin, Purpose::StepUp];
    Guess { id: challenge_id(), purposes, kind: AnswerKind::SentCode, quotas: QUOTAS, asker: None }
}

/// An attempt at a sign-in whose message was sent and recorded.
fn attempt() -> Attempt {
    Attempt {
        challenge_id: challenge_id(),
        verification_id: VerificationId(fresh_id(0xCE)),
        purpose: Purpose::Login,
        phone: phone(),
        channel: Channel::Sms,
        user_id: Some(user().id),
        text_barred: false,
        attempts_left: 3,
        provider_id: Some(provider_id("sinch-1")),
        unsettled: None,
    }
}

fn attempt_for(purpose: Purpose) -> Attempt {
    Attempt { purpose, ..attempt() }
}

/// An attempt after a message whose outcome nobody recorded.
fn unsettled(earlier: Option<ProviderId>) -> Attempt {
    Attempt { provider_id: earlier, unsettled: Some(reference()), ..attempt() }
}

/// What the provider is asked about.
fn verification(id: &str) -> StartedVerification {
    StartedVerification { id: provider_id(id), phone: phone(), channel: Channel::Sms }
}

/// The session that the right code of a sign-in opens at a time.
fn session_from(began: Timestamp) -> NewSession {
    session_by(EventName::LoginSuccess, began)
}

fn session_by(event: EventName, began: Timestamp) -> NewSession {
    NewSession {
        id: SessionId(fresh_id(1)),
        refresh_token: stored_form(&refresh_token('n')),
        times: SESSIONS.begin(began),
        methods: vec![Password, Sms, MultiFactor],
        client: client(),
        max_per_user: 50,
        event: new_event(2, event),
        device: None,
    }
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: user().id,
        session_id: SessionId(fresh_id(1)),
        issued_at: now(),
        expires_at: in_seconds(15 * 60),
        authenticated_at: now(),
        methods: vec![Password, Sms, MultiFactor],
    }
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    tokens: MockAccessTokens,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
    decoys: MockDecoyCodes,
    factors: MockFactorStore,
    sealer: MockSealer,
    totp_codes: MockTotpCodes,
}

impl Mocks {
    /// The store answers the wish to guess with this.
    fn taking(answer: Result<Taken, StoreError>) -> Self {
        let mut mocks = Self::default();
        mocks.challenges.expect_take_attempt().once().return_once(|_, _| answer);
        mocks.challenges.expect_record_wrong_answer().returning(|_, _, _| Ok(()));
        mocks
    }

    /// This attempt is taken.
    fn attempting(attempt: Attempt) -> Self {
        Self::taking(Ok(Taken::Attempt(attempt)))
    }

    /// This attempt is taken, and the provider says this of the code.
    fn checking(attempt: Attempt, answer: Result<CodeCheck, ProviderFault>) -> Self {
        let mut mocks = Self::attempting(attempt);
        mocks.provider.expect_check().once().return_once(|_, _| answer);
        mocks
    }

    fn signing(mut self) -> Self {
        self.tokens.expect_issue().once().return_once(|_| Ok(AccessToken::new("signed".to_owned())));
        self
    }

    fn redeeming_login(mut self, answer: Result<Redeemed, StoreError>) -> Self {
        self.challenges.expect_redeem_login().once().return_once(|_, _, _| answer);
        self
    }

    fn redeeming_registration(mut self, answer: Result<Redeemed, StoreError>) -> Self {
        self.challenges.expect_redeem_registration().once().return_once(|_, _, _, _| answer);
        self
    }

    fn redeeming_step_up(mut self, answer: Result<Redeemed, StoreError>) -> Self {
        self.challenges.expect_redeem_step_up().once().return_once(|_, _, _| answer);
        self
    }

    /// The attempt is given back, and how often that may happen is said.
    fn giving_back(mut self, attempt: &Attempt) -> Self {
        self.challenges
            .expect_give_back()
            .with(eq(attempt.spent()), eq(CHALLENGES.max_given_back))
            .once()
            .return_once(|_, _| Ok(()));
        self
    }

    fn wire(self) -> VerifyOtp {
        VerifyOtp {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(self.tokens),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            decoys: Arc::new(self.decoys),
            factors: Arc::new(self.factors),
            sealer: Arc::new(self.sealer),
            totp_codes: Arc::new(self.totp_codes),
            policy: CHALLENGES,
            sessions: SESSIONS,
            devices: Some(DEVICES),
            quotas: QUOTAS,
        }
    }

    async fn verify(self) -> Result<SignedIn, VerifyOtpError> {
        self.wire().execute(request()).await
    }
}

// The right code.

#[tokio::test]
async fn rc_01_the_attempt_is_taken_before_the_code_is_checked_and_used_before_tokens_exist() {
    let mut mocks = Mocks::default();
    let mut order = Sequence::new();
    mocks
        .challenges
        .expect_take_attempt()
        .with(eq(guess()), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(Taken::Attempt(attempt())));
    mocks
        .provider
        .expect_check()
        .withf(|asked, code| *asked == verification("sinch-1") && code.expose() == "482913")
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(CodeCheck::Accepted));
    mocks
        .challenges
        .expect_redeem_login()
        .with(eq(attempt()), eq(Proof::SentCode), eq(session_from(now())))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Redeemed::Done(user())));
    mocks
        .tokens
        .expect_issue()
        .with(eq(claims()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));

    let signed_in = mocks.verify().await.unwrap();

    assert_eq!(signed_in.access_token.expose(), "signed");
    assert_eq!(signed_in.expires_in, SignedDuration::from_mins(15));
    assert_eq!(signed_in.refresh_expires_in, SignedDuration::from_hours(24 * 30));
    assert_eq!(signed_in.user, user());
    // The token in the answer is the one whose hash was stored above.
    assert_eq!(stored_form(&signed_in.refresh_token), session_from(now()).refresh_token);
}

#[tokio::test]
async fn the_right_code_of_a_registration_makes_the_account() {
    let registering = Attempt { user_id: None, ..attempt_for(Purpose::Registration) };
    let mut mocks = Mocks::checking(registering.clone(), Ok(CodeCheck::Accepted)).signing();
    mocks
        .challenges
        .expect_redeem_registration()
        .with(
            eq(registering),
            eq(UserId(fresh_id(3))),
            eq(session_by(EventName::UserCreated, now())),
            eq(disclosure()),
        )
        .once()
        .return_once(|_, _, _, _| Ok(Redeemed::Done(user())));
    assert_eq!(mocks.verify().await.unwrap().user, user());
}

/// What owners of the e-mail and of the number will read if they are in the way.
fn disclosure() -> Disclosure {
    let event_of = |number| new_event(number, EventName::UserExistsDisclosed);
    Disclosure { of_email: event_of(4), of_phone: event_of(5) }
}

/// Both `auth_time` and the methods in the tokens are those of this proof, not of the
/// session that asked for it.
#[tokio::test]
async fn asvs_7_2_4_the_right_code_of_a_step_up_opens_a_session_authenticated_now_by_all_factors() {
    let stepping_up = attempt_for(Purpose::StepUp);
    let mut mocks = Mocks::checking(stepping_up.clone(), Ok(CodeCheck::Accepted));
    let mut order = Sequence::new();
    mocks
        .challenges
        .expect_redeem_step_up()
        .with(eq(stepping_up), eq(Proof::SentCode), eq(session_by(EventName::StepUp, now())))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Redeemed::Done(user())));
    mocks
        .tokens
        .expect_issue()
        .with(eq(claims()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));

    let signed_in = mocks.verify().await.unwrap();

    assert_eq!(signed_in.user, user());
    assert_eq!(stored_form(&signed_in.refresh_token), session_from(now()).refresh_token);
}

#[tokio::test]
async fn a_session_begins_when_the_code_was_found_right() {
    let mut mocks = Mocks::attempting(attempt());
    let mut clock = MockClock::new();
    let mut order = Sequence::new();
    clock.expect_now().once().in_sequence(&mut order).return_const(now());
    mocks.provider.expect_check().once().in_sequence(&mut order).return_once(|_, _| Ok(CodeCheck::Accepted));
    clock.expect_now().once().in_sequence(&mut order).return_const(in_seconds(5));
    mocks
        .challenges
        .expect_redeem_login()
        .with(eq(attempt()), eq(Proof::SentCode), eq(session_from(in_seconds(5))))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Redeemed::Done(user())));
    let verify = VerifyOtp { clock: Arc::new(clock), ..mocks.signing().wire() };
    assert_eq!(verify.execute(request()).await.unwrap().expires_in, SignedDuration::from_mins(15));
}

#[tokio::test]
async fn a_session_says_how_the_phone_was_proven() {
    let cases: [(Channel, AuthenticationMethod); 4] = [
        (Channel::Sms, Sms),
        (Channel::Whatsapp, Sms),
        (Channel::Voice, Telephone),
        (Channel::Flashcall, Telephone),
    ];
    for (channel, proof) in cases {
        let mut mocks = Mocks::attempting(Attempt { channel, ..attempt() });
        mocks
            .provider
            .expect_check()
            .withf(move |asked, _| asked.channel == channel)
            .once()
            .return_once(|_, _| Ok(CodeCheck::Accepted));
        let methods = vec![Password, proof, MultiFactor];
        let in_token = methods.clone();
        mocks
            .challenges
            .expect_redeem_login()
            .withf(move |_, _, session| session.methods == methods)
            .once()
            .return_once(|_, _, _| Ok(Redeemed::Done(user())));
        mocks
            .tokens
            .expect_issue()
            .withf(move |claims| claims.methods == in_token)
            .once()
            .return_once(|_| Ok(AccessToken::new("signed".to_owned())));
        mocks.verify().await.unwrap();
    }
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let short = SignedDuration::from_mins(4);
    let sessions = SessionPolicy { idle_ttl: SignedDuration::from_hours(1), absolute_ttl: short, ..SESSIONS };
    let mut mocks = Mocks::checking(attempt(), Ok(CodeCheck::Accepted));
    mocks
        .tokens
        .expect_issue()
        .withf(|claims| claims.expires_at == in_seconds(240))
        .once()
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));
    let mocks = mocks.redeeming_login(Ok(Redeemed::Done(user())));
    let signed_in = VerifyOtp { sessions, ..mocks.wire() }.execute(request()).await.unwrap();
    assert_eq!((signed_in.expires_in, signed_in.refresh_expires_in), (short, short));
}

#[tokio::test]
async fn asvs_6_5_1_a_right_code_that_somebody_used_faster_opens_nothing() {
    let login = Mocks::checking(attempt(), Ok(CodeCheck::Accepted)).redeeming_login(Ok(Redeemed::Closed));
    let refusal = login.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Closed), "{refusal:?}");

    let registration = Mocks::checking(attempt_for(Purpose::Registration), Ok(CodeCheck::Accepted));
    let refusal = registration.redeeming_registration(Ok(Redeemed::Closed)).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Closed), "{refusal:?}");

    // Or the session that asked for the step-up has ended.
    let step_up = Mocks::checking(attempt_for(Purpose::StepUp), Ok(CodeCheck::Accepted));
    let refusal = step_up.redeeming_step_up(Ok(Redeemed::Closed)).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Closed), "{refusal:?}");
}

#[tokio::test]
async fn en_08_the_right_code_of_a_registration_learns_that_there_is_an_account() {
    let mocks = Mocks::checking(attempt_for(Purpose::Registration), Ok(CodeCheck::Accepted));
    let refusal = mocks.redeeming_registration(Ok(Redeemed::AccountExists)).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::AccountExists), "{refusal:?}");
}

/// The store takes no attempt of a challenge that is for anything else.
#[tokio::test]
async fn asvs_2_3_1_only_challenges_that_open_a_session_are_asked_for() {
    for (purpose, is_asked_for) in [
        (Purpose::Registration, true),
        (Purpose::Login, true),
        (Purpose::StepUp, true),
        (Purpose::PasswordReset, false),
        (Purpose::PhoneChange, false),
    ] {
        let mut mocks = Mocks::default();
        mocks
            .challenges
            .expect_take_attempt()
            .withf(move |guess, _| guess.purposes.contains(&purpose) == is_asked_for)
            .once()
            .return_once(|_, _| Ok(Taken::Closed));
        mocks.verify().await.unwrap_err();
    }
}

#[tokio::test]
async fn asvs_6_6_2_the_right_code_of_another_purpose_opens_no_session() {
    for purpose in [Purpose::PasswordReset, Purpose::PhoneChange] {
        let mut mocks = Mocks::attempting(attempt_for(purpose));
        // Whether the provider is asked is left open: better not.
        mocks.provider.expect_check().returning(|_, _| Ok(CodeCheck::Accepted));
        mocks.challenges.expect_give_back().returning(|_, _| Ok(()));
        let refusal = mocks.verify().await.unwrap_err();
        assert!(matches!(refusal, VerifyOtpError::Closed), "{refusal:?}");
    }
}

// Codes that are not right.

#[tokio::test]
async fn asvs_6_6_3_a_wrong_code_costs_its_attempt() {
    let refusal = Mocks::checking(attempt(), Ok(CodeCheck::Wrong)).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::InvalidCode { attempts_left: 3 }), "{refusal:?}");
}

#[tokio::test]
async fn pv_02_a_code_that_a_newer_message_replaced_costs_nothing() {
    let mut mocks = Mocks::checking(attempt(), Ok(CodeCheck::Gone));
    mocks
        .challenges
        .expect_give_back()
        .with(eq(attempt().spent()), always())
        .once()
        .return_once(|_, _| Ok(()));
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::InvalidCode { attempts_left: 4 }), "{refusal:?}");
}

#[tokio::test]
async fn asvs_6_6_3_a_dead_challenge_does_not_reach_the_provider() {
    let refusal = Mocks::taking(Ok(Taken::Closed)).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Closed), "{refusal:?}");
}

#[tokio::test]
async fn too_many_wrong_codes_of_an_account_do_not_reach_the_provider() {
    let over = Taken::OverQuota { retry_at: in_seconds(1_234) };
    let refusal = Mocks::taking(Ok(over)).verify().await.unwrap_err();
    let VerifyOtpError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(1_234));
}

#[tokio::test]
async fn every_code_is_wrong_while_no_message_has_left() {
    let mocks = Mocks::attempting(Attempt { provider_id: None, ..attempt() });
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::InvalidCode { attempts_left: 3 }), "{refusal:?}");
}

// Messages whose outcome nobody recorded.

#[tokio::test]
async fn rc_06_a_message_nobody_recorded_is_found_recorded_and_checked() {
    let mut mocks = Mocks::attempting(unsettled(Some(provider_id("sinch-1"))));
    let mut order = Sequence::new();
    mocks
        .provider
        .expect_find()
        .with(eq(reference()), eq(phone()), eq(Channel::Sms))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(Some(provider_id("sinch-2"))));
    mocks
        .challenges
        .expect_settle_sent()
        .with(eq(reference()), eq(provider_id("sinch-2")))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(()));
    // The provider forgot the earlier code when it sent the later one.
    mocks
        .provider
        .expect_check()
        .withf(|asked, _| *asked == verification("sinch-2"))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(CodeCheck::Accepted));
    mocks.redeeming_login(Ok(Redeemed::Done(user()))).signing().verify().await.unwrap();
}

#[tokio::test]
async fn rc_06_a_message_that_never_left_leaves_the_earlier_code_valid() {
    let mut mocks = Mocks::attempting(unsettled(Some(provider_id("sinch-1"))));
    mocks.provider.expect_find().once().return_once(|_, _, _| Ok(None));
    mocks
        .provider
        .expect_check()
        .withf(|asked, _| *asked == verification("sinch-1"))
        .once()
        .return_once(|_, _| Ok(CodeCheck::Accepted));
    mocks.redeeming_login(Ok(Redeemed::Done(user()))).signing().verify().await.unwrap();
}

#[tokio::test]
async fn rc_06_every_code_is_wrong_when_the_only_message_never_left() {
    let mut mocks = Mocks::attempting(unsettled(None));
    mocks.provider.expect_find().once().return_once(|_, _, _| Ok(None));
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::InvalidCode { attempts_left: 3 }), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_message_that_cannot_be_looked_up_costs_no_attempt() {
    let attempt = unsettled(Some(provider_id("sinch-1")));
    let mut mocks = Mocks::attempting(attempt.clone()).giving_back(&attempt);
    mocks.provider.expect_find().once().return_once(|_, _, _| Err(provider_away()));
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_found_message_that_cannot_be_recorded_costs_no_attempt() {
    let mut mocks = Mocks::attempting(unsettled(None)).giving_back(&unsettled(None));
    mocks.provider.expect_find().once().return_once(|_, _, _| Ok(Some(provider_id("sinch-2"))));
    mocks.challenges.expect_settle_sent().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Faults.

#[tokio::test]
async fn rc_01_a_provider_fault_gives_the_attempt_back_and_lets_nobody_in() {
    let mocks = Mocks::checking(attempt(), Err(provider_away())).giving_back(&attempt());
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_an_attempt_that_cannot_be_given_back_lets_nobody_in_either() {
    let mut mocks = Mocks::checking(attempt(), Err(provider_away()));
    mocks.challenges.expect_give_back().once().return_once(|_, _| Err(unavailable()));
    let refusal = mocks.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_no_code_is_checked_without_the_database() {
    let refusal = Mocks::taking(Err(unavailable())).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_right_code_that_cannot_be_recorded_signs_no_token() {
    let login = Mocks::checking(attempt(), Ok(CodeCheck::Accepted)).redeeming_login(Err(unavailable()));
    let refusal = login.verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");

    let registration = Mocks::checking(attempt_for(Purpose::Registration), Ok(CodeCheck::Accepted));
    let refusal = registration.redeeming_registration(Err(unavailable())).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");

    let step_up = Mocks::checking(attempt_for(Purpose::StepUp), Ok(CodeCheck::Accepted));
    let refusal = step_up.redeeming_step_up(Err(unavailable())).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_signed_is_our_defect() {
    let mut mocks = Mocks::checking(attempt(), Ok(CodeCheck::Accepted));
    mocks.tokens.expect_issue().once().return_once(|_| Err(SigningFailed("no key".to_owned())));
    let refusal = mocks.redeeming_login(Ok(Redeemed::Done(user()))).verify().await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::Internal(_))), "{refusal:?}");
}

// What is logged.

#[tokio::test]
async fn lg_01_guesses_are_logged_without_code_token_number_or_whole_id() {
    let log = Log::listen();
    Mocks::checking(attempt(), Ok(CodeCheck::Wrong)).verify().await.unwrap_err();
    let login = Mocks::checking(attempt(), Ok(CodeCheck::Accepted)).signing();
    login.redeeming_login(Ok(Redeemed::Done(user()))).verify().await.unwrap();
    let registration = Mocks::checking(attempt_for(Purpose::Registration), Ok(CodeCheck::Accepted)).signing();
    registration.redeeming_registration(Ok(Redeemed::Done(user()))).verify().await.unwrap();
    let step_up = Mocks::checking(attempt_for(Purpose::StepUp), Ok(CodeCheck::Accepted)).signing();
    step_up.redeeming_step_up(Ok(Redeemed::Done(user()))).verify().await.unwrap();
    let over = Taken::OverQuota { retry_at: in_seconds(60) };
    Mocks::taking(Ok(over)).verify().await.unwrap_err();

    let text = log.text();
    let events =
        ["authn_login_fail", "authn_login_success", "user_created", "authn_step_up", "authn_login_fail_max"];
    let told = events.map(|event| text.find(&format!("event=\"{event}\"")));
    assert!(told.iter().all(Option::is_some) && told.is_sorted(), "in the order of the story: {text}");
    for secret in ["482913", "signed", "nnnnnnnn", "0123456", "ovelace", challenge_id().as_str(), "sinch-1"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn asvs_10_3_4_a_code_without_a_password_is_one_factor_and_says_so() {
    let mut mocks = Mocks::checking(attempt_for(Purpose::PhoneLogin), Ok(CodeCheck::Accepted)).signing();
    let by_phone = NewSession { methods: vec![Sms], ..session_from(now()) };
    mocks
        .challenges
        .expect_redeem_phone_login()
        .with(eq(attempt_for(Purpose::PhoneLogin)), eq(by_phone))
        .once()
        .return_once(|_, _| Ok(Redeemed::Done(user())));

    assert_eq!(mocks.verify().await.unwrap().user, user());
    assert!(!SessionPolicy::is_fresh(&[Sms], now(), now()));
}

#[tokio::test]
async fn en_04_a_code_for_a_decoy_is_wrong_after_the_wait_of_a_check() {
    let spent = Spent { verification_id: attempt().verification_id, attempts_left: 2 };
    let mut mocks = Mocks::taking(Ok(Taken::Decoy(spent)));
    mocks.decoys.expect_check().once().return_once(|| Ok(()));

    assert!(matches!(mocks.verify().await, Err(VerifyOtpError::InvalidCode { attempts_left: 2 })));
}

#[tokio::test]
async fn en_04_a_decoy_meets_the_faults_of_the_provider_and_gives_the_attempt_back() {
    let spent = Spent { verification_id: attempt().verification_id, attempts_left: 2 };
    let mut mocks = Mocks::taking(Ok(Taken::Decoy(spent)));
    mocks.decoys.expect_check().once().return_once(|| Err(provider_away()));
    mocks.challenges.expect_give_back().with(eq(spent), always()).once().return_once(|_, _| Ok(()));

    let answer = mocks.verify().await;

    assert!(matches!(answer, Err(VerifyOtpError::Fault(Fault::ProviderUnavailable(_)))));
}

#[tokio::test]
async fn en_04_a_blind_challenge_whose_message_never_left_waits_like_a_decoy() {
    let unsent = Attempt { provider_id: None, ..attempt_for(Purpose::PhoneLogin) };
    let mut mocks = Mocks::attempting(unsent);
    mocks.decoys.expect_check().once().return_once(|| Ok(()));

    assert!(matches!(mocks.verify().await, Err(VerifyOtpError::InvalidCode { attempts_left: 3 })));
}

// Remembered devices.

/// The session of somebody who wishes the device to be remembered.
fn session_on_device(event: EventName) -> NewSession {
    let device = NewDevice {
        id: DeviceId(fresh_id(3)),
        token: stored_device(&device_token('d')),
        expires_at: now() + DEVICES.ttl,
        max_per_user: DEVICES.max_per_user,
        event: new_event(4, EventName::DeviceRemembered),
    };
    NewSession { device: Some(device), ..session_by(event, now()) }
}

#[tokio::test]
async fn tn_04_a_device_is_remembered_with_the_session_when_asked_for() {
    let login = session_on_device(EventName::LoginSuccess);
    let mut mocks = Mocks::checking(attempt(), Ok(CodeCheck::Accepted)).signing();
    mocks
        .challenges
        .expect_redeem_login()
        .with(eq(attempt()), eq(Proof::SentCode), eq(login))
        .once()
        .return_once(|_, _, _| Ok(Redeemed::Done(user())));
    let request = VerifyOtpRequest { remember_device: true, ..request() };
    let signed_in = mocks.wire().execute(request).await.unwrap();
    assert_eq!(signed_in.device_token.unwrap().expose(), device_token('d').expose());
}

#[tokio::test]
async fn d_20_where_remembering_is_switched_off_the_wish_is_ignored() {
    let mut mocks = Mocks::checking(attempt_for(Purpose::StepUp), Ok(CodeCheck::Accepted)).signing();
    mocks
        .challenges
        .expect_redeem_step_up()
        .withf(|_, _, session| session.device.is_none())
        .once()
        .return_once(|_, _, _| Ok(Redeemed::Done(user())));
    let request = VerifyOtpRequest { remember_device: true, ..request() };
    let off = VerifyOtp { devices: None, ..mocks.wire() };
    assert!(off.execute(request).await.unwrap().device_token.is_none());
}

#[tokio::test]
async fn tn_04_no_device_is_remembered_unasked() {
    let mocks = Mocks::checking(attempt(), Ok(CodeCheck::Accepted)).signing();
    let signed_in = mocks.redeeming_login(Ok(Redeemed::Done(user()))).verify().await.unwrap();
    assert!(signed_in.device_token.is_none());
}
