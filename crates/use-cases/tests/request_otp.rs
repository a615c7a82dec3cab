//! Further messages with mocked ports.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fixtures;

use std::sync::Arc;

use domain::{
    Challenge, ChallengeId, ChallengeState, Channel, ChannelPolicy, Method, PhoneNumber, Purpose,
    SendReference,
};
use fixtures::{
    CHALLENGES, Later, Log, QUOTAS, account, blind, challenge_state, client, clock, expect_not_sent,
    expect_sent, fresh_id, in_seconds, locale, now, opened, phone, provider_away, provider_id, reference,
    reserved, secrets, unavailable,
};
use jiff::SignedDuration;
use mockall::{Sequence, predicate::eq};
use ports::{
    CodeRequest, MockAccountStore, MockChallengeStore, MockVerificationProvider, NotSent, Opened, Resend,
    ReservedSend, SendDecision, SendLimits, StartError, StoreError,
};
use use_cases::{Fault, RequestOtp, RequestOtpError, RequestOtpRequest};

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("presented-challenge").unwrap()
}

fn request(channel: Channel) -> RequestOtpRequest {
    RequestOtpRequest { challenge_id: challenge_id(), channel, client: client() }
}

/// Whatever is not expected of these must not be called.
#[derive(Default)]
struct Mocks {
    challenges: MockChallengeStore,
    provider: MockVerificationProvider,
    /// What is asked of the stores in the background.
    accounts: MockAccountStore,
    unseen: MockChallengeStore,
    later: Later,
}

impl Mocks {
    /// The store answers the wish for a message with this.
    fn reserving(answer: Result<Option<Opened>, StoreError>) -> Self {
        let mut mocks = Self::default();
        mocks.challenges.expect_reserve_resend().once().return_once(|_, _| answer);
        mocks
    }

    /// No message is reserved for a challenge in this state.
    fn held(challenge: ChallengeState) -> Self {
        Self::reserving(Ok(Some(Opened { challenge, send: SendDecision::Held })))
    }

    /// A message is reserved and the provider answers with this.
    fn sending(answer: Result<domain::ProviderId, StartError>) -> Self {
        let mut mocks = Self::reserving(Ok(Some(opened(Purpose::Login, reserved()))));
        mocks.provider.expect_start().once().return_once(|_| answer);
        mocks
    }

    /// A message is reserved, which the provider refuses to send.
    fn not_sending(reason: NotSent) -> Self {
        let mut mocks = Self::reserving(Ok(Some(opened(Purpose::Login, reserved()))));
        expect_not_sent(&mut mocks.provider, &mut mocks.challenges, reason);
        mocks
    }

    /// The use-case with text messages and calls switched on.
    fn wire(self) -> RequestOtp {
        RequestOtp {
            clock: clock(),
            secrets: secrets(),
            challenges: Arc::new(self.challenges),
            provider: Arc::new(self.provider),
            blind: blind(self.accounts, self.unseen, MockVerificationProvider::new(), &self.later),
            channels: ChannelPolicy::new(&[Channel::Sms, Channel::Voice, Channel::Flashcall]),
            policy: CHALLENGES,
            quotas: QUOTAS,
        }
    }

    async fn request(self) -> Result<Challenge, RequestOtpError> {
        self.wire().execute(request(Channel::Sms)).await
    }
}

