//! Another number for an account, with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengeId, Channel, Code, EventName, PhoneNumber, Purpose, SendReference, User,
    VerificationId,
};
use fixtures::{
    CHALLENGES, QUOTAS, barely_fresh_principal, client, clock, destinations, expect_not_sent, expect_sent,
    fresh_challenge_id, fresh_id, locale, new_event, now, opened, phone, principal, provider_away,
    provider_id, reserved, secrets, stale_principals, sweden, unsendable_phone, user,
};
use mockall::predicate::eq;
use ports::{
    Attempt, CodeCheck, Guess, MockChallengeStore, MockDecoyCodes, MockVerificationProvider, NewChallenge,
    NewEvent, NotSent, PhoneChange, Redeemed, SendDecision, SendLimits, Subject, Taken,
};
use use_cases::{
    Fault, Principal, StartPhoneChange, StartPhoneChangeError, StartPhoneChangeRequest, VerifyOtpError,
    VerifyPhone,
};

fn new_phone() -> PhoneNumber {
    PhoneNumber::parse("+46709999999", None).unwrap()
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
}

impl Mocks {
    fn opening(send: SendDecision) -> Self {
        let mut mocks = Self::default();
        let challenge = NewChallenge {
            subject: Subject::PhoneChange {
                user_id: user().id,
                phone: new_phone(),
                session_id: principal().session_id,
            },
            id: fresh_challenge_id(),
            verification_id: VerificationId(fresh_id(1)),
            reference: SendReference(fresh_id(2)),
            channel: Channel::Sms,
            locale: user().locale,
            country: Some(sweden()),
            may_send: true,
            limits: SendLimits { policy: CHALLENGES, quotas: QUOTAS, address: client().network() },
        };
        mocks
            .challenges
            .expect_open()
            .with(eq(challenge), eq(now()))
            .once()
            .return_once(|_, _| Ok(Some(opened(Purpose::PhoneChange, send))));
        mocks
    }

    async fn start(
        self,
        principal: &Principal,
        phone: PhoneNumber,
    ) -> Result<Challenge, StartPhoneChangeError> {
        let start = StartPhoneChange {
            clock: clock(),
            secrets: secrets(),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            destinations: destinations(),
            policy: CHALLENGES,
            quotas: QUOTAS,
        };
        let request_locale = Some(locale("de"));
        start.execute(principal, StartPhoneChangeRequest { phone, request_locale, client: client() }).await
    }

    async fn verify(self) -> Result<User, VerifyOtpError> {
        let verify = VerifyPhone {
            clock: clock(),
            secrets: secrets(),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            decoys: Arc::new(MockDecoyCodes::new()),
            policy: CHALLENGES,
            quotas: QUOTAS,
        };
        let code = Code::parse("482913").unwrap();
        verify.execute(&principal(), challenge_id(), &code, client()).await
    }
}

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("presented-challenge").unwrap()
}

#[tokio::test]
async fn nb_06_the_code_goes_to_the_new_number() {
    let mut mocks = Mocks::opening(reserved());
    expect_sent(&mut mocks.provider, &mut mocks.challenges);

    let challenge = mocks.start(&barely_fresh_principal(), new_phone()).await.unwrap();

    assert!(challenge.sent);
    assert_eq!(challenge.purpose, Purpose::PhoneChange);
}

#[tokio::test]
async fn asvs_7_5_1_nobody_changes_a_number_who_did_not_just_prove_every_factor() {
    for stale in stale_principals() {
        let refused = Mocks::default().start(&stale, new_phone()).await;
        assert!(matches!(refused, Err(StartPhoneChangeError::StepUpRequired(_))));
    }
}

#[tokio::test]
async fn numbers_that_make_no_sense_are_refused_before_anything_is_stored() {
    let own = Mocks::default().start(&principal(), phone()).await;
    assert!(matches!(own, Err(StartPhoneChangeError::SameNumber)));
    let satellite = Mocks::default().start(&principal(), unsendable_phone()).await;
    assert!(matches!(satellite, Err(StartPhoneChangeError::DestinationNotAllowed)));
}

#[tokio::test]
async fn a_fault_of_the_provider_is_taken_back_and_told() {
    let mut mocks = Mocks::opening(reserved());
    expect_not_sent(&mut mocks.provider, &mut mocks.challenges, NotSent::Fault(provider_away()));

    let refused = mocks.start(&principal(), new_phone()).await;

    assert!(matches!(refused, Err(StartPhoneChangeError::Fault(Fault::ProviderUnavailable(_)))));
}

#[tokio::test]
async fn an_account_that_is_gone_meanwhile_changes_nothing() {
    let mut mocks = Mocks::default();
    mocks.challenges.expect_open().once().return_once(|_, _| Ok(None));

    assert!(matches!(mocks.start(&principal(), new_phone()).await, Err(StartPhoneChangeError::Gone)));
}

fn attempt() -> Attempt {
    Attempt {
        challenge_id: challenge_id(),
        verification_id: VerificationId(fresh_id(0xCE)),
        purpose: Purpose::PhoneChange,
        phone: new_phone(),
        channel: Channel::Sms,
        user_id: Some(user().id),
        text_barred: false,
        attempts_left: 3,
        provider_id: Some(provider_id("sinch-1")),
        unsettled: None,
    }
}

/// Our session asks, and the provider says this of the code.
fn checking(answer: CodeCheck) -> Mocks {
    let mut mocks = Mocks::default();
    let guess = Guess {
        id: challenge_id(),
        kind: domain::AnswerKind::SentCode,
        purposes: &[Purpose::PhoneChange],
        quotas: QUOTAS,
        asker: Some((user().id, principal().session_id)),
    };
    mocks
        .challenges
        .expect_take_attempt()
        .with(eq(guess), eq(now()))
        .once()
        .return_once(|_, _| Ok(Taken::Attempt(attempt())));
    mocks.provider.expect_check().once().return_once(move |_, _| Ok(answer));
    mocks
}

#[tokio::test]
async fn nb_06_a_proven_number_takes_the_place_of_the_old_one_which_is_told() {
    let mut mocks = checking(CodeCheck::Accepted);
    let event = NewEvent { notify: Some(phone()), ..new_event(1, EventName::PhoneChange) };
    mocks
        .challenges
        .expect_change_phone()
        .with(
            eq(attempt()),
            eq(PhoneChange {
                kept: principal().session_id,
                event,
                disclosure: new_event(2, EventName::UserExistsDisclosed),
            }),
            eq(now()),
        )
        .once()
        .return_once(|_, _, _| Ok(Redeemed::Done(User { phone: new_phone(), ..user() })));

    assert_eq!(mocks.verify().await.unwrap().phone, new_phone());
}

#[tokio::test]
async fn a_number_that_is_taken_or_a_challenge_that_is_over_changes_nothing() {
    let redeemed = |answer| {
        let mut mocks = checking(CodeCheck::Accepted);
        mocks.challenges.expect_change_phone().once().return_once(|_, _, _| Ok(answer));
        mocks
    };
    let taken = redeemed(Redeemed::AccountExists).verify().await;
    assert!(matches!(taken, Err(VerifyOtpError::AccountExists)));
    assert!(matches!(redeemed(Redeemed::Closed).verify().await, Err(VerifyOtpError::Closed)));
}

#[tokio::test]
async fn a_wrong_code_changes_nothing() {
    let refused = checking(CodeCheck::Wrong).verify().await;
    assert!(matches!(refused, Err(VerifyOtpError::InvalidCode { attempts_left: 3 })));
}
