//! Numbers that may be in new hands, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengeId, ChallengeState, Channel, ChannelPolicy, LineType, Method, NewPassword,
    NumberReport, Password, PasswordPolicy, Purpose, SecondFactors, SignInName, User,
};
use fixtures::{
    APP, CHALLENGES, Later, Log, QUOTAS, SESSIONS, account, blind_watching, challenge_state, client, clock,
    destinations, email, expect_sent, in_seconds, now, opened, phone, principal, reference, registration,
    reserved, secrets, sign_in, user_with,
};
use jiff::SignedDuration;
use mockall::predicate::eq;
use ports::{
    Account, MockAccessTokens, MockAccountStore, MockChallengeStore, MockDeviceStore, MockNumberRisk,
    MockPasswordHasher, MockVerificationProvider, NumberRiskFault, Opened, PasswordMatch, SendDecision,
};
use use_cases::{
    ForgotPassword, ForgotPasswordRequest, LogIn, LogInError, LogInRequest, LoggedIn, Principal,
    RegisterUser, RegisterUserRequest, RequestOtp, RequestOtpError, RequestOtpRequest, StartStepUp,
    StartStepUpError, StartStepUpRequest,
};

const HOUR: i64 = 3600;
const PHONE_ONLY: SecondFactors =
    SecondFactors { totp: false, recovery_codes_left: 0, passkey: false, text_barred: false };

/// Its SIM was changed an hour ago.
fn changed() -> NumberReport {
    NumberReport { sim_changed_at: Some(in_seconds(-HOUR)), ..NumberReport::default() }
}

fn away() -> Result<NumberReport, NumberRiskFault> {
    Err(NumberRiskFault("the source is away".to_owned()))
}

/// Is asked once, of the number of the account, and answers this.
fn source(answer: Result<NumberReport, NumberRiskFault>) -> MockNumberRisk {
    let mut risk = MockNumberRisk::new();
    risk.expect_report().with(eq(phone())).once().return_once(|_| answer);
    risk
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    accounts: MockAccountStore,
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
}

impl Mocks {
    /// The password is right, and a message is reserved for the challenge.
    fn reserving(purpose: Purpose, factors: SecondFactors) -> Self {
        Self::opening(factors, with(purpose, factors))
    }

    /// The password is right, and this challenge is open.
    fn opening(factors: SecondFactors, opened: Opened) -> Self {
        let mut mocks = Self::default();
        let known = sign_in(Some(Account { user: user_with(factors), ..account() }), vec![registration(1)]);
        mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Ok(known));
        let right = Ok(Some(PasswordMatch { index: 0, outdated: false }));
        mocks.hasher.expect_find_match().once().return_once(|_, _, _| right);
        mocks.challenges.expect_open().once().return_once(move |_, _| Ok(Some(opened)));
        mocks
    }

    /// The reservation is taken back, and nothing is sent.
    fn taking_back(mut self) -> Self {
        self.challenges.expect_settle_not_sent().with(eq(reference())).once().return_once(|_| Ok(()));
        self
    }

    fn sending(mut self) -> Self {
        expect_sent(&mut self.provider, &mut self.challenges);
        self
    }

    async fn log_in(self, risk: MockNumberRisk) -> Result<Challenge, LogInError> {
        let log_in = LogIn {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(MockAccessTokens::new()),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
            challenges: Arc::new(self.challenges),
            devices: Arc::new(MockDeviceStore::new()),
            provider: Arc::new(self.provider),
            number_risk: Arc::new(risk),
            destinations: destinations(),
            policy: CHALLENGES,
            sessions: SESSIONS,
            remembering: None,
            quotas: QUOTAS,
        };
        let request = LogInRequest {
            name: SignInName::Email(email()),
            password: Password::presented("right"),
            device_token: None,
            request_locale: None,
            client: client(),
        };
        match log_in.execute(request).await? {
            LoggedIn::OtpRequired(challenge) => Ok(challenge),
            LoggedIn::Authenticated(_) => panic!("no device was presented"),
        }
    }

    async fn step_up(self, user: User, risk: MockNumberRisk) -> Result<Challenge, StartStepUpError> {
        let step_up = StartStepUp {
            clock: clock(),
            secrets: secrets(),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            number_risk: Arc::new(risk),
            destinations: destinations(),
            policy: CHALLENGES,
            quotas: QUOTAS,
        };
        let request = StartStepUpRequest {
            password: Password::presented("right"),
            request_locale: None,
            client: client(),
        };
        step_up.execute(&Principal { user, ..principal() }, request).await
    }
}