#[tokio::test]
async fn rc_05_a_further_message_is_reserved_then_sent_then_settled() {
    let mut mocks = Mocks::default();
    let mut order = Sequence::new();
    mocks
        .challenges
        .expect_reserve_resend()
        .with(
            eq(Resend {
                id: challenge_id(),
                reference: SendReference(fresh_id(1)),
                channel: Channel::Voice,
                limits: SendLimits { policy: CHALLENGES, quotas: QUOTAS, address: client().network() },
            }),
            eq(now()),
        )
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| {
            let send = ReservedSend {
                reference: reference(),
                challenge_id: challenge_id(),
                phone: phone(),
                channel: Channel::Voice,
                locale: Some(locale("sv")),
            };
            Ok(Some(opened(Purpose::Login, SendDecision::Reserved(send))))
        });
    mocks
        .provider
        .expect_start()
        .with(eq(CodeRequest {
            reference: reference(),
            phone: phone(),
            purpose: Purpose::Login,
            channel: Channel::Voice,
            locale: Some(locale("sv")),
            // What is left of the challenge, which a further message never prolongs.
            life: SignedDuration::from_secs(480),
        }))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(provider_id("sinch-2")));
    mocks
        .challenges
        .expect_settle_sent()
        .with(eq(reference()), eq(provider_id("sinch-2")))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(()));

    let challenge = mocks.wire().execute(request(Channel::Voice)).await.unwrap();

    let shown = challenge_state(Purpose::Login).show(true, &CHALLENGES);
    assert_eq!(challenge, shown.offering(&[Channel::Sms, Channel::Voice]));
}

#[tokio::test]
async fn a_channel_that_is_switched_off_asks_nothing_of_anybody() {
    let refusal = Mocks::default().wire().execute(request(Channel::Whatsapp)).await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::ChannelNotAvailable), "{refusal:?}");
}

#[tokio::test]
async fn tn_07_a_channel_that_cannot_serve_the_challenge_takes_the_reservation_back() {
    let on_fixed_line = |channel| {
        let mut answer = opened(Purpose::Login, reserved());
        answer.challenge.phone = PhoneNumber::from_stored("+468123456").ok();
        (channel, answer)
    };
    let blind = Opened { send: SendDecision::Announced, challenge: challenge_state(Purpose::PasswordReset) };
    for (channel, answer) in [
        (Channel::Flashcall, opened(Purpose::Login, reserved())),
        (Channel::Flashcall, blind),
        on_fixed_line(Channel::Sms),
    ] {
        let mut mocks = Mocks::reserving(Ok(Some(answer)));
        let taken = SendReference(fresh_id(1));
        mocks.challenges.expect_settle_not_sent().with(eq(taken)).once().return_once(|_| Ok(()));
        let refusal = mocks.wire().execute(request(channel)).await.unwrap_err();
        assert!(matches!(refusal, RequestOtpError::ChannelNotAvailable), "{channel:?}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_fixed_line_is_offered_calls_and_nothing_else() {
    let mut answer = opened(Purpose::Login, reserved());
    answer.challenge.phone = PhoneNumber::from_stored("+468123456").ok();
    let mut mocks = Mocks::reserving(Ok(Some(answer)));
    expect_sent(&mut mocks.provider, &mut mocks.challenges);
    let challenge = mocks.wire().execute(request(Channel::Voice)).await.unwrap();
    assert_eq!(challenge.methods, [Method::Voice]);
}

#[tokio::test]
async fn a_closed_challenge_sends_nothing() {
    let refusal = Mocks::reserving(Ok(None)).request().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::Closed), "{refusal:?}");
}

#[tokio::test]
async fn a_message_inside_the_cooldown_is_told_what_is_left_of_it() {
    let cases = [(Some(now()), 120), (Some(in_seconds(-119)), 1), (Some(in_seconds(-45)), 75), (None, 120)];
    for (number_last_sent_at, left) in cases {
        let state = ChallengeState { sends: 2, number_last_sent_at, ..challenge_state(Purpose::Login) };
        let refusal = Mocks::held(state).request().await.unwrap_err();
        let RequestOtpError::TooSoon { retry_after } = refusal else { panic!("{refusal:?}") };
        assert_eq!(retry_after, SignedDuration::from_secs(left));
    }
}

#[tokio::test]
async fn a_challenge_that_had_all_its_messages_gets_none_however_long_it_waits() {
    for number_last_sent_at in [Some(now()), Some(in_seconds(-3_600))] {
        let state = ChallengeState { sends: 3, number_last_sent_at, ..challenge_state(Purpose::Login) };
        let refusal = Mocks::held(state).request().await.unwrap_err();
        assert!(matches!(refusal, RequestOtpError::SendLimitReached), "{refusal:?}");
    }
}

