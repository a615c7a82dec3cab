//! Challenges that are answered by an authenticator app or a recovery code, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    AccessToken, Answer, AnswerKind,
    AuthenticationMethod::{MultiFactor, OneTimePassword, Password},
    ChallengeId, Channel, Code, EventName, Purpose, SessionPolicy, TotpStep, VerificationId,
};
use fixtures::{
    APP, CHALLENGES, Log, QUOTAS, SESSIONS, client, clock, fresh_id, in_seconds, new_event, now, phone,
    provider_id, recovery_code, secrets, stored_recovery_code, totp_secret, unavailable, user, user_with,
};
use jiff::Timestamp;
use mockall::{Sequence, predicate::eq};
use ports::{
    Attempt, ConfirmedTotp, MockAccessTokens, MockChallengeStore, MockFactorStore, MockSealer, MockTotpCodes,
    MockVerificationProvider, Proof, Redeemed, SealContext, SealedValue, StoreError, Taken, TotpEnrolment,
    UnsealError, Unsealed,
};
use use_cases::{Fault, SignedIn, VerifyOtp, VerifyOtpError, VerifyOtpRequest};

const CODE: &str = "287082";

fn totp() -> Answer {
    Answer::Totp(Code::parse(CODE).unwrap())
}

fn saved() -> Answer {
    Answer::RecoveryCode(recovery_code(3))
}

/// An attempt at a sign-in whose message never left: the provider must not be asked.
fn attempt() -> Attempt {
    Attempt {
        challenge_id: ChallengeId::parse("presented-challenge").unwrap(),
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

fn this_step() -> TotpStep {
    TotpStep::at(now())
}

fn before(step: TotpStep) -> TotpStep {
    TotpStep(step.0 - 1)
}

fn sealed() -> SealedValue {
    SealedValue("sealed".to_owned())
}

fn enrolled(last_step: TotpStep) -> TotpEnrolment {
    let at: Timestamp = in_seconds(-60);
    TotpEnrolment { secret: sealed(), begun_at: at, confirmed: Some(ConfirmedTotp { at, last_step }) }
}

/// Whatever is not expected of these must not be called: above all not the provider.
#[derive(Default)]
struct Mocks {
    tokens: MockAccessTokens,
    challenges: MockChallengeStore,
    factors: MockFactorStore,
    sealer: MockSealer,
    totp_codes: MockTotpCodes,
}

impl Mocks {
    fn attempting(attempt: Attempt) -> Self {
        let mut mocks = Self::default();
        mocks.challenges.expect_take_attempt().once().return_once(|_, _| Ok(Taken::Attempt(attempt)));
        mocks
    }

    fn with_app(mut self, app: Option<TotpEnrolment>) -> Self {
        self.factors.expect_find_totp().with(eq(user().id)).once().return_once(|_| Ok(app));
        self
    }

    fn opening(mut self, outdated: bool) -> Self {
        self.sealer
            .expect_open()
            .with(eq(sealed()), eq(SealContext::TotpSecret(user().id)))
            .once()
            .return_once(move |_, _| {
                Ok(Unsealed { plaintext: totp_secret().expose().to_vec().into(), outdated })
            });
        self
    }

    /// The app shows [`CODE`] in these steps.
    fn showing(mut self, steps: &'static [i64]) -> Self {
        self.totp_codes.expect_is_code_of().returning(|secret, step, code| {
            assert_eq!(secret.expose(), totp_secret().expose());
            code.expose() == CODE && steps.contains(&(step.0 - this_step().0))
        });
        self
    }

    fn redeeming(mut self, proof: Proof, answer: Result<Redeemed, StoreError>) -> Self {
        self.challenges
            .expect_redeem_login()
            .withf(move |_, presented, _| *presented == proof)
            .once()
            .return_once(|_, _, _| answer);
        self
    }

    fn signing(mut self) -> Self {
        self.tokens.expect_issue().once().return_once(|_| Ok(AccessToken::new("signed".to_owned())));
        self
    }

    /// The owner will read of the wrong answer, recorded under the `n`-th id.
    fn recording_the_failure(mut self, n: u64) -> Self {
        self.challenges
            .expect_record_wrong_answer()
            .withf(move |attempt, event, at| {
                attempt.user_id == Some(user().id)
                    && *event == new_event(n, EventName::FactorFail)
                    && *at == now()
            })
            .once()
            .return_once(|_, _, _| Ok(()));
        self
    }

    async fn verify(self, answer: Answer) -> Result<SignedIn, VerifyOtpError> {
        let verify = VerifyOtp {
            clock: clock(),
            secrets: secrets(),
            tokens: Arc::new(self.tokens),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(MockVerificationProvider::new()),
            decoys: Arc::new(ports::MockDecoyCodes::new()),
            factors: Arc::new(self.factors),
            sealer: Arc::new(self.sealer),
            totp_codes: Arc::new(self.totp_codes),
            policy: CHALLENGES,
            sessions: SESSIONS,
            devices: None,
            quotas: QUOTAS,
        };
        let challenge_id = ChallengeId::parse("presented-challenge").unwrap();
        verify
            .execute(VerifyOtpRequest { challenge_id, answer, remember_device: false, client: client() })
            .await
    }

    #[track_caller]
    fn assert_wrong(answer: Result<SignedIn, VerifyOtpError>) {
        let refusal = answer.unwrap_err();
        assert!(matches!(refusal, VerifyOtpError::InvalidCode { attempts_left: 3 }), "{refusal:?}");
    }
}

fn done() -> Redeemed {
    Redeemed::Done(user_with(APP))
}

fn proof_of_the_saved_code() -> Proof {
    let event = new_event(1, EventName::RecoveryCodeUsed).notifying(&phone());
    Proof::RecoveryCode { hash: stored_recovery_code(&recovery_code(3)), event }
}

// Right answers.

#[tokio::test]
async fn rc_01_the_attempt_is_taken_before_a_secret_is_opened_and_the_step_before_tokens_exist() {
    let mut mocks = Mocks::default().showing(&[0]);
    let mut order = Sequence::new();
    mocks
        .challenges
        .expect_take_attempt()
        .withf(|guess, _| guess.kind == AnswerKind::Totp && guess.quotas == QUOTAS)
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(Taken::Attempt(attempt())));
    mocks
        .factors
        .expect_find_totp()
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(Some(enrolled(TotpStep(0)))));
    mocks.sealer.expect_open().once().in_sequence(&mut order).return_once(|_, _| {
        Ok(Unsealed { plaintext: totp_secret().expose().to_vec().into(), outdated: false })
    });
    mocks
        .challenges
        .expect_redeem_login()
        .withf(|taken, proof, session| {
            *taken == attempt()
                && *proof == Proof::Totp(this_step())
                && session.methods == [Password, OneTimePassword, MultiFactor]
                && session.event == new_event(2, EventName::LoginSuccess)
        })
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _, _| Ok(done()));
    mocks
        .tokens
        .expect_issue()
        .withf(|claims| claims.methods == [Password, OneTimePassword, MultiFactor])
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(AccessToken::new("signed".to_owned())));

    assert_eq!(mocks.verify(totp()).await.unwrap().user, user_with(APP));
}

