//! A server on a free port, stand-ins for the ports, and a client that sends
//! exactly the bytes it is given.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    num::NonZeroU32,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use domain::{
    AccessClaims, AccessToken, ChallengeId, ChallengePolicy, ChallengeState, Channel, DestinationPolicy,
    Email, PasswordHash, PhoneNumber, ProviderId, Purpose, Quotas, RefreshToken, RefreshTokenHash,
    SendReference, SessionId, SessionPolicy, User, UserId, VerificationId,
};
use http_actix::{HttpSettings, UseCases, server};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Attempt, Dependency, LiveSession, MockAccessTokens, MockAccountStore, MockChallengeStore, MockClock,
    MockPasswordHasher, MockSecretGenerator, MockSessionStore, MockVerificationProvider, Opened,
    ReservedSend, SendDecision,
};
use serde_json::Value;
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

    fn into_use_cases(self) -> UseCases {
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

/// Settings under which no test meets the address limit by chance.
pub(crate) fn settings() -> HttpSettings {
    let plenty = NonZeroU32::new(100_000).unwrap();
    HttpSettings { workers: 1, ip_per_minute: plenty, ip_burst: plenty, ..HttpSettings::default() }
}

/// A running server.
pub(crate) struct Service {
    address: SocketAddr,
}

impl Service {
    pub(crate) fn start(world: World) -> Self {
        Self::start_with(settings(), world)
    }

    pub(crate) fn start_with(settings: HttpSettings, world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let use_cases = Arc::new(world.into_use_cases());
        let (started, wait) = mpsc::channel();
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = server(use_cases, settings, listener).unwrap();
                started.send(()).unwrap();
                server.await
            })
        });
        wait.recv().unwrap();
        Self { address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        Answer::read(&mut stream)
    }

    /// A request without a body; `headers` are whole lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        self.raw(format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{}\r\n",
            lines(headers)
        ))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// A JSON body.
    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post_as(path, &["Content-Type: application/json"], body)
    }

    pub(crate) fn post_as(&self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
            body.len(),
            lines(headers)
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(request)
    }

    pub(crate) fn register(&self) -> Answer {
        self.post("/api/v1/auth/register", registration())
    }

    pub(crate) fn me(&self, headers: &[&str]) -> Answer {
        self.ask("GET", "/api/v1/me", headers)
    }
}

pub(crate) fn registration() -> String {
    format!(r#"{{"email":"ann@example.com","password":"violet-anchor-piano","phone_number":"{PHONE}"}}"#)
}

fn lines(headers: &[&str]) -> String {
    headers.iter().map(|line| format!("{line}\r\n")).collect()
}

/// An answer, headers in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is an end, too.
        let _ = stream.read_to_end(&mut bytes);
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The code of a problem, after a look at what every problem has.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let body = self.json();
        let code = body["code"].as_str().unwrap().to_owned();
        assert_eq!(body["type"], format!("/problems/{code}"));
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
        assert_eq!(
            body["retry_after"].as_u64().map(|s| s.to_string()).as_deref(),
            self.header("retry-after")
        );
        code
    }

    /// The field errors of a `validation-failed`, as `pointer code`.
    #[track_caller]
    pub(crate) fn field_errors(&self) -> Vec<String> {
        assert_eq!((self.status, self.problem().as_str()), (422, "validation-failed"), "{self:?}");
        let errors = self.json()["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|error| {
                assert!(!error["message"].as_str().unwrap().is_empty());
                format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
            })
            .collect()
    }
}
