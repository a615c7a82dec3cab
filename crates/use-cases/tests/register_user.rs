//! Registration with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, Channel, ChannelPolicy, CountryCode, DestinationNotAllowed,
    DestinationPolicy, Locale, Method, NewPassword, PasswordPolicy, PhoneNumber, Purpose, VerificationId,
};
use fixtures::{
    CHALLENGES, Log, QUOTAS, broken, challenge_state, client, clock, destinations, email, expect_not_sent,
    expect_sent, fresh_challenge_id, fresh_id, in_seconds, locale, now, opened, password_hash, phone,
    provider_away, provider_id, reference, reserved, secrets, sweden, unavailable, unsendable_phone,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    CodeRequest, HashError, MockChallengeStore, MockClock, MockPasswordHasher, MockVerificationProvider,
    NewChallenge, NotSent, Opened, PendingRegistration, SendDecision, SendLimits, StartError, StoreError,
    Subject,
};
use use_cases::{Fault, RegisterUser, RegisterUserError, RegisterUserRequest};

const PASSWORD: &str = "correct horse battery staple";

fn request() -> RegisterUserRequest {
    RegisterUserRequest {
        email: email(),
        password: NewPassword::parse(PASSWORD, Some(&email()), &PasswordPolicy::default()).unwrap(),
        phone: phone(),
        locale: Some(locale("sv")),
        request_locale: Some(locale("en")),
        client: client(),
    }
}

/// What [`request`] asks the store to open.
fn new_challenge() -> NewChallenge {
    NewChallenge {
        subject: Subject::Registration(PendingRegistration {
            email: email(),
            phone: phone(),
            password_hash: password_hash("fresh hash"),
            locale: Some(locale("sv")),
        }),
        id: fresh_challenge_id(),
        verification_id: VerificationId(fresh_id(1)),
        reference: domain::SendReference(fresh_id(2)),
        channel: Channel::Sms,
        locale: Some(locale("sv")),
        country: Some(sweden()),
        may_send: true,
        limits: SendLimits { policy: CHALLENGES, quotas: QUOTAS, address: client().network() },
    }
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    hasher: MockPasswordHasher,
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
}

impl Mocks {
    /// The password is hashed and the store answers with this.
    fn opening(answer: Result<Option<Opened>, StoreError>) -> Self {
        let mut mocks = Self::default();
        mocks.hasher.expect_hash().once().return_once(|_, _| Ok(password_hash("fresh hash")));
        mocks.challenges.expect_open().once().return_once(|_, _| answer);
        mocks
    }

    /// A message is reserved and the provider answers with this.
    fn sending(answer: Result<domain::ProviderId, StartError>) -> Self {
        let mut mocks = Self::opening(Ok(Some(opened(Purpose::Registration, reserved()))));
        mocks.provider.expect_start().once().return_once(|_| answer);
        mocks
    }

    /// A message is reserved, which the provider refuses to send.
    fn not_sending(reason: NotSent) -> Self {
        let mut mocks = Self::opening(Ok(Some(opened(Purpose::Registration, reserved()))));
        expect_not_sent(&mut mocks.provider, &mut mocks.challenges, reason);
        mocks
    }

    fn wire(self) -> RegisterUser {
        RegisterUser {
            clock: clock(),
            secrets: secrets(),
            hasher: Arc::new(self.hasher),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            destinations: destinations(),
            policy: CHALLENGES,
            quotas: QUOTAS,
        }
    }

    async fn register(self) -> Result<Challenge, RegisterUserError> {
        self.wire().execute(request()).await
    }
}

#[tokio::test]
async fn rc_05_a_registration_is_hashed_then_stored_then_sent_then_settled() {
    let mut mocks = Mocks::default();
    let mut clock = MockClock::new();
    let mut order = Sequence::new();
    mocks
        .hasher
        .expect_hash()
        .withf(|password, owner| password.expose_typed() == PASSWORD && *owner == email())
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(password_hash("fresh hash")));
    // The time counts from here: hashing may have waited in a queue.
    clock.expect_now().once().in_sequence(&mut order).return_const(now());
    mocks
        .challenges
        .expect_open()
        .with(eq(new_challenge()), eq(now()))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(Some(opened(Purpose::Registration, reserved()))));
    mocks
        .provider
        .expect_start()
        .with(eq(CodeRequest {
            reference: reference(),
            phone: phone(),
            purpose: Purpose::Registration,
            channel: Channel::Sms,
            locale: Some(locale("sv")),
            // What is left of the challenge: a code never outlives it.
            life: SignedDuration::from_secs(480),
        }))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(provider_id("sinch-1")));
    mocks
        .challenges
        .expect_settle_sent()
        .with(eq(reference()), eq(provider_id("sinch-1")))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(()));

    let register = RegisterUser { clock: Arc::new(clock), ..mocks.wire() };
    let challenge = register.execute(request()).await.unwrap();

    assert_eq!(
        challenge,
        Challenge {
            id: challenge_state(Purpose::Registration).id,
            purpose: Purpose::Registration,
            channel: Channel::Sms,
            destination: Some(phone()),
            sent: true,
            methods: vec![Method::Sms],
            attempts_left: 4,
            expires_at: in_seconds(480),
            resend_available_at: Some(in_seconds(120)),
        }
    );
}