#[tokio::test]
async fn d_16_the_code_of_the_step_before_is_taken_as_that_step() {
    let mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(false);
    let proof = Proof::Totp(before(this_step()));
    mocks.showing(&[-1]).redeeming(proof, Ok(done())).signing().verify(totp()).await.unwrap();
}

#[tokio::test]
async fn asvs_7_2_4_a_step_up_takes_a_code_of_the_app() {
    let stepping_up = Attempt { purpose: Purpose::StepUp, ..attempt() };
    let mut mocks = Mocks::attempting(stepping_up).with_app(Some(enrolled(TotpStep(0)))).opening(false);
    mocks
        .challenges
        .expect_redeem_step_up()
        .withf(|_, proof, session| {
            *proof == Proof::Totp(this_step()) && session.event.name == EventName::StepUp
        })
        .once()
        .return_once(|_, _, _| Ok(done()));
    mocks.showing(&[0]).signing().verify(totp()).await.unwrap();
}

/// RFC 8176 has no name for it: the token says truly that there was another factor.
#[tokio::test]
async fn asvs_10_3_4_a_recovery_code_is_a_second_factor_that_has_no_name() {
    let mut mocks = Mocks::attempting(attempt());
    mocks
        .challenges
        .expect_redeem_login()
        .withf(|_, proof, session| {
            *proof == proof_of_the_saved_code() && session.methods == [Password, MultiFactor]
        })
        .once()
        .return_once(|_, _, _| Ok(done()));
    let signed_in = mocks.signing().verify(saved()).await.unwrap();
    assert_eq!(signed_in.user.second_factors.recovery_codes_left, 9, "nb_09: it shows how many are left");
    assert!(SessionPolicy::is_fresh(&[Password, MultiFactor], now(), now()));
}

// Wrong answers.

#[tokio::test]
async fn asvs_6_6_3_a_wrong_code_of_the_app_costs_its_attempt_and_is_recorded() {
    let mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(false);
    Mocks::assert_wrong(mocks.showing(&[]).recording_the_failure(1).verify(totp()).await);
}

#[tokio::test]
async fn d_16_codes_of_a_later_step_or_of_two_steps_before_are_wrong() {
    for steps in [&[1_i64][..], &[-2]] {
        let steps: &'static [i64] = if steps == [1] { &[1] } else { &[-2] };
        let mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(false);
        Mocks::assert_wrong(mocks.showing(steps).recording_the_failure(1).verify(totp()).await);
    }
}

#[tokio::test]
async fn nb_11_a_code_of_the_last_used_step_is_wrong_before_the_store_is_asked() {
    let mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(this_step()))).opening(false);
    Mocks::assert_wrong(mocks.showing(&[0, -1]).recording_the_failure(1).verify(totp()).await);
}

