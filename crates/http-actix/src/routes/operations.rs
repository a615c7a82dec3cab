//! What operators and other services ask for.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web::Data};
use futures_util::future::join_all;
use use_cases::{CheckReadiness, DependencyState};

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
        (status = 200, description = "Every dependency answers that requests need.", body = Readiness),
        (status = 503, description = "One of these does not.", body = Readiness),
    ),
)]
pub(crate) async fn ready(use_cases: Data<UseCases>) -> HttpResponse {
    let states = states(&use_cases).await;
    let ready = states.iter().all(|state| state.ready || !state.required);
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(Readiness {
        status: if ready { "ready" } else { "unready" },
        dependencies: states.into_iter().map(DependencyBody::from).collect(),
    })
}

/// Asks each dependency by itself and all at once, so that one that hangs hides
/// no other.
async fn states(use_cases: &UseCases) -> Vec<DependencyState> {
    let CheckReadiness { dependencies, optional } = &use_cases.check_readiness;
    let required = dependencies.iter().map(|dependency| (dependency, true));
    let optional = optional.iter().map(|dependency| (dependency, false));
    let probes = required.chain(optional).map(|(dependency, required)| async move {
        let check = CheckReadiness { dependencies: vec![dependency.clone()], optional: Vec::new() };
        let states = tokio::time::timeout(READINESS_DEADLINE, check.execute()).await.unwrap_or_default();
        let ready = states.first().is_some_and(|state| state.ready);
        DependencyState { name: dependency.name(), ready, required }
    });
    join_all(probes).await
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
