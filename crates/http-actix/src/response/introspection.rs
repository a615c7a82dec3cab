//! What is told of an access token.

use serde::Serialize;
use use_cases::ActiveToken;
use utoipa::ToSchema;

/// What a token says (RFC 7662 §2.2); of one that opens nothing, only that.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(crate) struct IntrospectionAnswer<'a> {
    /// Whether the token opens anything now: ours, in time, of a living session. If not, there is nothing else.
    active: bool,
    /// How the token is presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("Bearer"))]
    token_type: Option<&'static str>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("otp-login"))]
    iss: Option<&'a str>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("otp-login"))]
    aud: Option<&'a str>,
    /// The `id` of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    sub: Option<String>,
    /// The `id` of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    sid: Option<String>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// When it ends, unless its session does earlier, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// When all factors were last proven, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    /// By which methods (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(json!(["pwd", "sms", "mfa"])))]
    amr: Option<Vec<&'static str>>,
}

impl<'a> IntrospectionAnswer<'a> {
    /// What is told of `token`.
    pub(crate) fn of(token: Option<&ActiveToken<'a>>) -> Self {
        let Some(ActiveToken { claims, issuer, audience }) = token else { return Self::default() };
        Self {
            active: true,
            token_type: Some("Bearer"),
            iss: Some(issuer),
            aud: Some(audience),
            sub: Some(claims.user_id.0.to_string()),
            sid: Some(claims.session_id.0.to_string()),
            iat: Some(claims.issued_at.as_second()),
            exp: Some(claims.expires_at.as_second()),
            auth_time: Some(claims.authenticated_at.as_second()),
            amr: Some(claims.methods.iter().map(|method| method.as_str()).collect()),
        }
    }
}
