//! Sign-ins and step-ups of who has another factor than the phone, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengeId, ChallengeState, Channel, ChannelPolicy, Method, Password, Purpose, SecondFactors,
    SignInName, User,
};
use fixtures::{
    APP, BARRED, CHALLENGES, Later, QUOTAS, SESSIONS, account, blind, challenge_state, client, clock,
    destinations, email, expect_not_sent, in_seconds, opened, principal, provider_away, registration,
    reserved, secrets, sign_in, unavailable, unsendable_phone, unwatched, user_with,
};
use ports::{
    Account, MockAccessTokens, MockAccountStore, MockChallengeStore, MockDeviceStore, MockPasswordHasher,
    MockVerificationProvider, NotSent, Opened, PasswordMatch, SendDecision, StartError,
};
use use_cases::{
    Fault, LogIn, LogInError, LogInRequest, LoggedIn, Principal, RequestOtp, RequestOtpError,
    RequestOtpRequest, StartStepUp, StartStepUpRequest,
};

const CODES_ONLY: SecondFactors = SecondFactors { totp: false, ..APP };

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    accounts: MockAccountStore,
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
}

impl Mocks {
    /// The password is that of the account of `user`.
    fn of(user: &User) -> Self {
        let known = sign_in(Some(Account { user: user.clone(), ..account() }), vec![registration(1)]);
        let mut mocks = Self::default();
        mocks.accounts.expect_find_sign_in().once().return_once(|_, _, _| Ok(known));
        let right = Ok(Some(PasswordMatch { index: 0, outdated: false }));
        mocks.hasher.expect_find_match().once().return_once(|_, _, _| right);
        mocks
    }

    /// The challenge is opened, and the store decides this about a message.
    fn opening(mut self, factors: SecondFactors, may_send: bool, send: SendDecision) -> Self {
        self.challenges
            .expect_open()
            .withf(move |new, _| new.may_send == may_send)
            .once()
            .return_once(move |_, _| Ok(Some(with(factors, send))));
        self
    }

    fn failing(mut self, error: StartError) -> Self {
        match error {
            StartError::NotSent(reason) => expect_not_sent(&mut self.provider, &mut self.challenges, reason),
            shielded @ StartError::Shielded { .. } => {
                self.provider.expect_start().once().return_once(|_| Err(shielded));
                self.challenges.expect_settle_not_sent().once().return_once(|_| Ok(()));
            }
            unknown @ StartError::Unknown(_) => {
                self.provider.expect_start().once().return_once(|_| Err(unknown));
            }
        }
        self
    }

