//! What is answered, built field by field.

use domain::{
    Challenge, Channel, Factor, Method, Passkey, SecurityEvent, SessionEntry, SessionId, User, UserAgent,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use use_cases::{AccountExport, BegunCeremony, DependencyState, SignedIn};
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemCode};

/// One attempt to prove possession of a factor.
#[derive(Serialize, ToSchema)]
#[schema(as = Challenge)]
pub(crate) struct ChallengeBody {
    /// Opaque and unguessable.
    #[schema(examples("4s0rWIkwTTvjzYZSkZ8xVw"))]
    id: String,
    /// `registration`, `login`, `password_reset`, `phone_change` or `step_up`.
    #[schema(examples("login"))]
    purpose: &'static str,
    /// `sms`, `voice`, `flashcall` or `whatsapp`.
    #[schema(examples("sms"))]
    channel: &'static str,
    /// The number that the code goes to, masked. Absent where it would tell of an account:
    /// of a password reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("+46•••••••67"))]
    destination: Option<String>,
    /// Whether this request sent a message.
    sent: bool,
    /// The ways to answer the challenge.
    #[schema(examples("sms"))]
    methods: Vec<&'static str>,
    /// Wrong codes until the challenge is over; resending never raises it.
    #[schema(examples(5))]
    attempts_left: u32,
    /// When the challenge ends; resending never prolongs it.
    expires_at: Timestamp,
    /// When another message may be asked for; null when there will be none.
    #[schema(required = true)]
    resend_available_at: Option<Timestamp>,
}

impl From<Challenge> for ChallengeBody {
    fn from(challenge: Challenge) -> Self {
        Self {
            id: challenge.id.as_str().to_owned(),
            purpose: challenge.purpose.shown(),
            channel: Channel::as_str(challenge.channel),
            destination: challenge.destination.map(|phone| phone.masked()),
            sent: challenge.sent,
            methods: challenge.methods.into_iter().map(Method::as_str).collect(),
            attempts_left: challenge.attempts_left,
            expires_at: challenge.expires_at,
            resend_available_at: challenge.resend_available_at,
        }
    }
}

/// A challenge that was started or sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChallengeAnswer {
    challenge: ChallengeBody,
}

impl From<Challenge> for ChallengeAnswer {
    fn from(challenge: Challenge) -> Self {
        Self { challenge: challenge.into() }
    }
}

/// The password was right; the challenge has to be answered next.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogInAnswer {
    /// `otp_required`.
    #[schema(examples("otp_required"))]
    status: &'static str,
    challenge: ChallengeBody,
}

impl From<Challenge> for LogInAnswer {
    fn from(challenge: Challenge) -> Self {
        Self { status: "otp_required", challenge: challenge.into() }
    }
}

/// What a signed-in user holds.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensBody {
    /// A JWT (RFC 9068) for the header `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    /// Life of the access token in seconds.
    #[schema(examples(900))]
    expires_in: i64,
    /// Opaque; spent by its first use.
    refresh_token: String,
    /// Life of the refresh token in seconds.
    #[schema(examples(2_592_000))]
    refresh_expires_in: i64,
    user: UserBody,
}

impl From<SignedIn> for TokensBody {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: signed_in.expires_in.as_secs(),
            refresh_token: signed_in.refresh_token.expose().to_owned(),
            refresh_expires_in: signed_in.refresh_expires_in.as_secs(),
            user: signed_in.user.into(),
        }
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// As typed at registration.
    #[schema(examples("ann@example.com"))]
    email: String,
    /// In E.164.
    #[schema(examples("+46701234567"))]
    phone_number: String,
    phone_verified_at: Timestamp,
    /// The language of messages, or null.
    #[schema(required = true, examples("sv-SE"))]
    locale: Option<String>,
    /// What the account can prove itself with besides the password.
    #[schema(examples("sms"))]
    factors: Vec<&'static str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0.to_string(),
            email: user.email.as_typed().to_owned(),
            phone_number: user.phone.as_e164().to_owned(),
            phone_verified_at: user.phone_verified_at,
            factors: user.factors().into_iter().map(Factor::as_str).collect(),
            locale: user.locale.map(|locale| locale.as_str().to_owned()),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// A `UUIDv7`, the `sid` of its access tokens.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// The address that signed in, or null.
    #[schema(required = true, examples("203.0.113.7"))]
    ip: Option<String>,
    /// What the client called itself, or null.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionBody {
    fn of(session: &SessionEntry, current: SessionId) -> Self {
        Self {
            id: session.id.0.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            ip: session.client.address.map(|address| address.to_string()),
            user_agent: session.client.user_agent.as_ref().map(UserAgent::as_str).map(str::to_owned),
            current: session.id == current,
        }
    }
}

