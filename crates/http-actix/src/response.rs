//! What is answered, built field by field.

use domain::{Challenge, Channel, Factor, Method, User};
use jiff::Timestamp;
use serde::Serialize;
use use_cases::{DependencyState, SignedIn};
use utoipa::ToSchema;

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
    /// The number that the code goes to, masked.
    #[schema(examples("+46•••••••67"))]
    destination: String,
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
            purpose: challenge.purpose.as_str(),
            channel: Channel::as_str(challenge.channel),
            destination: challenge.destination.masked(),
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
