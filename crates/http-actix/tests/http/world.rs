//! Stand-ins for the ports behind the use-cases.

use std::sync::Arc;

use domain::{
    AccessClaims, AccessToken,
    AuthenticationMethod::{MultiFactor, Password, Sms},
    CeremonyId, ChallengeId, ChallengePolicy, ChallengeState, Channel, Client, CredentialId,
    DestinationPolicy, Email, EventId, EventName, Passkey, PasskeyId, PasskeyName, PasswordFailures,
    PasswordHash, PhoneNumber, ProviderId, Purpose, Quotas, RefreshToken, RefreshTokenHash, SecurityEvent,
    SendReference, SessionEntry, SessionId, SessionPolicy, User, UserAgent, UserId, VerificationId,
};
use http_actix::{PasskeyUseCases, UseCases};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Account, Added, Attempt, Background, CeremonyState, CodeCheck, CredentialRecord, Dependency, LiveSession,
    MockAccessTokens, MockAccountStore, MockChallengeStore, MockClock, MockDecoyCodes, MockEventStore,
    MockPasskeyCeremonies, MockPasskeyStore, MockPasswordHasher, MockSecretGenerator, MockSessionStore,
    MockVerificationProvider, NewCredential, Opened, PasswordMatch, PublicKeyOptions, Redeemed, ReservedSend,
    SendDecision, SignIn, StartedCeremony, Taken, ThrottleKey, Work,
};
use use_cases::{
    Authenticate, BlindChallenges, ChangeLocale, ChangePassword, CheckReadiness, DeleteAccount,
    EndOtherSessions, EndSession, ExportAccount, FinishPasskeyAuthentication, FinishPasskeyRegistration,
    ForgotPassword, ListEvents, ListPasskeys, ListSessions, LogIn, LogOut, PublishKeys, RefreshSession,
    RegisterUser, RemovePasskey, RequestOtp, ResetPassword, StartPasskeyAuthentication,
    StartPasskeyRegistration, StartPhoneChange, StartPhoneLogin, StartStepUp, VerifyOtp, VerifyPhone,
};
use uuid::Uuid;

pub(crate) const PHONE: &str = "+46701234567";
pub(crate) const REFRESH_TOKEN: &str = "refresh-refresh-refresh-refresh-refresh-ref";
pub(crate) const ACCESS_TOKEN: &str = "header.payload.signature";

/// The password is that of the account.
pub(crate) const RIGHT: Option<PasswordMatch> = Some(PasswordMatch { index: 0, outdated: false });

const POLICY: ChallengePolicy = ChallengePolicy {
    ttl: SignedDuration::from_mins(10),
    resend_cooldown: SignedDuration::from_secs(120),
    max_attempts: 5,
    max_sends: 3,
    max_given_back: 5,
};

const SESSIONS: SessionPolicy = SessionPolicy {
    access_ttl: SignedDuration::from_mins(15),
    idle_ttl: SignedDuration::from_hours(24 * 30),
    absolute_ttl: SignedDuration::from_hours(24 * 90),
    reuse_leeway: SignedDuration::from_secs(10),
    max_per_user: 50,
};

/// The world behind the use-cases. What a test does not expect panics, and the
/// answer is 500.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) accounts: MockAccountStore,
    pub(crate) challenges: MockChallengeStore,
    pub(crate) dependencies: Vec<Arc<dyn Dependency>>,
    pub(crate) events: MockEventStore,
    pub(crate) hasher: MockPasswordHasher,
    pub(crate) provider: MockVerificationProvider,
    pub(crate) sessions: MockSessionStore,
    pub(crate) tokens: MockAccessTokens,
    pub(crate) decoys: MockDecoyCodes,
    pub(crate) channels: Vec<Channel>,
    pub(crate) passkeys: MockPasskeyStore,
    pub(crate) ceremonies: MockPasskeyCeremonies,
    pub(crate) without_passkeys: bool,
    pub(crate) passwordless: bool,
}

/// Nothing is done after the answer.
struct Never;

impl Background for Never {
    fn begin(&self, _: Work) {}
}