/// A user's live sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsAnswer {
    sessions: Vec<SessionBody>,
}

impl SessionsAnswer {
    pub(crate) fn of(sessions: &[SessionEntry], current: SessionId) -> Self {
        Self { sessions: sessions.iter().map(|session| SessionBody::of(session, current)).collect() }
    }
}

/// Something that happened to the account.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// By the names of the OWASP Logging Vocabulary, such as `authn_login_success`.
    #[schema(examples("authn_login_success"))]
    name: &'static str,
    occurred_at: Timestamp,
    /// The session it happened to, or null.
    #[schema(required = true, value_type = Option<uuid::Uuid>)]
    session_id: Option<String>,
    /// The address of whoever caused it, or null.
    #[schema(required = true, examples("203.0.113.7"))]
    ip: Option<String>,
    /// What the client called itself, or null.
    #[schema(required = true)]
    user_agent: Option<String>,
}

impl From<SecurityEvent> for EventBody {
    fn from(event: SecurityEvent) -> Self {
        Self {
            id: event.id.0.to_string(),
            name: event.name.as_str(),
            occurred_at: event.occurred_at,
            session_id: event.session_id.map(|session| session.0.to_string()),
            ip: event.client.address.map(|address| address.to_string()),
            user_agent: event.client.user_agent.as_ref().map(UserAgent::as_str).map(str::to_owned),
        }
    }
}

/// What happened to the account, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsAnswer {
    events: Vec<EventBody>,
}

impl From<Vec<SecurityEvent>> for EventsAnswer {
    fn from(events: Vec<SecurityEvent>) -> Self {
        Self { events: events.into_iter().map(EventBody::from).collect() }
    }
}

/// A ceremony of `WebAuthn` that has begun.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCeremony)]
pub(crate) struct CeremonyBody {
    /// Opaque; needed to finish, once and within 5 minutes.
    #[schema(examples("4s0rWIkwTTvjzYZSkZ8xVw"))]
    ceremony_id: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of
    /// `WebAuthn`.
    #[schema(value_type = Object)]
    public_key: Value,
}

impl TryFrom<BegunCeremony> for CeremonyBody {
    type Error = Problem;

    fn try_from(begun: BegunCeremony) -> Result<Self, Problem> {
        let public_key =
            serde_json::from_str(&begun.options.0).map_err(|_| Problem::new(ProblemCode::Internal))?;
        Ok(Self { ceremony_id: begun.id.as_str().to_owned(), public_key })
    }
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// What its owner calls it, or null.
    #[schema(required = true, examples("the blue key"))]
    name: Option<String>,
    created_at: Timestamp,
    /// Null before its first use.
    #[schema(required = true)]
    last_used_at: Option<Timestamp>,
    /// Whether it was in a backup, such as that of a password manager, when it was last used.
    backed_up: bool,
}

impl From<Passkey> for PasskeyBody {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.0.to_string(),
            name: passkey.name.map(|name| name.as_str().to_owned()),
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
            backed_up: passkey.backed_up,
        }
    }
}

/// A user's passkeys.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeysAnswer {
    passkeys: Vec<PasskeyBody>,
}

impl From<Vec<Passkey>> for PasskeysAnswer {
    fn from(passkeys: Vec<Passkey>) -> Self {
        Self { passkeys: passkeys.into_iter().map(PasskeyBody::from).collect() }
    }
}

/// Everything that is held about a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportAnswer {
    user: UserBody,
    sessions: Vec<SessionBody>,
    events: Vec<EventBody>,
    passkeys: Vec<PasskeyBody>,
}

impl ExportAnswer {
    pub(crate) fn of(export: AccountExport, current: SessionId) -> Self {
        Self {
            user: export.user.into(),
            sessions: SessionsAnswer::of(&export.sessions, current).sessions,
            events: EventsAnswer::from(export.events).events,
            passkeys: PasskeysAnswer::from(export.passkeys).passkeys,
        }
    }
}

/// The process runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    #[schema(examples("ok"))]
    pub(crate) status: &'static str,
    /// Of this service.
    pub(crate) version: String,
}

/// Whether requests can be served.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `unready`.
    #[schema(examples("ready"))]
    pub(crate) status: &'static str,
    pub(crate) dependencies: Vec<DependencyBody>,
}

/// Something outside the process without which requests fail.
#[derive(Serialize, ToSchema)]
#[schema(as = Dependency)]
pub(crate) struct DependencyBody {
    #[schema(examples("database"))]
    name: &'static str,
    /// `ok` or `unavailable`.
    #[schema(examples("ok"))]
    status: &'static str,
}

impl From<DependencyState> for DependencyBody {
    fn from(state: DependencyState) -> Self {
        Self { name: state.name, status: if state.ready { "ok" } else { "unavailable" } }
    }
}