#[tokio::test]
async fn asvs_6_5_1_an_answer_that_somebody_else_used_faster_is_wrong() {
    let mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(false);
    let mocks = mocks.showing(&[0]).redeeming(Proof::Totp(this_step()), Ok(Redeemed::Refused));
    // The ids before it are those of the session that was not opened.
    Mocks::assert_wrong(mocks.recording_the_failure(3).verify(totp()).await);

    let mocks = Mocks::attempting(attempt()).redeeming(proof_of_the_saved_code(), Ok(Redeemed::Refused));
    Mocks::assert_wrong(mocks.recording_the_failure(4).verify(saved()).await);
}

#[tokio::test]
async fn asvs_2_2_3_a_factor_that_the_user_does_not_have_is_answered_like_a_wrong_code() {
    let waiting = TotpEnrolment { confirmed: None, ..enrolled(TotpStep(0)) };
    for app in [None, Some(waiting)] {
        let mocks = Mocks::attempting(attempt()).with_app(app);
        Mocks::assert_wrong(mocks.recording_the_failure(1).verify(totp()).await);
    }
}

#[tokio::test]
async fn asvs_2_2_3_a_registration_takes_nothing_but_the_code_that_was_sent() {
    for answer in [totp(), saved()] {
        let registering = Attempt { purpose: Purpose::Registration, user_id: None, ..attempt() };
        Mocks::assert_wrong(Mocks::attempting(registering).verify(answer).await);
    }
}

#[tokio::test]
async fn asvs_6_4_3_a_sent_code_is_wrong_while_texts_are_barred_and_nobody_is_asked() {
    let barred = Attempt { text_barred: true, ..attempt() };
    let sent = Answer::SentCode(Code::parse(CODE).unwrap());
    Mocks::assert_wrong(Mocks::attempting(barred).recording_the_failure(1).verify(sent).await);
}

// Faults.

#[tokio::test]
async fn asvs_16_5_2_a_code_that_could_not_be_compared_costs_nothing_and_lets_nobody_in() {
    let unread = {
        let mut mocks = Mocks::attempting(attempt());
        mocks.factors.expect_find_totp().once().return_once(|_| Err(unavailable()));
        mocks
    };
    let unopened = {
        let mut mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0))));
        mocks.sealer.expect_open().once().return_once(|_, _| Err(UnsealError::Forged));
        mocks
    };
    for mut mocks in [unread, unopened] {
        mocks
            .challenges
            .expect_give_back()
            .with(eq(attempt().spent()), eq(CHALLENGES.max_given_back))
            .once()
            .return_once(|_, _| Ok(()));
        let refusal = mocks.verify(totp()).await.unwrap_err();
        let is_fault =
            matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_) | Fault::Internal(_)));
        assert!(is_fault, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_wrong_answer_that_cannot_be_recorded_is_not_judged() {
    let mut mocks = Mocks::attempting(attempt()).with_app(None);
    mocks.challenges.expect_record_wrong_answer().once().return_once(|_, _, _| Err(unavailable()));
    let refusal = mocks.verify(totp()).await.unwrap_err();
    assert!(matches!(refusal, VerifyOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

// Keys that are on their way out.

#[tokio::test]
async fn asvs_11_3_3_a_secret_of_a_previous_key_is_sealed_anew_once_its_code_was_right() {
    for stored in [Ok(()), Err(unavailable())] {
        let mut mocks = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(true);
        mocks
            .sealer
            .expect_seal()
            .withf(|plaintext, context| {
                plaintext == totp_secret().expose() && *context == SealContext::TotpSecret(user().id)
            })
            .once()
            .return_once(|_, _| SealedValue("sealed anew".to_owned()));
        mocks
            .factors
            .expect_reseal_totp()
            .with(eq(user().id), eq(sealed()), eq(SealedValue("sealed anew".to_owned())))
            .once()
            .return_once(|_, _, _| stored);
        let mocks = mocks.showing(&[0]).redeeming(Proof::Totp(this_step()), Ok(done()));
        mocks.signing().verify(totp()).await.unwrap();
    }
    let wrong = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(true);
    Mocks::assert_wrong(wrong.showing(&[]).recording_the_failure(1).verify(totp()).await);
}

#[tokio::test]
async fn lg_01_answers_are_logged_without_code_or_secret() {
    let log = Log::listen();
    let right = Mocks::attempting(attempt()).redeeming(proof_of_the_saved_code(), Ok(done())).signing();
    right.verify(saved()).await.unwrap();
    let wrong = Mocks::attempting(attempt()).with_app(Some(enrolled(TotpStep(0)))).opening(false);
    wrong.showing(&[]).recording_the_failure(1).verify(totp()).await.unwrap_err();

    let text = log.text();
    assert!(text.contains("authn_login_success") && text.contains("authn_login_fail"), "{text}");
    let saved = recovery_code(3);
    for secret in [CODE, saved.expose(), "12345678901234567890", "sealed"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