#[tokio::test]
async fn sm_01_a_number_that_gets_no_codes_costs_no_hash_no_row_and_no_message() {
    let swedes_only = || DestinationPolicy { allowed_countries: [sweden()].into(), ..destinations() };
    let american = PhoneNumber::parse("+1 650 253 0000", None).unwrap();
    let cases = [
        (unsendable_phone(), destinations(), DestinationNotAllowed::International),
        (
            PhoneNumber::parse("+46 8 12 34 56", None).unwrap(),
            destinations(),
            DestinationNotAllowed::FixedLine,
        ),
        (american, swedes_only(), DestinationNotAllowed::Country),
    ];
    for (phone, destinations, expected) in cases {
        let register = RegisterUser { destinations, ..Mocks::default().wire() };
        let refusal = register.execute(RegisterUserRequest { phone, ..request() }).await.unwrap_err();
        let RegisterUserError::DestinationNotAllowed(reason) = refusal else { panic!("{refusal:?}") };
        assert_eq!(reason, Some(expected));
    }
}

#[tokio::test]
async fn sm_08_a_number_that_can_only_be_called_starts_without_a_message() {
    let fixed_line = PhoneNumber::parse("+46 8 12 34 56", None).unwrap();
    let channels = ChannelPolicy::new(&[Channel::Sms, Channel::Voice]);
    let destinations = DestinationPolicy { allow_fixed_line: true, channels, ..destinations() };
    let mut answer = opened(Purpose::Registration, SendDecision::Held);
    answer.challenge.phone = Some(fixed_line.clone());
    let mut mocks = Mocks::default();
    mocks.hasher.expect_hash().once().return_once(|_, _| Ok(password_hash("fresh hash")));
    mocks
        .challenges
        .expect_open()
        .withf(|asked, _| !asked.may_send && asked.channel == Channel::Voice)
        .once()
        .return_once(|_, _| Ok(Some(answer)));

    let register = RegisterUser { destinations, ..mocks.wire() };
    let challenge = register.execute(RegisterUserRequest { phone: fixed_line, ..request() }).await.unwrap();

    assert_eq!((challenge.sent, challenge.methods), (false, vec![Method::Voice]));
}

#[tokio::test]
async fn rc_05_a_registration_found_alive_sends_nothing_more() {
    let challenge =
        Mocks::opening(Ok(Some(opened(Purpose::Registration, SendDecision::Held)))).register().await.unwrap();
    assert!(!challenge.sent);
    assert_eq!(challenge.id, challenge_state(Purpose::Registration).id, "the stored one, not the fresh one");
}

#[tokio::test]
async fn a_used_up_quota_sends_nothing_and_tells_the_wait() {
    let over = SendDecision::OverQuota { retry_at: in_seconds(1_234) };
    let refusal = Mocks::opening(Ok(Some(opened(Purpose::Registration, over)))).register().await.unwrap_err();
    let RegisterUserError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(1_234));
}

#[tokio::test]
async fn a_destination_that_the_provider_refuses_takes_the_reservation_back() {
    let reason = NotSent::DestinationRefused("forbidden".to_owned());
    let refusal = Mocks::not_sending(reason).register().await.unwrap_err();
    assert!(matches!(refusal, RegisterUserError::DestinationNotAllowed(None)), "{refusal:?}");
}

#[tokio::test]
async fn a_provider_that_finds_it_too_soon_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::TooSoon).register().await.unwrap_err();
    let RegisterUserError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, CHALLENGES.resend_cooldown);
}

#[tokio::test]
async fn sm_07_a_message_that_the_shield_holds_back_takes_the_reservation_back() {
    for is_over_budget in [false, true] {
        let mut mocks =
            Mocks::sending(Err(StartError::Shielded { retry_at: in_seconds(90), is_over_budget }));
        mocks.challenges.expect_settle_not_sent().with(eq(reference())).once().return_once(|_| Ok(()));
        let refusal = mocks.register().await.unwrap_err();
        let (RegisterUserError::RateLimited { retry_after }
        | RegisterUserError::Fault(Fault::Overloaded { retry_after })) = refusal
        else {
            panic!("{refusal:?}")
        };
        assert_eq!(retry_after, SignedDuration::from_secs(90));
        assert_eq!(matches!(refusal, RegisterUserError::Fault(_)), is_over_budget, "{refusal:?}");
    }
}

