//! Stand-ins for the ports behind the use-cases.

use std::sync::Arc;

use domain::{
    AccessClaims, AccessToken, AccountLock, Arrival,
    AuthenticationMethod::{MultiFactor, Password, Sms},
    CeremonyId, ChallengeId, ChallengePolicy, ChallengeState, Channel, ChannelPolicy, Client, CredentialId,
    DestinationPolicy, DeviceEntry, DeviceId, DevicePolicy, DeviceToken, DeviceTokenHash, Email, EventId,
    EventName, LockReason, Money, NumberReport, Passkey, PasskeyId, PasskeyName, PasswordFailures,
    PasswordHash, PhoneNumber, Prices, ProviderId, Purpose, Quotas, RecoveryCode, RecoveryCodeHash,
    RefreshToken, RefreshTokenHash, RuleMode, SecondFactors, SecurityEvent, SendReference, SendTrace,
    SessionEntry, SessionId, SessionPolicy, Settlement, Shield, TotpSecret, TotpStep, User, UserAgent,
    UserId, VerificationId, WorkRule,
};
use http_actix::{Operators, PasskeyUseCases, UseCases};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Account, AccountEntry, AccountEvent, Added, Attempt, Background, CeremonyState, CodeCheck, ConfirmedTotp,
    CredentialRecord, Dependency, LiveSession, LockChange, MockAccessTokens, MockAccountDirectory,
    MockAccountStore, MockApiKeys, MockCallbackVerifier, MockChallengeStore, MockClock, MockDecoyCodes,
    MockDeviceStore, MockEventStore, MockFactorStore, MockNumberRisk, MockPasskeyCeremonies,
    MockPasskeyStore, MockPasswordHasher, MockRateLimiter, MockSealer, MockSecretGenerator, MockSendMeter,
    MockSendTraceStore, MockSessionStore, MockShieldStore, MockTotpCodes, MockVerificationProvider,
    MockWorkPuzzles, NewCredential, Opened, PasswordMatch, PublicKeyOptions, Redeemed, ReservedSend,
    SealedValue, SendDecision, SignIn, StartedCeremony, Taken, ThrottleKey, TotpBegin, TotpEnrolment,
    Unsealed, Work,
};
use use_cases::{
    AdmitCaller, AdmitRequest, AdmitStart, Authenticate, BeginTotp, BlindChallenges, ChangeLocale,
    ChangePassword, CheckReadiness, ConfirmTotp, CurrentPrices, DeleteAccount, EndAllSessions,
    EndOtherSessions, EndSession, ExportAccount, FindAccounts, FinishPasskeyAuthentication,
    FinishPasskeyRegistration, ForgetDevice, ForgetDevices, ForgotPassword, HandleSinchCallback,
    IntrospectToken, ListAccountEvents, ListAllEvents, ListDevices, ListEvents, ListPasskeys, ListSessions,
    LockAccount, LogIn, LogOut, NamedLimits, PublishKeys, RefreshSession, RegisterUser, RemoveAccount,
    RemovePasskey, RemoveTotp, RenewRecoveryCodes, RequestLimit, RequestOtp, ResetPassword, ShowAccount,
    ShowFigures, StartPasskeyAuthentication, StartPasskeyRegistration, StartPhoneChange, StartPhoneLogin,
    StartReset, StartStepUp, UnlockAccount, VerifyOtp, VerifyPhone,
};
use uuid::Uuid;

pub(crate) const PHONE: &str = "+46701234567";
pub(crate) const REFRESH_TOKEN: &str = "refresh-refresh-refresh-refresh-refresh-ref";
pub(crate) const DEVICE_TOKEN: &str = "device-device-device-device-device-device-d";
pub(crate) const ADMIN_KEY: &str = "the-key-of-the-operators";
pub(crate) const ACCESS_TOKEN: &str = "header.payload.signature";
/// The code that the user's app shows.
pub(crate) const TOTP_CODE: &str = "287082";

pub(crate) const API_KEY: &str = "a-key-of-a-service";

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

const DEVICES: DevicePolicy = DevicePolicy {
    ttl: SignedDuration::from_hours(24 * 30),
    max_per_user: 20,
    reuse_leeway: SignedDuration::from_secs(10),
};

