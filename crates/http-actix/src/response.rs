//! What is answered, built field by field.

mod admin;
mod factors;
mod figures;
mod introspection;
mod messages;
mod passkeys;

use domain::{
    Challenge, Channel, DeviceEntry, Factor, Method, SecurityEvent, SessionEntry, SessionId, User, UserAgent,
};
use jiff::Timestamp;
use serde::Serialize;
use use_cases::{AccountExport, DependencyState, EnrolledApp, LoggedIn, SignedIn};
use utoipa::ToSchema;

pub(crate) use self::admin::{AccountDetailsBody, AccountEventsAnswer, AccountsAnswer};
pub(crate) use self::factors::{RecoveryCodesAnswer, TotpAnswer};
pub(crate) use self::figures::{FiguresAnswer, PermissionAnswer};
pub(crate) use self::introspection::IntrospectionAnswer;
use self::messages::MessageBody;
pub(crate) use self::passkeys::{CeremonyBody, PasskeyBody, PasskeysAnswer};

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
    /// The ways to answer the challenge: a code sent by `sms`, `voice`, `whatsapp` or `flashcall`, as
    /// far as they are switched on and reach the number; after the password `totp`, `passkey` and `recovery_code`,
    /// too.
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

/// The password was right.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum LogInAnswer {
    OtpRequired(OtpRequired),
    Authenticated(Authenticated),
}

impl From<LoggedIn> for LogInAnswer {
    fn from(logged_in: LoggedIn) -> Self {
        match logged_in {
            LoggedIn::OtpRequired(challenge) => {
                Self::OtpRequired(OtpRequired { status: "otp_required", challenge: challenge.into() })
            }
            LoggedIn::Authenticated(signed_in) => {
                Self::Authenticated(Authenticated { status: "authenticated", tokens: signed_in.into() })
            }
        }
    }
}

/// The challenge has to be answered next.
#[derive(Serialize, ToSchema)]
pub(crate) struct OtpRequired {
    /// `otp_required`.
    #[schema(pattern = "^otp_required$", examples("otp_required"))]
    status: &'static str,
    challenge: ChallengeBody,
}

/// The device is remembered: a session is open.
#[derive(Serialize, ToSchema)]
pub(crate) struct Authenticated {
    /// `authenticated`.
    #[schema(pattern = "^authenticated$", examples("authenticated"))]
    status: &'static str,
    #[serde(flatten)]
    tokens: TokensBody,
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
    /// Opaque; spent by its first use. Present only when the device was asked to be remembered,
    /// or is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    device_token: Option<String>,
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
            device_token: signed_in.device_token.map(|token| token.expose().to_owned()),
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
    /// What the account can prove itself with besides the password: `sms`, `totp`.
    #[schema(examples("sms"))]
    factors: Vec<&'static str>,
    /// Recovery codes that were not used yet.
    #[schema(examples(10))]
    recovery_codes_left: u32,
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
            recovery_codes_left: user.second_factors.recovery_codes_left,
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

/// A remembered device.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    /// When all factors were proven on it.
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// When it is forgotten; use does not prolong it.
    expires_at: Timestamp,
    /// The address that used it last, or null.
    #[schema(required = true, examples("203.0.113.7"))]
    ip: Option<String>,
    /// What the client that used it last called itself, or null.
    #[schema(required = true)]
    user_agent: Option<String>,
}

impl From<DeviceEntry> for DeviceBody {
    fn from(device: DeviceEntry) -> Self {
        Self {
            id: device.id.0.to_string(),
            created_at: device.created_at,
            last_used_at: device.last_used_at,
            expires_at: device.expires_at,
            ip: device.client.address.map(|address| address.to_string()),
            user_agent: device.client.user_agent.as_ref().map(UserAgent::as_str).map(str::to_owned),
        }
    }
}

/// A user's remembered devices.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicesAnswer {
    devices: Vec<DeviceBody>,
}

impl From<Vec<DeviceEntry>> for DevicesAnswer {
    fn from(devices: Vec<DeviceEntry>) -> Self {
        Self { devices: devices.into_iter().map(DeviceBody::from).collect() }
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

/// An authenticator app. Its secret is held sealed and never shown again.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthenticatorApp)]
pub(crate) struct EnrolledAppBody {
    begun_at: Timestamp,
    /// When it was enrolled; null while it waits to be confirmed.
    #[schema(required = true)]
    confirmed_at: Option<Timestamp>,
}

impl From<EnrolledApp> for EnrolledAppBody {
    fn from(app: EnrolledApp) -> Self {
        Self { begun_at: app.begun_at, confirmed_at: app.confirmed_at }
    }
}

/// Everything that is held about a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportAnswer {
    user: UserBody,
    /// Null when there is none.
    #[schema(required = true)]
    totp: Option<EnrolledAppBody>,
    sessions: Vec<SessionBody>,
    devices: Vec<DeviceBody>,
    events: Vec<EventBody>,
    passkeys: Vec<PasskeyBody>,
    /// With codes, to the number that the user has; the newest first.
    messages: Vec<MessageBody>,
}

impl ExportAnswer {
    pub(crate) fn of(export: AccountExport, current: SessionId) -> Self {
        Self {
            user: export.user.into(),
            totp: export.totp.map(EnrolledAppBody::from),
            sessions: SessionsAnswer::of(&export.sessions, current).sessions,
            devices: DevicesAnswer::from(export.devices).devices,
            events: EventsAnswer::from(export.events).events,
            passkeys: PasskeysAnswer::from(export.passkeys).passkeys,
            messages: export.messages.into_iter().map(MessageBody::from).collect(),
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

/// Something outside the process that requests are served with.
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
