//! People, policies and steps that the promises are told with.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU64, Ordering},
};

use domain::{
    AuthenticationMethod, ChallengeId, ChallengePolicy, Channel, Client, CountryCode, Email, Locale,
    PasswordHash, PhoneNumber, ProviderId, Quotas, RefreshTokenHash, SendReference, SessionId, SessionPolicy,
    SignInName, User, UserAgent, UserId, VerificationId,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Stores;
use crate::{
    Attempt, Guess, NewChallenge, NewSession, Opened, PendingRegistration, Redeemed, Resend, ReservedSend,
    Rotation, SendDecision, SendLimits, SignIn, Subject, Taken, ThrottleKey,
};

/// Life of a challenge in these suites.
pub(super) const TTL: SignedDuration = SignedDuration::from_mins(10);
/// Between two messages to a number.
pub(super) const COOLDOWN: SignedDuration = SignedDuration::from_secs(120);
/// The least that a store tells apart.
pub(super) const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);
/// How many callers race in these suites.
pub(super) const CROWD: u32 = 50;

/// When every story begins: a time with microseconds.
pub(super) fn start() -> Timestamp {
    "2026-03-14T15:09:26.535897Z".parse().unwrap()
}

/// `minutes` after the beginning.
pub(super) fn minute(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// `hours` after the beginning.
pub(super) fn hour(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

/// The policy of the suites: the defaults of the service.
pub(super) fn policy() -> ChallengePolicy {
    ChallengePolicy { ttl: TTL, resend_cooldown: COOLDOWN, max_attempts: 5, max_sends: 3, max_given_back: 5 }
}

/// How long sessions live in the suites.
pub(super) fn session_policy() -> SessionPolicy {
    SessionPolicy {
        access_ttl: SignedDuration::from_mins(15),
        idle_ttl: SignedDuration::from_hours(24 * 30),
        absolute_ttl: SignedDuration::from_hours(24 * 90),
        reuse_leeway: SignedDuration::from_secs(10),
        max_per_user: 50,
    }
}

static SERIAL: AtomicU64 = AtomicU64::new(1);

fn serial() -> u64 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// A fresh id of the shape that production makes.
pub(super) fn fresh_uuid() -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(serial()))
}

/// A challenge id that was never given out before.
pub(super) fn fresh_challenge_id() -> ChallengeId {
    ChallengeId::parse(&format!("contract-challenge-{:08}", serial())).unwrap()
}

/// A send reference that was never given out before.
pub(super) fn fresh_reference() -> SendReference {
    SendReference(fresh_uuid())
}

/// The hash of a refresh token that was never given out before.
pub(super) fn fresh_token() -> RefreshTokenHash {
    let mut hash = [0xA5; 32];
    hash[..8].copy_from_slice(&serial().to_be_bytes());
    RefreshTokenHash(hash)
}

/// Mobile numbers in Sweden.
pub(super) fn phone(number: u32) -> PhoneNumber {
    PhoneNumber::from_stored(&format!("+4670{number:07}")).unwrap()
}

/// An e-mail address for each number.
pub(super) fn email(number: u32) -> Email {
    Email::parse(&format!("Person.{number}@Example.com")).unwrap()
}

/// A password hash for each number.
pub(super) fn password(number: u32) -> PasswordHash {
    PasswordHash::new(format!("$2b$12$contract.contract.contract{number:021}"))
}

/// The registration of the `number`-th person: own e-mail, number and password.
pub(super) fn person(number: u32) -> PendingRegistration {
    PendingRegistration {
        email: email(number),
        phone: phone(number),
        password_hash: password(number),
        locale: Locale::parse("sv-SE").ok(),
    }
}

/// A registration of the `number`-th person's own e-mail with somebody's phone.
pub(super) fn person_with_phone(number: u32, phone: PhoneNumber) -> PendingRegistration {
    PendingRegistration { phone, ..person(number) }
}

/// The challenge of a registration, without quotas.
pub(super) fn registration_of(registration: PendingRegistration) -> NewChallenge {
    challenge_of(Subject::Registration(registration))
}

/// The challenge of the `number`-th person's registration.
pub(super) fn registration(number: u32) -> NewChallenge {
    registration_of(person(number))
}

/// The challenge of a sign-in, without quotas.
pub(super) fn login(user: &User) -> NewChallenge {
    challenge_of(Subject::Login {
        user_id: user.id,
        phone: user.phone.clone(),
        throttle_key: ThrottleKey(user.email.canonical().to_owned()),
    })
}

fn challenge_of(subject: Subject) -> NewChallenge {
    NewChallenge {
        subject,
        id: fresh_challenge_id(),
        verification_id: VerificationId(fresh_uuid()),
        reference: fresh_reference(),
        channel: Channel::Sms,
        locale: Locale::parse("en").ok(),
        country: CountryCode::parse("SE").ok(),
        limits: limits(Quotas::default()),
    }
}

/// The policy of the suites and these quotas, for a client of the suites' address.
pub(super) fn limits(quotas: Quotas) -> SendLimits {
    SendLimits { policy: policy(), quotas, address: Some(address(1)) }
}

/// An address of a client (TEST-NET-3).
pub(super) fn address(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, host))
}

