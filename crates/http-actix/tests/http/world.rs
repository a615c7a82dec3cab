//! Stand-ins for the ports behind the use-cases.

use std::sync::Arc;

use domain::{
    AccessClaims, AccessToken, ChallengeId, ChallengePolicy, ChallengeState, Channel, DestinationPolicy,
    Email, PasswordHash, PhoneNumber, ProviderId, Purpose, Quotas, RefreshToken, RefreshTokenHash,
    SendReference, SessionId, SessionPolicy, User, UserId, VerificationId,
};
use http_actix::UseCases;
use jiff::{SignedDuration, Timestamp};
use ports::{
    Attempt, Dependency, LiveSession, MockAccessTokens, MockAccountStore, MockChallengeStore, MockClock,
    MockPasswordHasher, MockSecretGenerator, MockSessionStore, MockVerificationProvider, Opened,
    ReservedSend, SendDecision,
};
use use_cases::{
    Authenticate, CheckReadiness, LogIn, LogOut, PublishKeys, RefreshSession, RegisterUser, RequestOtp,
    VerifyOtp,
};
use uuid::Uuid;

pub(crate) const PHONE: &str = "+46701234567";
pub(crate) const REFRESH_TOKEN: &str = "refresh-refresh-refresh-refresh-refresh-ref";
pub(crate) const ACCESS_TOKEN: &str = "header.payload.signature";

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
    pub(crate) hasher: MockPasswordHasher,
    pub(crate) provider: MockVerificationProvider,
    pub(crate) sessions: MockSessionStore,
    pub(crate) tokens: MockAccessTokens,
    pub(crate) channels: Vec<Channel>,
}

impl World {
    /// Registrations are stored and their codes sent.
    pub(crate) fn that_sends() -> Self {
        let mut world = Self { channels: vec![Channel::Sms], ..Self::default() };
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("hash".to_owned())));
        world.challenges.expect_open().returning(|_, _| Ok(opened()));
        world.challenges.expect_reserve_resend().returning(|_, _| Ok(Some(opened())));
        world.challenges.expect_settle_sent().returning(|_, _| Ok(()));
        world.provider.expect_start().returning(|_| Ok(ProviderId("1".to_owned())));
        world
    }

    /// The access token [`ACCESS_TOKEN`], and no other, belongs to a live session.
    pub(crate) fn with_session() -> Self {
        let mut world = Self::default();
        world.tokens.expect_verify().returning(|token, _| {
            if token == ACCESS_TOKEN { Ok(claims()) } else { Err(ports::InvalidAccessToken) }
        });
        world.tokens.expect_issue().returning(|_| Ok(AccessToken::new(ACCESS_TOKEN.to_owned())));
        world.sessions.expect_find_live().returning(|_, _, _| Ok(Some(session())));
        world.sessions.expect_end().returning(|_, _, _| Ok(true));
        world
    }

    pub(crate) fn into_use_cases(self) -> UseCases {
        let clock = clock();
        let secrets = secrets();
        let (accounts, challenges) = (Arc::new(self.accounts), Arc::new(self.challenges));
        let (hasher, provider) = (Arc::new(self.hasher), Arc::new(self.provider));
        let (sessions, tokens) = (Arc::new(self.sessions), Arc::new(self.tokens));
        UseCases {
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
                hasher,
                accounts,
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
                channels: self.channels,
                policy: POLICY,
                quotas: Quotas::default(),
            },
            verify_otp: VerifyOtp {
                clock: clock.clone(),
                secrets: secrets.clone(),
                tokens: tokens.clone(),
                challenges,
                provider,
                policy: POLICY,
                sessions: SESSIONS,
                quotas: Quotas::default(),
            },
            refresh_session: RefreshSession {
                clock: clock.clone(),
                secrets,
                tokens: tokens.clone(),
                sessions: sessions.clone(),
                policy: SESSIONS,
            },
            log_out: LogOut { clock: clock.clone(), tokens: tokens.clone(), sessions: sessions.clone() },
            authenticate: Authenticate { clock, tokens: tokens.clone(), sessions },
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
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        channel: Channel::Sms,
        locale: None,
        user_id: None,
        attempts_left: 5,
        sends: 1,
        number_last_sent_at: Some(now()),
        expires_at: now() + POLICY.ttl,
    }
}

pub(crate) fn opened() -> Opened {
    let state = state();
    let send = ReservedSend {
        reference: SendReference(Uuid::from_u128(1)),
        challenge_id: challenge_id(),
        phone: state.phone.clone(),
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
    }
}

pub(crate) fn session() -> LiveSession {
    LiveSession {
        id: SessionId(Uuid::from_u128(4)),
        user: user(),
        authenticated_at: now(),
        methods: Vec::new(),
        expires_at: now() + SESSIONS.idle_ttl,
        absolute_expires_at: now() + SESSIONS.absolute_ttl,
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
