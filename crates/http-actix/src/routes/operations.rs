//! What operators and other services ask for.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web::Data};
use use_cases::DependencyState;

use crate::{
    HttpSettings, UseCases,
    response::{DependencyBody, Health, Readiness},
};

/// How long dependencies may take to say that they are ready.
const READINESS_DEADLINE: Duration = Duration::from_secs(2);

/// Whether the process runs.
#[utoipa::path(
    get, path = "/health", tag = "Operations",
    responses((status = 200, description = "It does.", body = Health)),
)]
pub(crate) async fn health(settings: Data<HttpSettings>) -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", version: settings.version.clone() })
}

/// Whether requests can be served.
///
/// Answers within two seconds; a dependency that took longer is unavailable.
#[utoipa::path(
    get, path = "/health/ready", tag = "Operations",
    responses(
        (status = 200, description = "Every dependency answers.", body = Readiness),
        (status = 503, description = "One does not.", body = Readiness),
    ),
)]
pub(crate) async fn ready(use_cases: Data<UseCases>) -> HttpResponse {
    let states = states(&use_cases).await;
    let ready = states.iter().all(|state| state.ready);
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(Readiness {
        status: if ready { "ready" } else { "unready" },
        dependencies: states.into_iter().map(DependencyBody::from).collect(),
    })
}

/// All are unavailable when they do not answer in time: which of them hung is
/// in the log.
async fn states(use_cases: &UseCases) -> Vec<DependencyState> {
    let check = &use_cases.check_readiness;
    tokio::time::timeout(READINESS_DEADLINE, check.execute()).await.unwrap_or_else(|_| {
        tracing::warn!("dependencies did not answer in time");
        check
            .dependencies
            .iter()
            .map(|dependency| DependencyState { name: dependency.name(), ready: false })
            .collect()
    })
}

/// The public keys of access tokens.
///
/// A JWK set (RFC 7517 §5); empty when tokens are signed with HS256.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "Operations",
    responses((status = 200, description = "The keys.", body = serde_json::Value, content_type = "application/json")),
)]
pub(crate) async fn public_keys(use_cases: Data<UseCases>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(use_cases.publish_keys.execute())
}