/// The world behind the use-cases. What a test does not expect panics, and the
/// answer is 500.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each test says what its world lacks")]
pub(crate) struct World {
    pub(crate) accounts: MockAccountStore,
    pub(crate) challenges: MockChallengeStore,
    pub(crate) devices: MockDeviceStore,
    pub(crate) dependencies: Vec<Arc<dyn Dependency>>,
    pub(crate) optional: Vec<Arc<dyn Dependency>>,
    pub(crate) events: MockEventStore,
    pub(crate) directory: MockAccountDirectory,
    /// Whether there is an admin API.
    pub(crate) has_operators: bool,
    pub(crate) hasher: MockPasswordHasher,
    pub(crate) provider: MockVerificationProvider,
    pub(crate) sessions: MockSessionStore,
    pub(crate) tokens: MockAccessTokens,
    pub(crate) decoys: MockDecoyCodes,
    pub(crate) factors: MockFactorStore,
    pub(crate) sealer: MockSealer,
    pub(crate) totp_codes: MockTotpCodes,
    pub(crate) channels: Vec<Channel>,
    pub(crate) passkeys: MockPasskeyStore,
    pub(crate) ceremonies: MockPasskeyCeremonies,
    pub(crate) without_passkeys: bool,
    pub(crate) passwordless: bool,
    pub(crate) shield: MockShieldStore,
    pub(crate) puzzles: MockWorkPuzzles,
    pub(crate) callbacks: MockCallbackVerifier,
    pub(crate) send_traces: MockSendTraceStore,
    pub(crate) meter: MockSendMeter,
    pub(crate) without_sinch: bool,
    /// Off unless a test says otherwise.
    pub(crate) work: WorkRule,
    pub(crate) limiter: MockRateLimiter,
    /// Counted by `limiter`; without it, by the server itself.
    pub(crate) address_limit: Option<RequestLimit>,
    pub(crate) named_limits: NamedLimits,
    pub(crate) forged_callbacks: Option<RequestLimit>,
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
        world.accounts.expect_find_sign_in().returning(|_, _, _| Ok(sign_in(PasswordFailures::default())));
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
        world.send_traces.expect_list_traces().returning(|_, _| Ok(vec![send_trace()]));
        world.hasher.expect_find_match().returning(|_, _, _| Ok(RIGHT));
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("another hash".to_owned())));
        world.provider.expect_start().returning(|_| Ok(ProviderId("1".to_owned())));
        world.factors.expect_begin_totp().returning(|_, _, _| Ok(TotpBegin::Begun));
        world.factors.expect_confirm_totp().returning(|_, _| Ok(true));
        world.factors.expect_remove_totp().returning(|_, _, _, _| Ok(true));
        world.factors.expect_replace_recovery_codes().returning(|_, _| Ok(true));
        world.sealer.expect_seal().returning(|_, _| SealedValue("sealed".to_owned()));
        let mut world = world.with_app(waiting_app());
        world.sessions.expect_list_sessions().returning(|_, _| Ok(session_entries()));
        world.sessions.expect_end().returning(|_, _, _, _| Ok(true));
        world.sessions.expect_end_others().returning(|_, _, _, _| Ok(1));
        world.devices.expect_list_devices().returning(|_, _| Ok(vec![device_entry()]));
        world.devices.expect_forget_device().returning(|_, _, _, _| Ok(true));
        world.devices.expect_forget_devices().returning(|_, _, _| Ok(1));
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

    /// There is an admin API, and whatever an operator asks for is done.
    pub(crate) fn with_operators() -> Self {
        let mut world = Self { has_operators: true, ..Self::that_obeys() };
        world.directory.expect_find_accounts().returning(|_, _, _| Ok(vec![entry()]));
        world.accounts.expect_find_account().returning(|_| Ok(sign_in(PasswordFailures::default()).account));
        world.directory.expect_lock_account().returning(|_, _, _, _| Ok(LockChange::Done));
        world.directory.expect_unlock_account().returning(|_, _, _| Ok(LockChange::AlreadySo));
        world.directory.expect_end_all_sessions().returning(|_, _, _| Ok(Some(2)));
        world.events.expect_record_event().returning(|_, _, _| Ok(true));
        world.send_traces.expect_list_figures().returning(|_| Ok(Vec::new()));
        world
            .directory
            .expect_list_all_events()
            .returning(|_, _| Ok(vec![AccountEvent { user_id: user().id, event: security_event() }]));
        world
    }

    /// The user has this app, which shows [`TOTP_CODE`].
    pub(crate) fn with_app(mut self, app: TotpEnrolment) -> Self {
        self.factors.expect_find_totp().returning(move |_| Ok(Some(app.clone())));
        self.sealer.expect_open().returning(|_, _| {
            Ok(Unsealed { plaintext: totp_secret().expose().to_vec().into(), outdated: false })
        });
        self.totp_codes.expect_is_code_of().returning(|_, _, code| code.expose() == TOTP_CODE);
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
        let mut number_risk = MockNumberRisk::new();
        number_risk.expect_report().returning(|_| Ok(NumberReport::default()));
        let number_risk = Arc::new(number_risk);
        let blind = Arc::new(BlindChallenges {
            clock: clock.clone(),
            secrets: secrets.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            provider: provider.clone(),
            number_risk: number_risk.clone(),
            background: Arc::new(Never),
            destinations: DestinationPolicy::default(),
            policy: POLICY,
            quotas: Quotas::default(),
        });
        let devices = Arc::new(self.devices);
        let directory = Arc::new(self.directory);
        let send_traces = Arc::new(self.send_traces);
        let operators = Operators {
            authorize: AdmitCaller { keys: api_keys(ADMIN_KEY) },
            find_accounts: FindAccounts { directory: directory.clone() },
            show_account: ShowAccount {
                clock: clock.clone(),
                accounts: accounts.clone(),
                directory: directory.clone(),
                sessions: sessions.clone(),
                events: events.clone(),
            },
            lock_account: LockAccount {
                clock: clock.clone(),
                secrets: secrets.clone(),
                directory: directory.clone(),
            },
            unlock_account: UnlockAccount {
                clock: clock.clone(),
                secrets: secrets.clone(),
                directory: directory.clone(),
            },
            remove_account: RemoveAccount {
                clock: clock.clone(),
                secrets: secrets.clone(),
                accounts: accounts.clone(),
            },
            end_all_sessions: EndAllSessions {
                clock: clock.clone(),
                secrets: secrets.clone(),
                directory: directory.clone(),
            },
            start_reset: StartReset {
                clock: clock.clone(),
                secrets: secrets.clone(),
                accounts: accounts.clone(),
                events: events.clone(),
                blind: blind.clone(),
            },
            list_account_events: ListAccountEvents { events: events.clone() },
            list_all_events: ListAllEvents { directory },
            show_figures: ShowFigures { clock: clock.clone(), traces: send_traces.clone() },
        };
        let (factors, sealer) = (Arc::new(self.factors), Arc::new(self.sealer));
        let totp_codes = Arc::new(self.totp_codes);
        let passkeys = Arc::new(self.passkeys);
        let ceremonies = Arc::new(self.ceremonies);
        UseCases {
            admit_request: AdmitRequest {
                shared: None,
                alone: Arc::new(self.limiter),
                address: self.address_limit,
                everyone: None,
                named: self.named_limits,
                forged_callbacks: self.forged_callbacks,
            },
            admit_start: AdmitStart {
                clock: clock.clone(),
                store: Arc::new(self.shield),
                puzzles: Arc::new(self.puzzles),
                shield: Arc::new(Shield { work: self.work, ..Shield::with_every_rule(RuleMode::Block) }),
            },
            sinch_callbacks: (!self.without_sinch).then(|| HandleSinchCallback {
                clock: clock.clone(),
                verifier: Arc::new(self.callbacks),
                traces: send_traces.clone(),
                meter: Arc::new(self.meter),
                prices: Arc::new(CurrentPrices::new(Prices::default(), None)),
            }),
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
                tokens: tokens.clone(),
                hasher: hasher.clone(),
                accounts: accounts.clone(),
                challenges: challenges.clone(),
                devices: devices.clone(),
                provider: provider.clone(),
                number_risk: number_risk.clone(),
                destinations: DestinationPolicy::default(),
                policy: POLICY,
                sessions: SESSIONS,
                remembering: Some(DEVICES),
                quotas: Quotas::default(),
            },
            request_otp: RequestOtp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                blind: blind.clone(),
                channels: ChannelPolicy::new(&self.channels),
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
                factors: factors.clone(),
                sealer: sealer.clone(),
                totp_codes: totp_codes.clone(),
                policy: POLICY,
                sessions: SESSIONS,
                devices: Some(DEVICES),
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
            admit_introspection: AdmitCaller { keys: api_keys(API_KEY) },
            introspect_token: IntrospectToken {
                clock: clock.clone(),
                tokens: tokens.clone(),
                sessions: sessions.clone(),
                issuer: "us".to_owned(),
                audience: "them".to_owned(),
            },
            start_step_up: StartStepUp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                hasher: hasher.clone(),
                accounts: accounts.clone(),
                challenges: challenges.clone(),
                provider: provider.clone(),
                number_risk: number_risk.clone(),
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
                devices: devices.clone(),
                factors: factors.clone(),
                events: events.clone(),
                passkeys: passkeys.clone(),
                traces: send_traces.clone(),
            },
            list_events: ListEvents { events },
            list_sessions: ListSessions { clock: clock.clone(), sessions: sessions.clone() },
            end_session: EndSession {
                clock: clock.clone(),
                secrets: secrets.clone(),
                sessions: sessions.clone(),
            },
            end_other_sessions: EndOtherSessions { clock: clock.clone(), secrets: secrets.clone(), sessions },
            begin_totp: BeginTotp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                sealer: sealer.clone(),
                factors: factors.clone(),
            },
            confirm_totp: ConfirmTotp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                sealer,
                totp_codes,
                factors: factors.clone(),
            },
            remove_totp: RemoveTotp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                factors: factors.clone(),
            },
            renew_recovery_codes: RenewRecoveryCodes {
                clock: clock.clone(),
                secrets: secrets.clone(),
                factors,
            },
            list_devices: ListDevices { clock: clock.clone(), devices: devices.clone() },
            forget_device: ForgetDevice {
                clock: clock.clone(),
                secrets: secrets.clone(),
                devices: devices.clone(),
            },
            forget_devices: ForgetDevices { clock, secrets, devices },
            check_readiness: CheckReadiness { dependencies: self.dependencies, optional: self.optional },
            publish_keys: PublishKeys { tokens },
            operators: self.has_operators.then(|| Arc::new(operators)),
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
    secrets.expect_device_token().returning(|| DeviceToken::parse(DEVICE_TOKEN).unwrap());
    secrets.expect_hash_device_token().returning(|token| DeviceTokenHash([token.expose().as_bytes()[0]; 32]));
    secrets.expect_totp_secret().returning(totp_secret);
    secrets.expect_recovery_code().returning(|| RecoveryCode::from_random(&[17; RecoveryCode::SYMBOLS]));
    secrets.expect_hash_recovery_code().returning(|_| RecoveryCodeHash([7; 32]));
    Arc::new(secrets)
}

