//! Programs that ask with a key, from allowed addresses.

use std::marker::PhantomData;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use futures_util::future::LocalBoxFuture;
use ipnet::IpNet;
use use_cases::AdmitCaller;

use crate::{
    HttpSettings, UseCases,
    bearer::BearerToken,
    client::address,
    problem::{Problem, ProblemCode},
};

/// A part of the API that is for programs only.
pub(crate) trait Gate: 'static {
    /// Who judges the key.
    fn admission(use_cases: &UseCases) -> &AdmitCaller;

    /// The addresses that may ask; for others, nothing is here.
    fn allowed(settings: &HttpSettings) -> &[IpNet];
}

/// Token introspection.
pub(crate) struct Introspection;

impl Gate for Introspection {
    fn admission(use_cases: &UseCases) -> &AdmitCaller {
        &use_cases.admit_introspection
    }

    fn allowed(settings: &HttpSettings) -> &[IpNet] {
        settings.introspection_allow.as_deref().unwrap_or_default()
    }
}

/// A request that came through a gate. Address and key are judged before the rest is
/// read, so that strangers learn nothing of what would have been accepted.
pub(crate) struct Admitted<G, R> {
    pub(crate) request: R,
    gate: PhantomData<G>,
}

impl<G: Gate, R: FromRequest + 'static> FromRequest for Admitted<G, R>
where
    R::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            judge::<G>(&req)?;
            let request = R::from_request(&req, &mut payload).await.map_err(Into::into)?;
            Ok(Self { request, gate: PhantomData })
        })
    }
}

fn judge<G: Gate>(req: &HttpRequest) -> Result<(), Problem> {
    let internal = || Problem::new(ProblemCode::Internal);
    let settings = req.app_data::<Data<HttpSettings>>().ok_or_else(internal)?;
    let use_cases = req.app_data::<Data<UseCases>>().ok_or_else(internal)?;
    let from = address(req.peer_addr(), req.headers(), &settings.trusted_proxies);
    if !from.is_some_and(|from| G::allowed(settings).iter().any(|network| network.contains(&from))) {
        tracing::warn!(event = "authz_fail", "a program asked from an address that is not allowed");
        return Err(Problem::new(ProblemCode::NotFound));
    }
    let key = BearerToken::of(req)?;
    G::admission(use_cases).execute(key.expose()).map_err(|_| {
        tracing::warn!(event = "authz_fail", "a program asked with a key that is not valid");
        Problem::new(ProblemCode::InvalidToken)
    })
}
