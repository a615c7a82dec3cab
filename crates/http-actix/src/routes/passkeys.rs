//! Passkeys: signing in with them, and those of the signed-in user.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use domain::PasskeyId;

use crate::{
    UseCases,
    bearer::{Own, SignedInUser},
    client::Visitor,
    problem::{Problem, ProblemCode},
    request::{JsonBody, NewPasskeyBody, PasskeyAnswerBody, PasskeyOptionsBody},
    response::{CeremonyBody, PasskeyBody, PasskeysAnswer, TokensBody},
    server::PasskeyUseCases,
};

/// Begin to sign in with a passkey.
///
/// Give `public_key` to `PublicKeyCredential.parseRequestOptionsFromJSON()` and the result to
/// `navigator.credentials.get()`; finish within 5 minutes. Without a challenge any passkey of this
/// service signs in, in the place of both password and code, if its authenticator verifies the
/// user. With the challenge of a sign-in or step-up a passkey of its user answers it.
#[utoipa::path(
    post, path = "/api/v1/auth/passkey/options", tag = "Passkeys", operation_id = "start_passkey_sign_in",
    request_body = PasskeyOptionsBody,
    responses((status = 200, description = "What to ask the authenticator for.", body = CeremonyBody)),
)]
pub(crate) async fn start_sign_in(
    JsonBody(body): JsonBody<PasskeyOptionsBody>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let challenge_id = body.into_challenge_id()?;
    let begun = served(&use_cases)?.start_authentication.execute(challenge_id).await?;
    Ok(HttpResponse::Ok().json(CeremonyBody::try_from(begun)?))
}

/// Finish to sign in with a passkey.
///
/// Whatever is wrong gets one answer. At a challenge a wrong answer costs one of its guesses.
#[utoipa::path(
    post, path = "/api/v1/auth/passkey/verify", tag = "Passkeys", operation_id = "finish_passkey_sign_in",
    request_body = PasskeyAnswerBody,
    responses((status = 200, description = "The passkey is accepted: a session is open.", body = TokensBody)),
)]
pub(crate) async fn finish_sign_in(
    JsonBody(body): JsonBody<PasskeyAnswerBody>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(visitor)?;
    let signed_in = served(&use_cases)?.finish_authentication.execute(request).await?;
    Ok(HttpResponse::Ok().json(TokensBody::from(signed_in)))
}

/// Begin to add a passkey.
///
/// Give `public_key` to `PublicKeyCredential.parseCreationOptionsFromJSON()` and the result to
/// `navigator.credentials.create()`; finish within 5 minutes. Needs a sign-in or step-up of the
/// last 10 minutes. An account has at most 20 passkeys.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/options", tag = "Passkeys", operation_id = "start_passkey",
    security(("bearer" = [])),
    responses((status = 200, description = "What to ask the authenticator for.", body = CeremonyBody)),
)]
pub(crate) async fn start(
    SignedInUser(principal): SignedInUser,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let begun = served(&use_cases)?.start_registration.execute(&principal).await?;
    Ok(HttpResponse::Ok().json(CeremonyBody::try_from(begun)?))
}

/// Finish to add a passkey.
///
/// Attestation is neither asked for nor looked at: any authenticator will do.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys", tag = "Passkeys", operation_id = "add_passkey",
    security(("bearer" = [])), request_body = NewPasskeyBody,
    responses((status = 201, description = "The passkey is added.", body = PasskeyBody)),
)]
pub(crate) async fn add(
    Own(principal, JsonBody(body)): Own<JsonBody<NewPasskeyBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(visitor)?;
    let passkey = served(&use_cases)?.finish_registration.execute(&principal, request).await?;
    Ok(HttpResponse::Created().json(PasskeyBody::from(passkey)))
}

/// The passkeys.
#[utoipa::path(
    get, path = "/api/v1/me/passkeys", tag = "Passkeys", operation_id = "list_passkeys",
    security(("bearer" = [])),
    responses((status = 200, description = "The oldest first.", body = PasskeysAnswer)),
)]
pub(crate) async fn list(
    SignedInUser(principal): SignedInUser,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let passkeys = served(&use_cases)?.list.execute(&principal).await?;
    Ok(HttpResponse::Ok().json(PasskeysAnswer::from(passkeys)))
}

/// Remove a passkey.
///
/// At once; all other sessions end. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    delete, path = "/api/v1/me/passkeys/{id}", tag = "Passkeys", operation_id = "remove_passkey",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of a passkey of the user.")),
    responses((status = 204, description = "The passkey is removed.")),
)]
pub(crate) async fn remove(
    Own(principal, id): Own<Path<String>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))?;
    served(&use_cases)?.remove.execute(&principal, PasskeyId(id), visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// These routes exist only where passkeys are served.
fn served(use_cases: &UseCases) -> Result<&PasskeyUseCases, Problem> {
    use_cases.passkeys.as_ref().ok_or_else(|| Problem::new(ProblemCode::NotFound))
}