pub(crate) fn now() -> Timestamp {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

fn totp_secret() -> TotpSecret {
    TotpSecret::from_bytes(*b"12345678901234567890")
}

/// An app that waits to be confirmed.
pub(crate) fn waiting_app() -> TotpEnrolment {
    TotpEnrolment { secret: SealedValue("sealed".to_owned()), begun_at: now(), confirmed: None }
}

/// An app that is enrolled.
pub(crate) fn enrolled_app() -> TotpEnrolment {
    let confirmed = Some(ConfirmedTotp { at: now(), last_step: TotpStep(0) });
    TotpEnrolment { confirmed, ..waiting_app() }
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
        second_factors: SecondFactors::default(),
        attempts_left: 5,
        sends: 1,
        number_last_sent_at: Some(now()),
        expires_at: now() + POLICY.ttl,
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
        text_barred: false,
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
        second_factors: SecondFactors::default(),
        created_at: now(),
        updated_at: now(),
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

pub(crate) fn device_entry() -> DeviceEntry {
    DeviceEntry {
        id: DeviceId(Uuid::from_u128(8)),
        created_at: now(),
        last_used_at: now(),
        expires_at: now() + DEVICES.ttl,
        client: client(),
    }
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

/// The account as operators see it: locked.
pub(crate) fn entry() -> AccountEntry {
    let reason = LockReason::parse("phone stolen").unwrap();
    AccountEntry { user: user(), lock: Some(AccountLock { since: now(), reason }) }
}

/// The account is found, and so many wrong passwords.
pub(crate) fn sign_in(failures: PasswordFailures) -> SignIn {
    SignIn {
        throttle_key: ThrottleKey("ann@example.com".to_owned()),
        failures,
        account: Some(Account {
            user: user(),
            password_hash: PasswordHash::new("hash".to_owned()),
            lock: None,
        }),
        registrations: Vec::new(),
        device: None,
        imported: None,
        imports_remain: false,
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

fn api_keys(only: &'static str) -> Arc<MockApiKeys> {
    let mut keys = MockApiKeys::new();
    keys.expect_accept().returning(move |presented| presented == only);
    Arc::new(keys)
}

/// A message of our user's sign-in.
fn send_trace() -> SendTrace {
    SendTrace {
        reference: SendReference(Uuid::from_u128(8)),
        provider: "sinch".to_owned(),
        provider_id: None,
        purpose: Purpose::Login,
        channel: Channel::Sms,
        country: Some("SE".to_owned()),
        prefix: "+4670174".to_owned(),
        cost: Money(0),
        begun_at: now(),
        settlement: Some(Settlement::Sent),
        settled_at: Some(now()),
        arrival: Arrival::Unknown,
        arrived_at: None,
        entered_at: None,
        callbacks: Vec::new(),
    }
}
