//! The claims of access tokens (RFC 9068 §2.2), written and strictly read.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{AccessClaims, AuthenticationMethod, SessionId, UserId};
use jiff::{SignedDuration, Timestamp};
use ports::SigningFailed;
use serde_json::{Value, json};
use uuid::Uuid;

use super::jws::Members;
use crate::secrets::random;

/// How far the clocks of two replicas may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

/// No access token lives longer, whatever it says: a time far in the future is
/// a mistake or worse.
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Who issues tokens, and for whom. Both are compared exactly.
pub(super) struct Party {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// The body of a token with these claims. Times are cut to whole seconds.
pub(super) fn body(claims: &AccessClaims, party: &Party) -> Result<Value, SigningFailed> {
    if claims.expires_at.duration_since(claims.issued_at) > MAX_LIFE {
        return Err(SigningFailed("an access token lives for a day at most".to_owned()));
    }
    let methods: Vec<_> = claims.methods.iter().map(|method| method.as_str()).collect();
    Ok(json!({
        "iss": party.issuer,
        "aud": party.audience,
        "sub": claims.user_id.0.to_string(),
        "sid": claims.session_id.0.to_string(),
        "jti": BASE64_URL_SAFE_NO_PAD.encode(random::<16>().as_slice()),
        "iat": claims.issued_at.as_second(),
        "exp": claims.expires_at.as_second(),
        "auth_time": claims.authenticated_at.as_second(),
        "amr": methods,
    }))
}

/// Claims that we signed. Whether they hold depends on the time.
#[derive(Clone)]
pub(super) struct SignedClaims {
    claims: AccessClaims,
    not_before: Option<Timestamp>,
}

impl SignedClaims {
    /// Reads a payload whose signature was right. Claims that we do not know
    /// are ignored, so that a newer replica may add one.
    pub(super) fn parse(payload: &Members, party: &Party) -> Option<Self> {
        let ours = text(payload, "iss")? == party.issuer && text(payload, "aud")? == party.audience;
        if !ours || text(payload, "jti")?.is_empty() {
            return None;
        }
        let claims = AccessClaims {
            user_id: UserId(uuid(payload, "sub")?),
            session_id: SessionId(uuid(payload, "sid")?),
            issued_at: time(payload.get("iat")?)?,
            expires_at: time(payload.get("exp")?)?,
            authenticated_at: time(payload.get("auth_time")?)?,
            methods: methods(payload.get("amr")?)?,
        };
        let not_before = match payload.get("nbf") {
            Some(value) => Some(time(value)?),
            None => None,
        };
        let life = claims.expires_at.duration_since(claims.issued_at);
        (life <= MAX_LIFE).then_some(Self { claims, not_before })
    }

    /// The claims, if the token is valid `now`.
    pub(super) fn valid_at(self, now: Timestamp) -> Option<AccessClaims> {
        let begins = [Some(self.claims.issued_at), Some(self.claims.authenticated_at), self.not_before];
        let begun = begins.into_iter().flatten().all(|time| time.duration_since(now) <= LEEWAY);
        (begun && !self.is_over(now)).then_some(self.claims)
    }

    /// Whether no later time will find the token valid.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.claims.expires_at) >= LEEWAY
    }
}

fn text<'a>(payload: &'a Members, name: &str) -> Option<&'a str> {
    payload.get(name)?.as_str()
}

/// The form with hyphens only, which we write.
fn uuid(payload: &Members, name: &str) -> Option<Uuid> {
    let text = text(payload, name)?;
    Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
}

/// Whole seconds since 1970; what is negative, has a fraction or is too large
/// is no time.
fn time(value: &Value) -> Option<Timestamp> {
    let seconds = i64::try_from(value.as_u64()?).ok()?;
    Timestamp::from_second(seconds).ok()
}

fn methods(value: &Value) -> Option<Vec<AuthenticationMethod>> {
    value.as_array()?.iter().map(|method| AuthenticationMethod::find(method.as_str()?)).collect()
}
