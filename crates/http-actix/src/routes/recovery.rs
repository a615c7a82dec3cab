//! What the phone alone proves: a new password, another number, a sign-in without password.

use actix_web::{HttpResponse, web::Data};
use domain::SignInName;
use use_cases::Named;

use crate::{
    HttpSettings, UseCases,
    bearer::Own,
    client::Visitor,
    problem::{Problem, ProblemCode},
    proof_of_work::{ProofHeader, Worked},
    request::{ForgotPasswordBody, JsonBody, PhoneBody, ResetPasswordBody, VerifyPhoneBody},
    response::{ChallengeAnswer, UserBody},
};

/// Forget the password.
///
/// Sends a code to the phone of the account with this e-mail address, if there is one. The answer
/// is the same whether there is or not, and so is everything that its challenge shows later.
/// The same request sent again returns the same challenge and never causes a second message.
#[utoipa::path(
    post, path = "/api/v1/auth/password/forgot", tag = "Recovery", request_body = ForgotPasswordBody, params(ProofHeader),
    responses((status = 202, description = "If there is an account, a code is on its way.", body = ChallengeAnswer)),
)]
pub(crate) async fn forgot_password(
    JsonBody(body): JsonBody<ForgotPasswordBody>,
    visitor: Visitor,
    Worked(proof): Worked,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(visitor)?;
    use_cases.admit_start.execute(None, proof.as_ref()).await?;
    let account = SignInName::Email(request.email.clone());
    let named = Named { act: "forgot", account: Some(&account), phone: None };
    use_cases.admit_request.execute_named(named).await?;
    let challenge = use_cases.forgot_password.execute(request).await?;
    Ok(HttpResponse::Accepted().json(ChallengeAnswer::from(challenge)))
}

/// Reset the password.
///
/// Every session of the account ends. Nobody is signed in by this: sign in with the new password
/// next. A wrong code costs one of the challenge's guesses; a password that is not accepted does
/// not.
#[utoipa::path(
    post, path = "/api/v1/auth/password/reset", tag = "Recovery", request_body = ResetPasswordBody,
    responses((status = 204, description = "The new password is the password.")),
)]
pub(crate) async fn reset_password(
    JsonBody(body): JsonBody<ResetPasswordBody>,
    visitor: Visitor,
    settings: Data<HttpSettings>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(&settings.password_policy, visitor)?;
    use_cases.reset_password.execute(request).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sign in with a phone number.
///
/// Without password. Off unless the operator switched it on; then it sends a code to the
/// number, if it has an account, and `otp/verify` of the challenge opens a session. One factor is
/// weaker than two: the `amr` of its tokens is `sms` alone, and what guards the account asks for
/// a step-up.
#[utoipa::path(
    post, path = "/api/v1/auth/otp/start", tag = "Sign-in", request_body = PhoneBody, params(ProofHeader),
    responses((status = 200, description = "If the number has an account, a code is on its way.", body = ChallengeAnswer)),
)]
pub(crate) async fn start_phone_login(
    JsonBody(body): JsonBody<PhoneBody>,
    visitor: Visitor,
    Worked(proof): Worked,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let start = use_cases.start_phone_login.as_ref().ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let request = body.into_login(visitor)?;
    use_cases.admit_start.execute(request.phone.region(), proof.as_ref()).await?;
    let named = Named { act: "start", account: None, phone: Some(&request.phone) };
    use_cases.admit_request.execute_named(named).await?;
    let challenge = start.execute(request).await?;
    Ok(HttpResponse::Ok().json(ChallengeAnswer::from(challenge)))
}

/// Change the phone number.
///
/// Sends a code to the new number. Codes go there from the moment it is proven; the old number is
/// told of it. Needs a sign-in or step-up of the last 10 minutes.
#[utoipa::path(
    post, path = "/api/v1/me/phone", tag = "User", request_body = PhoneBody, security(("bearer" = [])),
    responses((status = 202, description = "A code is on its way, or was a moment ago.", body = ChallengeAnswer)),
)]
pub(crate) async fn change_phone(
    Own(principal, JsonBody(body)): Own<JsonBody<PhoneBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_change(visitor)?;
    let named = Named { act: "change", account: None, phone: Some(&request.phone) };
    use_cases.admit_request.execute_named(named).await?;
    let challenge = use_cases.start_phone_change.execute(&principal, request).await?;
    Ok(HttpResponse::Accepted().json(ChallengeAnswer::from(challenge)))
}

/// Prove the new phone number.
///
/// All other sessions end. Only the session that asked for the change can prove it.
#[utoipa::path(
    post, path = "/api/v1/me/phone/verify", tag = "User", request_body = VerifyPhoneBody,
    security(("bearer" = [])),
    responses((status = 200, description = "The user with the new number.", body = UserBody)),
)]
pub(crate) async fn verify_phone(
    Own(principal, JsonBody(body)): Own<JsonBody<VerifyPhoneBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let (challenge_id, code) = body.into_guess()?;
    let user = use_cases.verify_phone.execute(&principal, challenge_id, &code, visitor.client).await?;
    Ok(HttpResponse::Ok().json(UserBody::from(user)))
}