#[tokio::test]
async fn the_last_message_of_a_challenge_is_a_message_still() {
    let mut answer = opened(Purpose::Login, reserved());
    answer.challenge.sends = CHALLENGES.max_sends;
    let mut mocks = Mocks::reserving(Ok(Some(answer)));
    expect_sent(&mut mocks.provider, &mut mocks.challenges);
    let challenge = mocks.request().await.unwrap();
    assert!(challenge.sent);
    assert_eq!(challenge.resend_available_at, None, "there is no further one");
}

#[tokio::test]
async fn a_used_up_quota_sends_nothing_and_tells_the_wait() {
    let over = SendDecision::OverQuota { retry_at: in_seconds(1_234) };
    let refusal = Mocks::reserving(Ok(Some(opened(Purpose::Login, over)))).request().await.unwrap_err();
    let RequestOtpError::RateLimited { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, SignedDuration::from_secs(1_234));
}

#[tokio::test]
async fn a_destination_that_the_provider_refuses_takes_the_reservation_back() {
    let reason = NotSent::DestinationRefused("forbidden".to_owned());
    let refusal = Mocks::not_sending(reason).request().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::DestinationNotAllowed), "{refusal:?}");
}

#[tokio::test]
async fn a_provider_that_finds_it_too_soon_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::TooSoon).request().await.unwrap_err();
    let RequestOtpError::TooSoon { retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after, CHALLENGES.resend_cooldown);
}

#[tokio::test]
async fn asvs_16_5_2_a_provider_that_is_away_takes_the_reservation_back() {
    let refusal = Mocks::not_sending(NotSent::Fault(provider_away())).request().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn rc_06_a_lost_answer_settles_nothing_so_that_nothing_is_sent_twice() {
    let refusal = Mocks::sending(Err(StartError::Unknown(provider_away()))).request().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::Fault(Fault::ProviderUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_message_that_left_is_a_success_even_when_it_cannot_be_recorded() {
    let mut mocks = Mocks::sending(Ok(provider_id("sinch-2")));
    mocks.challenges.expect_settle_sent().once().return_once(|_, _| Err(unavailable()));
    assert!(mocks.request().await.unwrap().sent);
}

#[tokio::test]
async fn asvs_16_5_2_nothing_is_sent_without_the_database() {
    let refusal = Mocks::reserving(Err(unavailable())).request().await.unwrap_err();
    assert!(matches!(refusal, RequestOtpError::Fault(Fault::DatabaseUnavailable(_))), "{refusal:?}");
}

#[tokio::test]
async fn lg_01_a_further_message_logs_neither_the_number_nor_the_whole_id() {
    let log = Log::listen();
    Mocks::not_sending(NotSent::TooSoon).request().await.unwrap_err();
    let text = log.text();
    assert!(text.contains("presen…"), "the beginning tells which challenge: {text}");
    for secret in [challenge_id().as_str(), "0123456", "stored-challenge"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn en_03_a_further_message_of_a_blind_challenge_is_sent_after_the_answer() {
    let challenge =
        ChallengeState { user_id: Some(account().user.id), ..challenge_state(Purpose::PasswordReset) };
    let mut mocks = Mocks::reserving(Ok(Some(Opened { challenge, send: SendDecision::Announced })));
    let later = mocks.later.clone();
    mocks.accounts.expect_find_account().once().return_once(|_| Ok(Some(account())));
    // The number had a message a moment ago, of which the holder learns nothing.
    mocks.unseen.expect_reserve_unseen().once().return_once(|_, _| Ok(false));

    let shown = mocks.request().await.unwrap();

    assert!(shown.sent);
    assert_eq!(shown.destination, None);
    later.run().await;
}