impl World {
    /// Registrations are stored and their codes sent.
    pub(crate) fn that_sends() -> Self {
        let mut world = Self { channels: vec![Channel::Sms], ..Self::default() };
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("hash".to_owned())));
        world.challenges.expect_open().returning(|_, _| Ok(Some(opened())));
        world.challenges.expect_reserve_resend().returning(|_, _| Ok(Some(opened())));
        world.challenges.expect_settle_sent().returning(|_, _| Ok(()));
        world.provider.expect_start().returning(|_| Ok(ProviderId("1".to_owned())));
        world
    }

    /// The access token [`ACCESS_TOKEN`], and no other, belongs to a live session.
    pub(crate) fn with_session() -> Self {
        let mut world = Self::signed_in(session());
        world.tokens.expect_issue().returning(|_| Ok(AccessToken::new(ACCESS_TOKEN.to_owned())));
        world.sessions.expect_end().returning(|_, _, _, _| Ok(true));
        world
    }

    /// The access token belongs to this session.
    pub(crate) fn signed_in(session: LiveSession) -> Self {
        let mut world = Self::default();
        world.tokens.expect_verify().returning(|token, _| {
            if token == ACCESS_TOKEN { Ok(claims()) } else { Err(ports::InvalidAccessToken) }
        });
        world.sessions.expect_find_live().returning(move |_, _, _| Ok(Some(session.clone())));
        world
    }

    /// Somebody is signed in, the password is right, and whatever is asked for is done.
    pub(crate) fn that_obeys() -> Self {
        let mut world = Self::signed_in(session());
        world.accounts.expect_find_sign_in().returning(|_, _| Ok(sign_in(PasswordFailures::default())));
        world.accounts.expect_change_password().returning(|_, _| Ok(true));
        world.accounts.expect_set_locale().returning(|_, _, _, _| Ok(Some(user())));
        world.accounts.expect_delete_account().returning(|_, _, _| Ok(true));
        world.challenges.expect_open().returning(|_, _| Ok(Some(opened_for(Purpose::StepUp))));
        world.challenges.expect_settle_sent().returning(|_, _| Ok(()));
        world.challenges.expect_take_attempt().returning(|_, _| {
            Ok(Taken::Attempt(Attempt {
                purpose: Purpose::PhoneChange,
                user_id: Some(user().id),
                ..attempt()
            }))
        });
        world.challenges.expect_change_phone().returning(|_, _, _| Ok(Redeemed::Done(user())));
        world.provider.expect_check().returning(|_, _| Ok(CodeCheck::Accepted));
        world.events.expect_list_events().returning(|_, _, _| Ok(vec![security_event()]));
        world.hasher.expect_find_match().returning(|_, _, _| Ok(RIGHT));
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("another hash".to_owned())));
        world.provider.expect_start().returning(|_| Ok(ProviderId("1".to_owned())));
        world.sessions.expect_list_sessions().returning(|_, _| Ok(session_entries()));
        world.sessions.expect_end().returning(|_, _, _, _| Ok(true));
        world.sessions.expect_end_others().returning(|_, _, _, _| Ok(1));
        world.that_enrols()
    }

    /// Passkeys are made, kept and removed.
    fn that_enrols(mut self) -> Self {
        self.passkeys.expect_list_passkeys().returning(|_| Ok(vec![passkey()]));
        self.passkeys.expect_find_credentials().returning(|_| Ok(Vec::new()));
        self.passkeys.expect_begin_ceremony().returning(|_| Ok(()));
        self.passkeys.expect_take_registration().returning(|_, _, _| Ok(Some(CeremonyState(Vec::new()))));
        self.passkeys.expect_add_passkey().returning(|_, _| Ok(Added::Done(passkey())));
        self.passkeys.expect_remove_passkey().returning(|_, _| Ok(true));
        self.ceremonies.expect_start_registration().returning(|_, _, _| Ok(started()));
        self.ceremonies.expect_finish_registration().returning(|_, _, _| Ok(new_credential()));
        self
    }

    #[expect(clippy::too_many_lines, reason = "a list: the fields of each use-case")]
    pub(crate) fn into_use_cases(self) -> UseCases {
        let clock = clock();
        let secrets = secrets();
        let (accounts, challenges) = (Arc::new(self.accounts), Arc::new(self.challenges));
        let (hasher, provider) = (Arc::new(self.hasher), Arc::new(self.provider));
        let (sessions, tokens) = (Arc::new(self.sessions), Arc::new(self.tokens));
        let events = Arc::new(self.events);
        let decoys = Arc::new(self.decoys);
        let blind = Arc::new(BlindChallenges {
            clock: clock.clone(),
            secrets: secrets.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            background: Arc::new(Never),
            destinations: DestinationPolicy::default(),
            policy: POLICY,
            quotas: Quotas::default(),
        });
        let passkeys = Arc::new(self.passkeys);
        let ceremonies = Arc::new(self.ceremonies);
        UseCases {
            passkeys: Some(PasskeyUseCases {
                start_registration: StartPasskeyRegistration {
                    clock: clock.clone(),
                    secrets: secrets.clone(),
                    ceremonies: ceremonies.clone(),
                    passkeys: passkeys.clone(),
                },
                finish_registration: FinishPasskeyRegistration {
                    clock: clock.clone(),
                    secrets: secrets.clone(),
                    ceremonies: ceremonies.clone(),
                    passkeys: passkeys.clone(),
                },
                list: ListPasskeys { passkeys: passkeys.clone() },
                remove: RemovePasskey {
                    clock: clock.clone(),
                    secrets: secrets.clone(),
                    passkeys: passkeys.clone(),
                },
                start_authentication: StartPasskeyAuthentication {
                    clock: clock.clone(),
                    secrets: secrets.clone(),
                    ceremonies: ceremonies.clone(),
                    passkeys: passkeys.clone(),
                },
                finish_authentication: FinishPasskeyAuthentication {
                    clock: clock.clone(),
                    secrets: secrets.clone(),
                    tokens: tokens.clone(),
                    ceremonies,
                    passkeys: passkeys.clone(),
                    challenges: challenges.clone(),
                    policy: POLICY,
                    sessions: SESSIONS,
                    quotas: Quotas::default(),
                },
            })
            .filter(|_| !self.without_passkeys),
            register_user: RegisterUser {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher: hasher.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                destinations: DestinationPolicy::default(),
                policy: POLICY,
                quotas: Quotas::default(),
            },
            log_in: LogIn {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher: hasher.clone(),
                accounts: accounts.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                destinations: DestinationPolicy::default(),
                policy: POLICY,
                quotas: Quotas::default(),
            },
            request_otp: RequestOtp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                blind: blind.clone(),
                channels: self.channels,
                policy: POLICY,
                quotas: Quotas::default(),
            },
            verify_otp: VerifyOtp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                tokens: tokens.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                decoys: decoys.clone(),
                policy: POLICY,
                sessions: SESSIONS,
                quotas: Quotas::default(),
            },
            refresh_session: RefreshSession {
                clock: clock.clone(),
                secrets: secrets.clone(),
                tokens: tokens.clone(),
                sessions: sessions.clone(),
                policy: SESSIONS,
            },
            log_out: LogOut {
                clock: clock.clone(),
                secrets: secrets.clone(),
                tokens: tokens.clone(),
                sessions: sessions.clone(),
            },
            authenticate: Authenticate {
                clock: clock.clone(),
                tokens: tokens.clone(),
                sessions: sessions.clone(),
            },
            start_step_up: StartStepUp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher: hasher.clone(),
                accounts: accounts.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                destinations: DestinationPolicy::default(),
                policy: POLICY,
                quotas: Quotas::default(),
            },
            start_phone_login: self.passwordless.then(|| StartPhoneLogin {
                clock: clock.clone(),
                accounts: accounts.clone(),
                destinations: DestinationPolicy::default(),
                blind: blind.clone(),
            }),
            forgot_password: ForgotPassword { clock: clock.clone(), accounts: accounts.clone(), blind },
            reset_password: ResetPassword {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher: hasher.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                decoys: decoys.clone(),
                policy: POLICY,
                quotas: Quotas::default(),
            },
            start_phone_change: StartPhoneChange {
                clock: clock.clone(),
                secrets: secrets.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                destinations: DestinationPolicy::default(),
                policy: POLICY,
                quotas: Quotas::default(),
            },
            verify_phone: VerifyPhone {
                clock: clock.clone(),
                secrets: secrets.clone(),
                challenges,
                provider,
                decoys,
                policy: POLICY,
                quotas: Quotas::default(),
            },
            change_locale: ChangeLocale {
                clock: clock.clone(),
                secrets: secrets.clone(),
                accounts: accounts.clone(),
            },
            change_password: ChangePassword {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher,
                accounts: accounts.clone(),
            },
            delete_account: DeleteAccount { clock: clock.clone(), secrets: secrets.clone(), accounts },
            export_account: ExportAccount {
                clock: clock.clone(),
                sessions: sessions.clone(),
                events: events.clone(),
                passkeys: passkeys.clone(),
            },
            list_events: ListEvents { events },
            list_sessions: ListSessions { clock: clock.clone(), sessions: sessions.clone() },
            end_session: EndSession {
                clock: clock.clone(),
                secrets: secrets.clone(),
                sessions: sessions.clone(),
            },
            end_other_sessions: EndOtherSessions { clock, secrets, sessions },
            check_readiness: CheckReadiness { dependencies: self.dependencies },
            publish_keys: PublishKeys { tokens },
        }
    }
}