    async fn log_in(self) -> Result<Challenge, LogInError> {
        let log_in = LogIn {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(MockAccessTokens::new()),
            hasher: Arc::new(self.hasher),
            accounts: Arc::new(self.accounts),
            challenges: Arc::new(self.challenges),
            devices: Arc::new(MockDeviceStore::new()),
            provider: Arc::new(self.provider),
            number_risk: Arc::new(unwatched()),
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

    async fn step_up(self, user: User) -> Challenge {
        let step_up = StartStepUp {
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
        };
        let request = StartStepUpRequest {
            password: Password::presented("right"),
            request_locale: None,
            client: client(),
        };
        step_up.execute(&Principal { user, ..principal() }, request).await.unwrap()
    }

    async fn request_otp(self) -> Result<Challenge, RequestOtpError> {
        let later = Later::default();
        let request_otp = RequestOtp {
            blind: blind(
                MockAccountStore::new(),
                MockChallengeStore::new(),
                MockVerificationProvider::new(),
                &later,
            ),
            clock: clock(),
            secrets: secrets(),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            channels: ChannelPolicy::default(),
            policy: CHALLENGES,
            quotas: QUOTAS,
        };
        let challenge_id = ChallengeId::parse("presented-challenge").unwrap();
        request_otp.execute(RequestOtpRequest { challenge_id, channel: Channel::Sms, client: client() }).await
    }
}

fn with(factors: SecondFactors, send: SendDecision) -> Opened {
    let Opened { challenge, send } = opened(Purpose::Login, send);
    Opened { challenge: ChallengeState { second_factors: factors, ..challenge }, send }
}

fn not_sent(reason: NotSent) -> StartError {
    StartError::NotSent(reason)
}

/// Every way in which a message does not leave for certain.
fn certainly_not_sent() -> [StartError; 5] {
    [
        not_sent(NotSent::Fault(provider_away())),
        not_sent(NotSent::TooSoon),
        not_sent(NotSent::DestinationRefused("forbidden".to_owned())),
        StartError::Shielded { retry_at: in_seconds(60), is_over_budget: false },
        StartError::Shielded { retry_at: in_seconds(60), is_over_budget: true },
    ]
}

#[tokio::test]
async fn asvs_6_6_1_a_challenge_tells_what_else_answers_it() {
    use Method::{RecoveryCode, Sms, Totp};
    let cases: [(SecondFactors, &[Method]); 3] = [
        (SecondFactors::default(), &[Sms]),
        (APP, &[Sms, Totp, RecoveryCode]),
        (CODES_ONLY, &[Sms, RecoveryCode]),
    ];
    for (factors, methods) in cases {
        let mocks = Mocks::of(&user_with(factors)).opening(factors, true, SendDecision::Held);
        assert_eq!(mocks.log_in().await.unwrap().methods, methods);
    }
}

#[tokio::test]
async fn a_sign_in_survives_a_provider_that_is_away_where_another_factor_answers() {
    for factors in [APP, CODES_ONLY] {
        for error in certainly_not_sent() {
            let mocks = Mocks::of(&user_with(factors)).opening(factors, true, reserved()).failing(error);
            let challenge = mocks.log_in().await.unwrap();
            assert!(!challenge.sent);
            let since = CHALLENGES.ttl - jiff::SignedDuration::from_secs(480);
            let resend_at = in_seconds(0).checked_sub(since).unwrap();
            assert_eq!(challenge.resend_available_at, Some(resend_at), "nothing holds a text back");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_provider_still_opens_the_challenge_and_the_cooldown_runs() {
    let mocks = Mocks::of(&user_with(APP)).opening(APP, true, reserved());
    let challenge = mocks.failing(StartError::Unknown(provider_away())).log_in().await.unwrap();
    assert!(!challenge.sent);
    assert_eq!(challenge.resend_available_at, Some(in_seconds(120)), "it may be on its way");
}

#[tokio::test]
async fn tn_02_a_used_up_quota_of_messages_closes_no_other_factor() {
    let over = SendDecision::OverQuota { retry_at: in_seconds(600) };
    let mocks = Mocks::of(&user_with(APP)).opening(APP, true, over.clone());
    assert!(!mocks.log_in().await.unwrap().sent);

    let phone_only = SecondFactors::default();
    let mocks = Mocks::of(&user_with(phone_only)).opening(phone_only, true, over);
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::RateLimited { .. }), "{refusal:?}");
}

#[tokio::test]
async fn a_step_up_survives_a_provider_that_is_away_too() {
    let user = user_with(APP);
    let mocks = Mocks::of(&user).opening(APP, true, reserved());
    let challenge = mocks.failing(not_sent(NotSent::Fault(provider_away()))).step_up(user).await;
    assert!(!challenge.sent);
}

#[tokio::test]
async fn asvs_16_5_2_who_has_only_a_phone_is_told_that_the_provider_is_away() {
    let phone_only = SecondFactors::default();
    let mocks = Mocks::of(&user_with(phone_only)).opening(phone_only, true, reserved());
    let refusal = mocks.failing(not_sent(NotSent::Fault(provider_away()))).log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_a_database_that_is_away_is_no_matter_of_factors() {
    let mut mocks = Mocks::of(&user_with(APP)).opening(APP, true, reserved());
    mocks.provider.expect_start().once().return_once(|_| Err(not_sent(NotSent::TooSoon)));
    mocks.challenges.expect_settle_not_sent().once().return_once(|_| Err(unavailable()));
    let refusal = mocks.log_in().await.unwrap_err();
    assert!(matches!(refusal, LogInError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn sm_01_a_number_that_gets_no_codes_keeps_nobody_out_who_needs_none() {
    let user = User { phone: unsendable_phone(), ..user_with(APP) };
    let mocks = Mocks::of(&user).opening(APP, false, SendDecision::Held);
    assert!(!mocks.log_in().await.unwrap().sent);
}

// After a reset by text.

#[tokio::test]
async fn asvs_6_4_3_nothing_is_sent_while_texts_are_barred() {
    let user = user_with(BARRED);
    let challenges = [
        Mocks::of(&user).opening(BARRED, false, SendDecision::Held).log_in().await.unwrap(),
        Mocks::of(&user).opening(BARRED, false, SendDecision::Held).step_up(user).await,
    ];
    for challenge in challenges {
        assert!(!challenge.sent);
        assert_eq!(challenge.methods, [Method::Totp, Method::RecoveryCode]);
    }
}

#[tokio::test]
async fn asvs_6_4_3_no_further_message_can_be_asked_for_while_texts_are_barred() {
    let mut mocks = Mocks::default();
    mocks
        .challenges
        .expect_reserve_resend()
        .once()
        .return_once(|_, _| Ok(Some(with(BARRED, SendDecision::Held))));
    let refusal = mocks.request_otp().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::ChannelNotAvailable), "{refusal:?}");
    assert_eq!(challenge_state(Purpose::Login).second_factors, SecondFactors::default());
}
