//! The signed-in user's second factors.

use actix_web::{HttpResponse, web::Data};

use crate::{
    HttpSettings, UseCases,
    bearer::{Own, SignedInUser},
    client::Visitor,
    problem::Problem,
    request::{ConfirmTotpBody, JsonBody},
    response::{RecoveryCodesAnswer, TotpAnswer},
};

/// Begin to enrol an authenticator app.
///
/// The app reads the QR code, or the secret is typed in; `confirm` enrols it. Begun again, the
/// secret before is over. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    post, path = "/api/v1/me/totp", tag = "User", security(("bearer" = [])),
    responses((status = 201, description = "The secret, which is never shown again.", body = TotpAnswer)),
)]
pub(crate) async fn begin_totp(
    SignedInUser(principal): SignedInUser,
    settings: Data<HttpSettings>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let secret = use_cases.begin_totp.execute(&principal).await?;
    let answer = TotpAnswer::of(&secret, &settings.totp_issuer, &principal.user.email)?;
    Ok(HttpResponse::Created().json(answer))
}

/// Enrol the authenticator app.
///
/// With a code that the app shows, which is used by it. Gives ten recovery codes, each of which
/// opens the account once when phone and app are lost; they are never shown again and take the
/// place of any before. Needs a sign-in or step-up of the last 10 minutes. A wrong code is 422
/// `invalid-code`.
#[utoipa::path(
    post, path = "/api/v1/me/totp/confirm", tag = "User", security(("bearer" = [])), request_body = ConfirmTotpBody,
    responses((status = 200, description = "The app is enrolled.", body = RecoveryCodesAnswer)),
)]
pub(crate) async fn confirm_totp(
    Own(principal, JsonBody(body)): Own<JsonBody<ConfirmTotpBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let code = body.into_code()?;
    let codes = use_cases.confirm_totp.execute(&principal, &code, visitor.client).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesAnswer::of(&codes)))
}

/// Remove the authenticator app.
///
/// With all recovery codes; all other sessions end. An enrolment that was not confirmed is given
/// up. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    delete, path = "/api/v1/me/totp", tag = "User", security(("bearer" = [])),
    responses((status = 204, description = "The app is removed.")),
)]
pub(crate) async fn remove_totp(
    SignedInUser(principal): SignedInUser,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    use_cases.remove_totp.execute(&principal, visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make new recovery codes.
///
/// Ten, never shown again; those before open nothing more. An account can have them without an
/// authenticator app, too. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    post, path = "/api/v1/me/recovery-codes", tag = "User", security(("bearer" = [])),
    responses((status = 201, description = "The new codes.", body = RecoveryCodesAnswer)),
)]
pub(crate) async fn renew_recovery_codes(
    SignedInUser(principal): SignedInUser,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let codes = use_cases.renew_recovery_codes.execute(&principal, visitor.client).await?;
    Ok(HttpResponse::Created().json(RecoveryCodesAnswer::of(&codes)))
}