#[tokio::test]
async fn asvs_16_5_2_a_provider_that_is_away_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::Fault(provider_away())).register().await.unwrap_err();
    assert!(matches!(refusal, RegisterUserError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn rc_06_a_lost_answer_settles_nothing_so_that_nothing_is_sent_twice() {
    let refusal = Mocks::sending(Err(StartError::Unknown(provider_away()))).register().await.unwrap_err();
    assert!(matches!(refusal, RegisterUserError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_message_that_left_is_a_success_even_when_it_cannot_be_recorded() {
    let mut mocks = Mocks::sending(Ok(provider_id("sinch-1")));
    mocks.challenges.expect_settle_sent().once().return_once(|_, _| Err(unavailable()));
    assert!(mocks.register().await.unwrap().sent);
}

#[tokio::test]
async fn a_reservation_that_cannot_be_taken_back_is_a_fault_of_the_database() {
    let mut mocks = Mocks::sending(Err(StartError::NotSent(NotSent::TooSoon)));
    mocks.challenges.expect_settle_not_sent().once().return_once(|_| Err(unavailable()));
    let refusal = mocks.register().await.unwrap_err();
    assert!(matches!(refusal, RegisterUserError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn asvs_16_5_2_nothing_is_sent_without_the_database() {
    let away = Mocks::opening(Err(unavailable())).register().await.unwrap_err();
    assert!(matches!(away, RegisterUserError::Fault(Fault::DatabaseUnavailable(_))), "{away:?}");
    let defect = Mocks::opening(Err(broken())).register().await.unwrap_err();
    assert!(matches!(defect, RegisterUserError::Fault(Fault::Internal(_))), "{defect:?}");
}

#[tokio::test]
async fn an_unhashed_password_is_never_stored() {
    let cases = [
        HashError::Overloaded { retry_after: SignedDuration::from_secs(3) },
        HashError::Abandoned,
        HashError::Failed("no workers".to_owned()),
    ];
    for error in cases {
        let expected = error.clone();
        let mut mocks = Mocks::default();
        mocks.hasher.expect_hash().once().return_once(|_, _| Err(error));
        let refusal = mocks.register().await.unwrap_err();
        let RegisterUserError::Fault(fault) = refusal else { panic!("{refusal:?}") };
        match (expected, fault) {
            (HashError::Overloaded { retry_after: wait }, Fault::Overloaded { retry_after }) => {
                assert_eq!(retry_after, wait);
            }
            (HashError::Abandoned, Fault::Abandoned) | (HashError::Failed(_), Fault::Internal(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_message_is_written_in_the_chosen_language_or_else_in_that_of_the_request() {
    let cases = [
        (Some("sv"), Some("en"), Some("sv")),
        (None, Some("en"), Some("en")),
        (Some("sv"), None, Some("sv")),
        (None, None, None),
    ];
    for (chosen, of_request, written) in cases {
        let parse = |tag: Option<&str>| -> Option<Locale> { tag.map(locale) };
        let (chosen, written) = (parse(chosen), parse(written));
        let mut mocks = Mocks::default();
        mocks.hasher.expect_hash().return_once(|_, _| Ok(password_hash("fresh hash")));
        let kept = chosen.clone();
        mocks
            .challenges
            .expect_open()
            .withf(move |new, _| {
                // Only what was chosen becomes the account's.
                matches!(&new.subject, Subject::Registration(stored) if stored.locale == kept)
                    && new.locale == written
            })
            .once()
            .return_once(|_, _| Ok(Some(opened(Purpose::Registration, SendDecision::Held))));
        let request = RegisterUserRequest { locale: chosen, request_locale: parse(of_request), ..request() };
        mocks.wire().execute(request).await.unwrap();
    }
}

#[tokio::test]
async fn the_quota_of_a_country_is_that_of_the_number() {
    let mut mocks = Mocks::default();
    mocks.hasher.expect_hash().return_once(|_, _| Ok(password_hash("fresh hash")));
    mocks
        .challenges
        .expect_open()
        .withf(|new, _| new.country == CountryCode::parse("US").ok())
        .once()
        .return_once(|_, _| Ok(Some(opened(Purpose::Registration, SendDecision::Held))));
    let phone = PhoneNumber::parse("+1 650 253 0000", None).unwrap();
    mocks.wire().execute(RegisterUserRequest { phone, ..request() }).await.unwrap();
}

/// A registration cannot tell what it cannot see. A port of accounts added to
/// the use-case breaks this test, because the pattern names every field.
#[test]
fn en_01_a_registration_has_no_way_to_look_at_accounts() {
    let RegisterUser {
        clock: _,
        secrets: _,
        hasher: _,
        challenges: _,
        provider: _,
        destinations: _,
        policy: ChallengePolicy { .. },
        quotas: _,
    } = Mocks::default().wire();
}

#[tokio::test]
async fn lg_01_a_registration_logs_neither_person_nor_password() {
    let log = Log::listen();
    Mocks::not_sending(NotSent::TooSoon).register().await.unwrap_err();
    let mut mocks = Mocks::opening(Ok(Some(opened(Purpose::Registration, reserved()))));
    expect_sent(&mut mocks.provider, &mut mocks.challenges);
    mocks.register().await.unwrap();

    let text = log.text();
    assert!(text.contains("nothing was sent"), "the log is heard: {text}");
    for secret in [PASSWORD, "Lovelace", "lovelace", phone().as_e164(), "0123456", "fresh hash"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn a_store_that_misses_the_account_of_a_registration_is_broken() {
    let refusal = Mocks::opening(Ok(None)).register().await.unwrap_err();
    assert!(matches!(refusal, RegisterUserError::Fault(Fault::Internal(_))), "{refusal:?}");
}
