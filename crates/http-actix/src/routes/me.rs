//! The signed-in user's account.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    HttpSettings, UseCases,
    bearer::{Own, SignedInUser},
    client::Visitor,
    problem::Problem,
    request::{ChangePasswordBody, EventsQuery, JsonBody, LocaleWish, ProfileBody},
    response::{EventsAnswer, ExportAnswer, UserBody},
};

/// The signed-in user.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "User", security(("bearer" = [])),
    responses((status = 200, description = "The user behind the access token.", body = UserBody)),
)]
pub(crate) async fn show(SignedInUser(principal): SignedInUser) -> HttpResponse {
    HttpResponse::Ok().json(UserBody::from(principal.user))
}

/// Set the language.
///
/// `null` forgets it. Nothing else of an account can be changed here.
#[utoipa::path(
    patch, path = "/api/v1/me", tag = "User", security(("bearer" = [])), request_body = ProfileBody,
    responses((status = 200, description = "The user as it is now.", body = UserBody)),
)]
pub(crate) async fn update(
    Own(principal, JsonBody(body)): Own<JsonBody<ProfileBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let user = match body.into_locale()? {
        LocaleWish::Leave => principal.user,
        LocaleWish::Set(locale) => {
            use_cases.change_locale.execute(&principal, locale, visitor.client).await?
        }
    };
    Ok(HttpResponse::Ok().json(UserBody::from(user)))
}

/// Delete the account.
///
/// For good, with its sessions, at once. The e-mail address and the number can be registered
/// again. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    delete, path = "/api/v1/me", tag = "User", security(("bearer" = [])),
    responses((status = 204, description = "The account is gone.")),
)]
pub(crate) async fn delete(
    SignedInUser(principal): SignedInUser,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    use_cases.delete_account.execute(&principal, visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Everything that is held about the user.
///
/// Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    get, path = "/api/v1/me/export", tag = "User", security(("bearer" = [])),
    responses((status = 200, description = "The account, its sessions, devices, events and passkeys.", body = ExportAnswer)),
)]
pub(crate) async fn export(
    SignedInUser(principal): SignedInUser,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let export = use_cases.export_account.execute(&principal).await?;
    Ok(HttpResponse::Ok().json(ExportAnswer::of(export, principal.session_id)))
}

/// What happened to the account.
///
/// The newest 100 events first; `before` the id of the last one for those before them.
#[utoipa::path(
    get, path = "/api/v1/me/events", tag = "User", security(("bearer" = [])), params(EventsQuery),
    responses((status = 200, description = "The user's own security events.", body = EventsAnswer)),
)]
pub(crate) async fn events(
    Own(principal, request): Own<HttpRequest>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let events = use_cases.list_events.execute(&principal, EventsQuery::of(&request)?).await?;
    Ok(HttpResponse::Ok().json(EventsAnswer::from(events)))
}

/// Change the password.
///
/// All other sessions end, sign-ins that the old password began are over, and all devices are
/// forgotten. Needs a sign-in or step-up of the last 10 minutes. A wrong current
/// password is 403 `invalid-credentials`.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "User", security(("bearer" = [])),
    request_body = ChangePasswordBody,
    responses((status = 204, description = "The password is changed.")),
)]
pub(crate) async fn change_password(
    Own(principal, JsonBody(body)): Own<JsonBody<ChangePasswordBody>>,
    visitor: Visitor,
    settings: Data<HttpSettings>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(&principal.user.email, &settings.password_policy, visitor)?;
    use_cases.change_password.execute(&principal, request).await?;
    Ok(HttpResponse::NoContent().finish())
}