/// A further text message for the challenge, without quotas.
pub(super) fn resend(id: &ChallengeId) -> Resend {
    Resend {
        id: id.clone(),
        reference: fresh_reference(),
        channel: Channel::Sms,
        limits: limits(Quotas::default()),
    }
}

/// A guess without a quota.
pub(super) fn guess(id: &ChallengeId) -> Guess {
    Guess { id: id.clone(), quotas: Quotas::default() }
}

/// A session that begins `now`.
pub(super) fn session(now: Timestamp) -> NewSession {
    NewSession {
        id: SessionId(fresh_uuid()),
        refresh_token: fresh_token(),
        times: session_policy().begin(now),
        methods: vec![
            AuthenticationMethod::Password,
            AuthenticationMethod::Sms,
            AuthenticationMethod::MultiFactor,
        ],
        client: Client { address: Some(address(7)), user_agent: UserAgent::cut("contract suite") },
        max_per_user: session_policy().max_per_user,
    }
}

/// The send that was reserved; panics when none was.
pub(super) fn reserved(opened: &Opened) -> &ReservedSend {
    match &opened.send {
        SendDecision::Reserved(send) => send,
        other => panic!("a send should have been reserved, not {other:?}"),
    }
}

/// Whether a send was reserved.
pub(super) fn sends(opened: &Opened) -> bool {
    matches!(opened.send, SendDecision::Reserved(_))
}

/// The steps of the stories; each panics when the store fails.
impl Stores {
    pub(super) async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Opened {
        self.challenges.open(challenge, now).await.expect("open")
    }

    /// Opens all of them at once; how many sends were reserved.
    pub(super) async fn open_at_once(&self, challenges: &[NewChallenge], now: Timestamp) -> usize {
        let opened = join_all(challenges.iter().map(|challenge| self.open(challenge, now))).await;
        opened.iter().filter(|opened| sends(opened)).count()
    }

    pub(super) async fn resend(&self, resend: &Resend, now: Timestamp) -> Option<Opened> {
        self.challenges.reserve_resend(resend, now).await.expect("reserve_resend")
    }

    pub(super) async fn settle_sent(&self, reference: SendReference, provider_id: &str) {
        let provider_id = ProviderId(provider_id.to_owned());
        self.challenges.settle_sent(reference, &provider_id).await.expect("settle_sent");
    }

    pub(super) async fn settle_not_sent(&self, reference: SendReference) {
        self.challenges.settle_not_sent(reference).await.expect("settle_not_sent");
    }

    pub(super) async fn guess(&self, guess: &Guess, now: Timestamp) -> Taken {
        self.challenges.take_attempt(guess, now).await.expect("take_attempt")
    }

    /// Takes an attempt that must be there, without a quota.
    pub(super) async fn take(&self, id: &ChallengeId, now: Timestamp) -> Attempt {
        match self.guess(&guess(id), now).await {
            Taken::Attempt(attempt) => attempt,
            other => panic!("an attempt should have been taken, not {other:?}"),
        }
    }

    /// Takes every attempt that is left.
    pub(super) async fn exhaust(&self, id: &ChallengeId, now: Timestamp) {
        while self.take(id, now).await.attempts_left > 0 {}
    }

    pub(super) async fn is_closed(&self, id: &ChallengeId, now: Timestamp) -> bool {
        matches!(self.guess(&guess(id), now).await, Taken::Closed)
    }

    pub(super) async fn redeem_registration(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        let user_id = UserId(fresh_uuid());
        self.challenges.redeem_registration(attempt, user_id, session).await.expect("redeem_registration")
    }

    pub(super) async fn redeem_login(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        self.challenges.redeem_login(attempt, session).await.expect("redeem_login")
    }

    /// Registers somebody from the first step to the last.
    pub(super) async fn register(&self, person: PendingRegistration, now: Timestamp) -> (User, NewSession) {
        let opened = self.open(&registration_of(person), now).await;
        let attempt = self.take(&opened.challenge.id, now).await;
        let session = session(now);
        match self.redeem_registration(&attempt, &session).await {
            Redeemed::Done(user) => (user, session),
            other => panic!("the registration should have succeeded, not {other:?}"),
        }
    }

    /// Signs somebody in from the first step to the last.
    pub(super) async fn sign_in(&self, user: &User, session: &NewSession, now: Timestamp) {
        let opened = self.open(&login(user), now).await;
        let attempt = self.take(&opened.challenge.id, now).await;
        let redeemed = self.redeem_login(&attempt, session).await;
        assert!(matches!(redeemed, Redeemed::Done(_)), "the sign-in should have succeeded");
    }

    pub(super) async fn find_sign_in(&self, name: SignInName, now: Timestamp) -> SignIn {
        self.accounts.find_sign_in(&name, now).await.expect("find_sign_in")
    }

    pub(super) async fn record_failure(&self, key: &ThrottleKey, now: Timestamp) {
        self.accounts.record_password_failure(key, now).await.expect("record_password_failure");
    }

    pub(super) async fn is_live(&self, session: SessionId, user: UserId, now: Timestamp) -> bool {
        self.sessions.find_live(session, user, now).await.expect("find_live").is_some()
    }

    pub(super) async fn rotate(
        &self,
        presented: RefreshTokenHash,
        successor: RefreshTokenHash,
        now: Timestamp,
    ) -> Rotation {
        self.sessions.rotate(presented, successor, &session_policy(), now).await.expect("rotate")
    }
}