fn with(purpose: Purpose, factors: SecondFactors) -> Opened {
    let Opened { challenge, send } = opened(purpose, reserved());
    Opened { challenge: ChallengeState { second_factors: factors, ..challenge }, send }
}

fn until_it_is_free() -> SignedDuration {
    NumberReport::HOLD - SignedDuration::from_hours(1)
}

#[tokio::test]
async fn nb_08_a_changed_sim_leaves_a_sign_in_and_a_step_up_to_other_factors() {
    let log = Log::listen();
    let signing_in =
        Mocks::reserving(Purpose::Login, APP).taking_back().log_in(source(Ok(changed()))).await.unwrap();
    let stepping_up = Mocks::reserving(Purpose::StepUp, APP).taking_back();
    let stepping_up = stepping_up.step_up(user_with(APP), source(Ok(changed()))).await.unwrap();

    for challenge in [signing_in, stepping_up] {
        assert!(!challenge.sent);
        assert_eq!(challenge.methods, [Method::Totp, Method::RecoveryCode]);
        assert_eq!(challenge.resend_available_at, None, "no text comes later either");
    }
    assert!(log.text().contains("number_risk_held"), "{}", log.text());
    assert!(!log.text().contains(phone().as_e164()), "{}", log.text());
}

#[tokio::test]
async fn nb_08_who_has_only_the_phone_is_refused_until_the_change_is_old() {
    let refusal =
        Mocks::reserving(Purpose::Login, PHONE_ONLY).taking_back().log_in(source(Ok(changed()))).await;
    let LogInError::RateLimited { retry_after } = refusal.unwrap_err() else { panic!("a time to wait for") };
    assert_eq!(retry_after, until_it_is_free());

    let step_up = Mocks::reserving(Purpose::StepUp, PHONE_ONLY).taking_back();
    let refusal = step_up.step_up(user_with(PHONE_ONLY), source(Ok(changed()))).await.unwrap_err();
    assert!(
        matches!(refusal, StartStepUpError::RateLimited { retry_after } if retry_after == until_it_is_free())
    );
}

#[tokio::test]
async fn nb_08_an_old_change_and_an_unknown_number_hold_nobody() {
    let old = NumberReport { ported_at: Some(now() - NumberReport::HOLD), ..NumberReport::default() };
    for report in [old, NumberReport::default()] {
        let mocks = Mocks::reserving(Purpose::Login, PHONE_ONLY).sending();
        assert!(mocks.log_in(source(Ok(report))).await.unwrap().sent);
    }
}

#[tokio::test]
async fn nb_08_a_line_that_gets_no_codes_is_a_destination_that_is_not_allowed() {
    let voip = NumberReport { line: Some(LineType::Voip), ..NumberReport::default() };
    let refusal = Mocks::reserving(Purpose::Login, PHONE_ONLY).taking_back().log_in(source(Ok(voip))).await;
    assert!(matches!(refusal.unwrap_err(), LogInError::DestinationNotAllowed));
}

#[tokio::test]
async fn nb_08_a_source_that_fails_keeps_nobody_out_and_is_logged() {
    let log = Log::listen();
    let mocks = Mocks::reserving(Purpose::Login, PHONE_ONLY).sending();
    assert!(mocks.log_in(source(away())).await.unwrap().sent);
    assert!(log.text().contains("number_risk_unavailable"), "{}", log.text());
}

#[tokio::test]
async fn nb_08_nobody_is_asked_where_nothing_is_to_be_sent() {
    let held = Opened { send: SendDecision::Held, ..with(Purpose::Login, APP) };
    let mocks = Mocks::opening(APP, held);
    assert!(!mocks.log_in(MockNumberRisk::new()).await.unwrap().sent);
}