fn clock() -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().returning(now);
    Arc::new(clock)
}

fn secrets() -> Arc<MockSecretGenerator> {
    let mut secrets = MockSecretGenerator::new();
    secrets.expect_id().returning(|_| Uuid::from_u128(7));
    secrets.expect_challenge_id().returning(challenge_id);
    secrets.expect_ceremony_id().returning(|| CeremonyId::parse("ceremony-1").unwrap());
    secrets.expect_refresh_token().returning(|| RefreshToken::parse(REFRESH_TOKEN).unwrap());
    secrets.expect_hash_refresh_token().returning(|_| RefreshTokenHash([7; 32]));
    Arc::new(secrets)
}

pub(crate) fn now() -> Timestamp {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

fn challenge_id() -> ChallengeId {
    ChallengeId::parse("challenge-1").unwrap()
}

pub(crate) fn state() -> ChallengeState {
    ChallengeState {
        id: challenge_id(),
        purpose: Purpose::Registration,
        phone: PhoneNumber::from_stored(PHONE).ok(),
        channel: Channel::Sms,
        locale: None,
        user_id: None,
        attempts_left: 5,
        sends: 1,
        number_last_sent_at: Some(now()),
        expires_at: now() + POLICY.ttl,
        has_passkey: false,
    }
}

pub(crate) fn opened() -> Opened {
    opened_for(Purpose::Registration)
}

pub(crate) fn opened_for(purpose: Purpose) -> Opened {
    let state = ChallengeState { purpose, ..state() };
    let send = ReservedSend {
        reference: SendReference(Uuid::from_u128(1)),
        challenge_id: challenge_id(),
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        channel: Channel::Sms,
        locale: None,
    };
    Opened { challenge: state, send: SendDecision::Reserved(send) }
}

pub(crate) fn attempt() -> Attempt {
    Attempt {
        challenge_id: challenge_id(),
        verification_id: VerificationId(Uuid::from_u128(2)),
        purpose: Purpose::Registration,
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        channel: Channel::Sms,
        user_id: None,
        attempts_left: 4,
        provider_id: Some(ProviderId("1".to_owned())),
        unsettled: None,
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId(Uuid::from_u128(3)),
        email: Email::parse("Ann@Example.com").unwrap(),
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        phone_verified_at: now(),
        locale: None,
        created_at: now(),
        updated_at: now(),
        has_passkey: false,
    }
}

pub(crate) fn session() -> LiveSession {
    LiveSession {
        id: SessionId(Uuid::from_u128(4)),
        user: user(),
        authenticated_at: now(),
        methods: vec![Password, Sms, MultiFactor],
        expires_at: now() + SESSIONS.idle_ttl,
        absolute_expires_at: now() + SESSIONS.absolute_ttl,
    }
}

/// The same session when all factors were proven too long ago.
pub(crate) fn stale_session() -> LiveSession {
    LiveSession { authenticated_at: now() - SessionPolicy::FRESH_FOR, ..session() }
}

/// The session of the access token, and one of another device.
pub(crate) fn session_entries() -> Vec<SessionEntry> {
    let other = Client { address: "2001:db8::7".parse().ok(), user_agent: None };
    let entry = |id, client| SessionEntry { id, created_at: now(), last_used_at: now(), client };
    vec![entry(session().id, client()), entry(SessionId(Uuid::from_u128(5)), other)]
}

pub(crate) fn passkey() -> Passkey {
    Passkey {
        id: PasskeyId(Uuid::from_u128(9)),
        name: PasskeyName::parse("the blue key").ok(),
        created_at: now(),
        last_used_at: None,
        backed_up: true,
    }
}

pub(crate) fn started() -> StartedCeremony {
    let options = PublicKeyOptions(r#"{"challenge":"AAAA"}"#.to_owned());
    StartedCeremony { options, state: CeremonyState(Vec::new()) }
}

pub(crate) fn new_credential() -> NewCredential {
    let id = CredentialId::from_bytes(vec![1]).unwrap();
    NewCredential { id, record: CredentialRecord(Vec::new()), counter: 0, backed_up: true }
}

pub(crate) fn security_event() -> SecurityEvent {
    SecurityEvent {
        id: EventId(Uuid::from_u128(6)),
        name: EventName::LoginSuccess,
        session_id: Some(session().id),
        client: client(),
        occurred_at: now(),
    }
}

fn client() -> Client {
    Client { address: "203.0.113.7".parse().ok(), user_agent: UserAgent::cut("curl/8.14") }
}

/// The account is found, and so many wrong passwords.
pub(crate) fn sign_in(failures: PasswordFailures) -> SignIn {
    SignIn {
        throttle_key: ThrottleKey("ann@example.com".to_owned()),
        failures,
        account: Some(Account { user: user(), password_hash: PasswordHash::new("hash".to_owned()) }),
        registrations: Vec::new(),
    }
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: user().id,
        session_id: session().id,
        issued_at: now(),
        expires_at: now() + SESSIONS.access_ttl,
        authenticated_at: now(),
        methods: Vec::new(),
    }
}
