//! Bearer tokens (RFC 6750): in the header, once, or not at all.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web::Data};
use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use use_cases::Principal;

use crate::{
    UseCases,
    problem::{Problem, ProblemCode},
};

/// The access token that a request presents. Whether it is valid is not known.
pub(crate) struct BearerToken(SecretString);

impl BearerToken {
    /// The token, for the use-case that checks it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The one token of a request.
    pub(crate) fn of(req: &HttpRequest) -> Result<Self, Problem> {
        let mut headers = req.headers().get_all(AUTHORIZATION);
        let token = match (headers.next(), headers.next()) {
            (Some(header), None) if !has_token_in_query(req) => header.to_str().ok().and_then(read),
            _ => None,
        };
        token.map(|token| Self(token.to_owned().into())).ok_or_else(|| {
            tracing::info!(event = "authz_fail", "no single bearer token in the header");
            Problem::new(ProblemCode::InvalidToken)
        })
    }
}

impl FromRequest for BearerToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(req))
    }
}

/// The user behind a request. A handler that takes this cannot forget to ask.
pub(crate) struct SignedInUser(pub(crate) Principal);

impl FromRequest for SignedInUser {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = BearerToken::of(req);
        let use_cases = req.app_data::<Data<UseCases>>().cloned();
        Box::pin(async move {
            let token = token?;
            let use_cases = use_cases.ok_or_else(|| Problem::new(ProblemCode::Internal))?;
            let principal = use_cases.authenticate.execute(token.expose()).await?;
            Ok(Self(principal))
        })
    }
}

/// A request of a signed-in user. The token is judged before the rest is read, so that
/// strangers learn nothing of what would have been accepted.
pub(crate) struct Own<R>(pub(crate) Principal, pub(crate) R);

impl<R: FromRequest + 'static> FromRequest for Own<R>
where
    R::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let SignedInUser(principal) = SignedInUser::from_request(&req, &mut payload).await?;
            let rest = R::from_request(&req, &mut payload).await.map_err(Into::into)?;
            Ok(Self(principal, rest))
        })
    }
}

/// `Bearer` and a `token68` (RFC 6750 §2.1, RFC 9110 §11.4).
fn read(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim_matches(' ');
    let unpadded = token.trim_end_matches('=');
    let is_token68 =
        !unpadded.is_empty() && unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    (scheme.eq_ignore_ascii_case("bearer") && is_token68).then_some(token)
}

/// A token in the query is in every access log on the way, so presenting one
/// there is refused even beside a good header.
fn has_token_in_query(req: &HttpRequest) -> bool {
    req.query_string().split('&').any(|pair| pair.split('=').next() == Some("access_token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tk_05_only_one_form_of_the_header_carries_a_token() {
        for header in ["Bearer a.b-c_d~e+f/g==", "bearer x", "BEARER x", "Bearer   x "] {
            assert!(read(header).is_some(), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Basic eDp5",
            "Bearer a b",
            "Bearer a,b",
            "Bearer =",
            "Bearer\tx",
            "x",
            "Bearer a=b",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
    }
}
