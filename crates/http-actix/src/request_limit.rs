//! Limits of requests that a use-case counts: those that replicas share, and of all clients together.

use std::time::Duration;

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use use_cases::AdmittedRequest;

use crate::{
    HttpSettings, UseCases,
    client::address,
    problem::{Problem, ProblemCode},
    rate_limit_headers::describe,
    routes::is_limited,
};

/// Answers 429 where a limit is used up, and tells how the limit of the address stands.
pub(crate) async fn admit(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let admitted = match count(&req).await {
        Ok(admitted) => admitted,
        Err(problem) => return Ok(req.into_response(problem.error_response())),
    };
    let mut response = match admitted.and_then(|admitted| admitted.retry_after) {
        Some(wait) => {
            tracing::warn!(event = "excess_rate_limit_exceeded", limit = "requests");
            let wait = Duration::try_from(wait).unwrap_or_default();
            req.into_response(Problem::new(ProblemCode::RateLimited).retry_after(wait).error_response())
        }
        None => next.call(req).await?.map_into_boxed_body(),
    };
    if let Some(standing) = admitted.and_then(|admitted| admitted.address) {
        describe(&mut response, &standing);
    }
    Ok(response)
}

/// `None`: it is not counted.
async fn count(req: &ServiceRequest) -> Result<Option<AdmittedRequest>, Problem> {
    let settings = req.app_data::<Data<HttpSettings>>();
    let (Some(settings), Some(use_cases)) = (settings, req.app_data::<Data<UseCases>>()) else {
        return Ok(None);
    };
    if !is_limited(req.path()) {
        return Ok(None);
    }
    let address = address(req.peer_addr(), req.headers(), &settings.trusted_proxies);
    Ok(Some(use_cases.admit_request.execute(address).await?))
}
