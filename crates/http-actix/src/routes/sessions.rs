//! The signed-in user's sessions.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use domain::SessionId;

use crate::{
    UseCases,
    bearer::{Own, SignedInUser},
    client::Visitor,
    problem::{Problem, ProblemCode},
    response::SessionsAnswer,
};

/// The live sessions.
#[utoipa::path(
    get, path = "/api/v1/me/sessions", tag = "Sessions", security(("bearer" = [])),
    responses((status = 200, description = "The most recently used first.", body = SessionsAnswer)),
)]
pub(crate) async fn list(
    SignedInUser(principal): SignedInUser,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let sessions = use_cases.list_sessions.execute(&principal).await?;
    Ok(HttpResponse::Ok().json(SessionsAnswer::of(&sessions, principal.session_id)))
}

/// End one session.
///
/// At once, with its access tokens.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions/{id}", tag = "Sessions", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of a session of the user.")),
    responses((status = 204, description = "The session is over.")),
)]
pub(crate) async fn end(
    Own(principal, id): Own<Path<String>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))?;
    use_cases.end_session.execute(&principal, SessionId(id), visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all other sessions.
///
/// At once, with their access tokens; the one that asks goes on.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions", tag = "Sessions", security(("bearer" = [])),
    responses((status = 204, description = "All other sessions are over.")),
)]
pub(crate) async fn end_others(
    SignedInUser(principal): SignedInUser,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    use_cases.end_other_sessions.execute(&principal, visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}
