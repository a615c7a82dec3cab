//! What operators ask for.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Path, Query},
};
use domain::{AccountName, UserId};

use crate::{
    operator::Operator,
    problem::{Problem, ProblemCode},
    request::{EventsQuery, FiguresQuery, JsonBody, LockBody, UsersQuery},
    response::{AccountDetailsBody, AccountEventsAnswer, AccountsAnswer, EventsAnswer, FiguresAnswer},
};

/// Find accounts.
///
/// By an id, a number with `+`, an e-mail address or part of one, matched literally; all accounts
/// when `query` is left out. At most 100 in the order of their ids; `after` the last of them
/// for the next.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "Operations by administrators", security(("admin_key" = [])),
    params(UsersQuery),
    responses((status = 200, description = "The accounts that were found.", body = AccountsAnswer)),
)]
pub(crate) async fn find_users(
    Operator(operators, request): Operator<HttpRequest>,
) -> Result<HttpResponse, Problem> {
    let query = Query::<UsersQuery>::from_query(request.query_string());
    let query = query.map_or_else(|_| UsersQuery::unreadable(), |query| Ok(query.into_inner()))?;
    let (query, after) = query.into_query()?;
    let found = operators.find_accounts.execute(&query, after).await?;
    Ok(HttpResponse::Ok().json(AccountsAnswer::from(found)))
}

/// See one account.
///
/// With its live sessions, its wrong passwords and its last 20 events.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}", tag = "Operations by administrators", security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 200, description = "The account.", body = AccountDetailsBody)),
)]
pub(crate) async fn show_user(
    Operator(operators, id): Operator<Path<String>>,
) -> Result<HttpResponse, Problem> {
    let details = operators.show_account.execute(&AccountName::Id(account(&id)?)).await?;
    Ok(HttpResponse::Ok().json(AccountDetailsBody::from(details)))
}

/// Lock an account.
///
/// Its sessions and challenges end at once, and a sign-in is answered like a wrong password. An
/// account that is locked already keeps its first reason.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/lock", tag = "Operations by administrators",
    security(("admin_key" = [])), request_body = LockBody,
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 204, description = "The account is locked.")),
)]
pub(crate) async fn lock_user(
    Operator(operators, (id, JsonBody(body))): Operator<(Path<String>, JsonBody<LockBody>)>,
) -> Result<HttpResponse, Problem> {
    operators.lock_account.execute(account(&id)?, &body.into_reason()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Unlock an account.
///
/// Its owner can sign in again.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/unlock", tag = "Operations by administrators",
    security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 204, description = "The account is not locked.")),
)]
pub(crate) async fn unlock_user(
    Operator(operators, id): Operator<Path<String>>,
) -> Result<HttpResponse, Problem> {
    operators.unlock_account.execute(account(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Delete an account.
///
/// For good, with everything that hangs on it, at once.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}", tag = "Operations by administrators", security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 204, description = "The account is gone.")),
)]
pub(crate) async fn remove_user(
    Operator(operators, id): Operator<Path<String>>,
) -> Result<HttpResponse, Problem> {
    operators.remove_account.execute(account(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all sessions of an account.
///
/// At once, with their access tokens.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions", tag = "Operations by administrators",
    security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 204, description = "All its sessions are over.")),
)]
pub(crate) async fn end_user_sessions(
    Operator(operators, id): Operator<Path<String>>,
) -> Result<HttpResponse, Problem> {
    operators.end_all_sessions.execute(account(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Start a reset of a password for somebody.
///
/// Sends the code of a reset to the number of the account, as `POST /api/v1/auth/password/forgot`
/// with its e-mail address would. The answer shows neither the code nor the challenge: whoever the
/// account belongs to asks for the reset there, gets the challenge without a second message and
/// chooses the password. The message goes out after the answer, if the number may get one now.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/password-reset", tag = "Operations by administrators",
    security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account.")),
    responses((status = 202, description = "The reset is started.")),
)]
pub(crate) async fn start_user_reset(
    Operator(operators, id): Operator<Path<String>>,
) -> Result<HttpResponse, Problem> {
    operators.start_reset.execute(account(&id)?).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// What happened to one account.
///
/// Also after its deletion, then without addresses. The newest 100 events first; `before` the id
/// of the last one for those before them.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}/events", tag = "Operations by administrators",
    security(("admin_key" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of an account."), EventsQuery),
    responses((status = 200, description = "Its security events; none for an account that never was.", body = EventsAnswer)),
)]
pub(crate) async fn user_events(
    Operator(operators, (id, request)): Operator<(Path<String>, HttpRequest)>,
) -> Result<HttpResponse, Problem> {
    let events = operators.list_account_events.execute(account(&id)?, EventsQuery::of(&request)?).await?;
    Ok(HttpResponse::Ok().json(EventsAnswer::from(events)))
}

/// What happened to all accounts.
///
/// The newest 100 events first; `before` the id of the last one for those before them.
#[utoipa::path(
    get, path = "/api/v1/admin/events", tag = "Operations by administrators", security(("admin_key" = [])),
    params(EventsQuery),
    responses((status = 200, description = "Security events and whose they are.", body = AccountEventsAnswer)),
)]
pub(crate) async fn all_events(
    Operator(operators, request): Operator<HttpRequest>,
) -> Result<HttpResponse, Problem> {
    let events = operators.list_all_events.execute(EventsQuery::of(&request)?).await?;
    Ok(HttpResponse::Ok().json(AccountEventsAnswer::from(events)))
}

/// What became of messages with codes.
///
/// How many were sent, delivered and answered, what they cost and how soon their codes were entered.
/// Each message counts in the hour in which it was sent. The 500 groups with the most messages.
#[utoipa::path(
    get, path = "/api/v1/admin/statistics/deliveries", tag = "Operations by administrators",
    security(("admin_key" = [])), params(FiguresQuery),
    responses((status = 200, description = "The figures.", body = FiguresAnswer)),
)]
pub(crate) async fn delivery_statistics(
    Operator(operators, request): Operator<HttpRequest>,
) -> Result<HttpResponse, Problem> {
    let query = Query::<FiguresQuery>::from_query(request.query_string());
    let query = query.map_or_else(|_| FiguresQuery::unreadable(), |query| Ok(query.into_inner()))?;
    let (hours, by) = query.into_query()?;
    let figures = operators.show_figures.execute(hours, &by).await?;
    Ok(HttpResponse::Ok().json(FiguresAnswer::from(figures)))
}

fn account(id: &str) -> Result<UserId, Problem> {
    id.parse().map(UserId).map_err(|_| Problem::new(ProblemCode::NotFound))
}