#[tokio::test]
async fn nb_08_a_number_that_is_new_here_is_not_asked_about() {
    let mut mocks = Mocks::default();
    mocks.hasher.expect_hash().once().return_once(|_, _| Ok(registration(1).password_hash));
    mocks
        .challenges
        .expect_open()
        .once()
        .return_once(|_, _| Ok(Some(opened(Purpose::Registration, reserved()))));
    let mocks = mocks.sending();
    let register = RegisterUser {
        clock: clock(),
        secrets: secrets(),
        hasher: Arc::new(mocks.hasher),
        challenges: Arc::new(mocks.challenges),
        provider: Arc::new(mocks.provider),
        destinations: destinations(),
        policy: CHALLENGES,
        quotas: QUOTAS,
    };
    let request = RegisterUserRequest {
        email: email(),
        password: NewPassword::parse("correct horse battery", Some(&email()), &PasswordPolicy::default())
            .unwrap(),
        phone: phone(),
        locale: None,
        request_locale: None,
        client: client(),
    };
    assert!(register.execute(request).await.unwrap().sent);
}

/// What a further message of a challenge comes to.
async fn request_otp(
    purpose: Purpose,
    risk: MockNumberRisk,
    mocks: Mocks,
) -> Result<Challenge, RequestOtpError> {
    let later = Later::default();
    let (accounts, unseen) = (MockAccountStore::new(), MockChallengeStore::new());
    let mut challenges = mocks.challenges;
    challenges.expect_reserve_resend().once().return_once(move |_, _| Ok(Some(with(purpose, APP))));
    let request_otp = RequestOtp {
        blind: blind_watching(risk, accounts, unseen, MockVerificationProvider::new(), &later),
        clock: clock(),
        secrets: secrets(),
        challenges: Arc::new(challenges),
        provider: Arc::new(mocks.provider),
        channels: ChannelPolicy::default(),
        policy: CHALLENGES,
        quotas: QUOTAS,
    };
    let challenge_id = ChallengeId::parse("presented-challenge").unwrap();
    request_otp.execute(RequestOtpRequest { challenge_id, channel: Channel::Sms, client: client() }).await
}

#[tokio::test]
async fn nb_08_a_further_message_is_held_alike() {
    let refusal = request_otp(Purpose::Login, source(Ok(changed())), Mocks::default().taking_back()).await;
    assert!(matches!(refusal.unwrap_err(), RequestOtpError::ChannelNotAvailable));

    let sent = request_otp(Purpose::Registration, MockNumberRisk::new(), Mocks::default().sending()).await;
    assert!(sent.unwrap().sent);
}

/// A forgotten password of this account, or of nobody; what its holder sees.
async fn forgotten(
    account_of: Option<Account>,
    risk: MockNumberRisk,
    provider: MockVerificationProvider,
    taken_back: bool,
) -> Challenge {
    let later = Later::default();
    let user_id = account_of.as_ref().map(|account| account.user.id);
    let (mut names, mut accounts, mut challenges) =
        (MockAccountStore::new(), MockAccountStore::new(), MockChallengeStore::new());
    let known = account_of.clone();
    names.expect_find_sign_in().once().return_once(|_, _, _| Ok(sign_in(known, Vec::new())));
    if let Some(account) = account_of {
        accounts.expect_find_account().once().return_once(|_| Ok(Some(account)));
        challenges.expect_reserve_unseen().once().return_once(|_, _| Ok(true));
    }
    if taken_back {
        challenges.expect_settle_not_sent().once().return_once(|_| Ok(()));
    }
    let state = ChallengeState { user_id, ..challenge_state(Purpose::PasswordReset) };
    let opened = Opened { challenge: state, send: SendDecision::Announced };
    challenges.expect_open().once().return_once(|_, _| Ok(Some(opened)));
    let forgot = ForgotPassword {
        clock: clock(),
        accounts: Arc::new(names),
        blind: blind_watching(risk, accounts, challenges, provider, &later),
    };
    let request = ForgotPasswordRequest { email: email(), request_locale: None, client: client() };
    let shown = forgot.execute(request).await.unwrap();
    later.run().await;
    shown
}

#[tokio::test]
async fn nb_08_a_changed_sim_gets_no_code_of_a_reset_and_its_holder_sees_no_difference() {
    let held = forgotten(Some(account()), source(Ok(changed())), MockVerificationProvider::new(), true).await;
    let unknown = forgotten(None, MockNumberRisk::new(), MockVerificationProvider::new(), false).await;
    assert_eq!(held, unknown);
    assert!(held.sent);
}

#[tokio::test]
async fn nb_08_a_source_that_fails_holds_no_reset() {
    let mut provider = MockVerificationProvider::new();
    provider.expect_start().once().return_once(|_| Err(ports::StartError::NotSent(ports::NotSent::TooSoon)));
    assert!(forgotten(Some(account()), source(away()), provider, true).await.sent);
}
