//! People, policies and things that the promises are told with.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering},
};

use domain::{
    AnswerKind, AuthenticationMethod, CeremonyId, ChallengeId, ChallengePolicy, Channel, Client, CountryCode,
    CredentialId, DeviceId, DevicePolicy, DeviceTokenHash, Email, EventId, EventName, Locale, PasskeyId,
    PasskeyName, PasskeyProof, PasswordHash, PhoneNumber, Purpose, Quotas, RecoveryCodeHash,
    RefreshTokenHash, SecondFactors, SendReference, SessionId, SessionPolicy, User, UserAgent, UserId,
    VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    Assertion, CeremonyKind, CeremonyState, CredentialRecord, DeviceFailure, DeviceSignIn, Disclosure, Guess,
    NewCeremony, NewChallenge, NewCredential, NewDevice, NewEvent, NewPasskey, NewSession, Opened,
    PasskeyUse, PasswordChange, PasswordFailure, PendingRegistration, PresentedDevice, Resend, ReservedSend,
    SendDecision, SendLimits, Subject, ThrottleKey, UnseenSend,
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

/// The hash of a recovery code that was never given out before.
pub(super) fn fresh_recovery_code() -> RecoveryCodeHash {
    RecoveryCodeHash(fresh_token().0)
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

/// The challenge of a sign-in with the password of the registration, without quotas.
pub(super) fn login(user: &User) -> NewChallenge {
    login_with(user, first_password(user))
}

/// The challenge of a sign-in with this password, without quotas.
pub(super) fn login_with(user: &User, password_hash: PasswordHash) -> NewChallenge {
    let (user_id, phone) = (user.id, user.phone.clone());
    challenge_of(Subject::Login { user_id, phone, throttle_key: key_of(user), password_hash })
}

/// The challenge of a step-up that the session asks for with the password of the
/// registration, without quotas.
pub(super) fn step_up(user: &User, session_id: SessionId) -> NewChallenge {
    step_up_with(user, session_id, first_password(user))
}

/// The challenge of a step-up that the session asks for with this password, without quotas.
pub(super) fn step_up_with(user: &User, session_id: SessionId, password_hash: PasswordHash) -> NewChallenge {
    let (user_id, phone) = (user.id, user.phone.clone());
    challenge_of(Subject::StepUp { user_id, phone, throttle_key: key_of(user), password_hash, session_id })
}

/// The challenge of somebody who forgot a password, without quotas; a decoy for nobody.
pub(super) fn reset(email: Email, user_id: Option<UserId>) -> NewChallenge {
    blind(Subject::PasswordReset { email, user_id })
}

/// The challenge of somebody who signs in with a number only, without quotas; a decoy for nobody.
pub(super) fn phone_login(phone: PhoneNumber, user_id: Option<UserId>) -> NewChallenge {
    blind(Subject::PhoneLogin { phone, user_id })
}

fn blind(subject: Subject) -> NewChallenge {
    NewChallenge { country: None, ..challenge_of(subject) }
}

/// The challenge of a session whose user would like to have another number, without quotas.
pub(super) fn phone_change(user: &User, session_id: SessionId, phone: PhoneNumber) -> NewChallenge {
    challenge_of(Subject::PhoneChange { user_id: user.id, phone, session_id })
}

/// The message of a blind challenge to the number of its account, without quotas.
pub(super) fn unseen(id: &ChallengeId, phone: PhoneNumber) -> UnseenSend {
    UnseenSend {
        challenge_id: id.clone(),
        reference: fresh_reference(),
        phone,
        channel: Channel::Sms,
        may_send: true,
        locale: None,
        country: CountryCode::parse("SE").ok(),
        policy: policy(),
        quotas: Quotas::default(),
    }
}

/// The password that [`person`] registers with.
fn first_password(user: &User) -> PasswordHash {
    let number = user.email.canonical().split(['.', '@']).nth(1);
    password(number.and_then(|number| number.parse().ok()).unwrap())
}

/// What wrong passwords of somebody who signs in by e-mail are counted under.
pub(super) fn key_of(user: &User) -> ThrottleKey {
    ThrottleKey(user.email.canonical().to_owned())
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
        may_send: true,
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

/// A guess without a quota, whatever the challenge is for.
pub(super) fn guess(id: &ChallengeId) -> Guess {
    guess_within(id, Quotas::default())
}

/// A guess, whatever the challenge is for.
pub(super) fn guess_within(id: &ChallengeId, quotas: Quotas) -> Guess {
    const ANY: &[Purpose] = &[
        Purpose::Registration,
        Purpose::Login,
        Purpose::PhoneLogin,
        Purpose::PasswordReset,
        Purpose::PhoneChange,
        Purpose::StepUp,
    ];
    Guess { id: id.clone(), purposes: ANY, kind: AnswerKind::SentCode, quotas, asker: None }
}

/// An event that was never recorded before, caused by a client unlike those of sessions.
pub(super) fn event(name: EventName) -> NewEvent {
    NewEvent { id: EventId(fresh_uuid()), name, client: event_client(), notify: None }
}

/// What is recorded at accounts that are in the way of a registration.
pub(super) fn disclosure() -> Disclosure {
    let disclosed = || event(EventName::UserExistsDisclosed);
    Disclosure { of_email: disclosed(), of_phone: disclosed() }
}

/// Who causes the events of the suites.
pub(super) fn event_client() -> Client {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    Client { address: Some(IpAddr::V6(address)), user_agent: UserAgent::cut("an event’s client") }
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
        event: event(EventName::LoginSuccess),
        device: None,
    }
}

/// How devices are remembered in the suites: the defaults of the service.
pub(super) fn device_policy() -> DevicePolicy {
    DevicePolicy {
        ttl: SignedDuration::from_hours(24 * 30),
        max_per_user: 20,
        reuse_leeway: session_policy().reuse_leeway,
    }
}

/// The hash of a device token that was never given out before.
pub(super) fn fresh_device_token() -> DeviceTokenHash {
    DeviceTokenHash(fresh_token().0)
}

/// A device that is remembered from `now` on.
pub(super) fn new_device(now: Timestamp) -> NewDevice {
    NewDevice {
        id: DeviceId(fresh_uuid()),
        token: fresh_device_token(),
        expires_at: device_policy().expires_at(now),
        max_per_user: device_policy().max_per_user,
        event: event(EventName::DeviceRemembered),
    }
}

/// A device token as it is presented.
pub(super) fn presented(token: DeviceTokenHash) -> PresentedDevice {
    PresentedDevice { token, reuse_leeway: device_policy().reuse_leeway }
}

/// A sign-in by device token, and by the password of the registration.
pub(super) fn device_sign_in(user: &User, token: DeviceTokenHash, now: Timestamp) -> DeviceSignIn {
    DeviceSignIn {
        user_id: user.id,
        password_hash: first_password(user),
        throttle_key: key_of(user),
        presented: presented(token),
        successor: fresh_device_token(),
        session: NewSession {
            methods: vec![AuthenticationMethod::Password],
            client: Client { address: Some(address(8)), user_agent: UserAgent::cut("a remembered device") },
            ..session(now)
        },
        reuse: event(EventName::DeviceTokenReuse),
    }
}

/// A wrong password of somebody, counted with `most` allowed of the device.
pub(super) fn failure_on(user: &User, device: DeviceId, most: u32) -> PasswordFailure {
    PasswordFailure {
        key: key_of(user),
        owner: Some((user.id, event(EventName::LoginFail))),
        device: Some(DeviceFailure { id: device, most, event: event(EventName::DeviceRevoked) }),
    }
}

/// The change of the password with the number `old` to that with the number `new`.
pub(super) fn change(user: &User, old: u32, new: u32, kept: SessionId) -> PasswordChange {
    PasswordChange {
        user_id: user.id,
        old: password(old),
        new: password(new),
        kept,
        event: event(EventName::PasswordChange),
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

/// The `number`-th credential: used once, in a backup.
pub(super) fn credential(number: u8) -> NewCredential {
    NewCredential {
        id: CredentialId::from_bytes(vec![0, 0xFF, number]).unwrap(),
        record: CredentialRecord(vec![number, 0, 0xFF]),
        counter: 1,
        backed_up: true,
    }
}

/// A passkey of the user with the `number`-th credential.
pub(super) fn new_passkey(user: &User, number: u8) -> NewPasskey {
    NewPasskey {
        id: PasskeyId(fresh_uuid()),
        user_id: user.id,
        name: PasskeyName::parse(&format!("key {number}")).ok(),
        credential: credential(number),
        max_per_user: 20,
        session_id: SessionId(fresh_uuid()),
        event: event(EventName::PasskeyEnrolled),
    }
}

/// A use of the passkey, the `counter`-th by its authenticator's count.
pub(super) fn use_of(passkey: &NewPasskey, counter: u32) -> PasskeyUse {
    let proof = PasskeyProof { user_verified: true, backup_eligible: true };
    PasskeyUse {
        passkey_id: passkey.id,
        user_id: passkey.user_id,
        assertion: Assertion { counter, backed_up: true, proof },
        cloned: event(EventName::PasskeyCloned),
    }
}

/// A ceremony that was never begun before.
pub(super) fn ceremony(kind: CeremonyKind, now: Timestamp) -> NewCeremony {
    let number = serial();
    NewCeremony {
        id: CeremonyId::parse(&format!("contract-ceremony-{number:08}")).unwrap(),
        kind,
        state: CeremonyState(number.to_be_bytes().to_vec()),
        expires_at: CeremonyId::expires_at(now),
    }
}

/// The user once there is a passkey.
pub(super) fn with_passkey(user: &User) -> User {
    User { second_factors: SecondFactors { passkey: true, ..user.second_factors }, ..user.clone() }
}
