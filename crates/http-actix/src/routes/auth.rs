//! Registration, sign-in and tokens.

use actix_web::{HttpResponse, web::Data};
use domain::SignInName;
use use_cases::Named;

use crate::{
    HttpSettings, UseCases,
    bearer::{BearerToken, Own},
    client::Visitor,
    problem::Problem,
    proof_of_work::{ProofHeader, Worked},
    request::{JsonBody, LogInBody, RefreshBody, RegisterBody, RequestOtpBody, StepUpBody, VerifyOtpBody},
    response::{ChallengeAnswer, LogInAnswer, TokensBody},
};

/// Register.
///
/// Sends a code to the phone at once. The account exists once the code was
/// verified; until then the registration reserves nothing. Whether the e-mail
/// address or the number has an account is not told. The same registration
/// sent again returns the same challenge and never causes a second message.
///
/// Under suspicion of fraud a proof of work may be asked for first (`proof-of-work-required`).
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "Sign-in", request_body = RegisterBody, params(ProofHeader),
    responses((status = 201, description = "A code is on its way, or was a moment ago.", body = ChallengeAnswer)),
)]
pub(crate) async fn register(
    JsonBody(body): JsonBody<RegisterBody>,
    visitor: Visitor,
    Worked(proof): Worked,
    settings: Data<HttpSettings>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(&settings.password_policy, visitor)?;
    use_cases.admit_start.execute(request.phone.region(), proof.as_ref()).await?;
    let account = SignInName::Email(request.email.clone());
    let named = Named { act: "register", account: Some(&account), phone: Some(&request.phone) };
    use_cases.admit_request.execute_named(named).await?;
    let challenge = use_cases.register_user.execute(request).await?;
    Ok(HttpResponse::Created().json(ChallengeAnswer::from(challenge)))
}

/// Sign in with a password.
///
/// The first half of a sign-in; sends a code to the phone of the account. Who has an
/// authenticator app or recovery codes gets the challenge even when no message can be sent.
/// Works for a registration that is not verified yet, too. After five wrong
/// passwords each further one has to wait, from 1 second to 15 minutes. After 100 in a row only
/// a remembered device or a reset of the password gets further, until none was tried for a day.
///
/// With the `device_token` of a remembered device the sign-in is done: the answer has tokens and
/// the successor of the device token, and nothing is sent. Such a session has `amr` `["pwd"]` and
/// the `auth_time` of the proof that the device was remembered with, so what guards the account
/// needs a step-up. A token that is unknown, over or another account's changes nothing. One that
/// was used before, and not a moment ago, is a copy: the device is forgotten.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "Sign-in", request_body = LogInBody,
    responses((status = 200, description = "The password is right; the code is asked for next, unless the device is remembered.", body = LogInAnswer)),
)]
pub(crate) async fn log_in(
    JsonBody(body): JsonBody<LogInBody>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_request(visitor)?;
    let named = Named { act: "login", account: Some(&request.name), phone: None };
    use_cases.admit_request.execute_named(named).await?;
    let logged_in = use_cases.log_in.execute(request).await?;
    Ok(HttpResponse::Ok().json(LogInAnswer::from(logged_in)))
}

/// Ask for a further message.
///
/// A number gets one message in each cooldown, and a challenge sends a limited
/// number of them. A further message raises neither guesses nor time.
#[utoipa::path(
    post, path = "/api/v1/auth/otp/request", tag = "Sign-in", request_body = RequestOtpBody,
    responses((status = 200, description = "The message is on its way.", body = ChallengeAnswer)),
)]
pub(crate) async fn request_otp(
    JsonBody(body): JsonBody<RequestOtpBody>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let challenge = use_cases.request_otp.execute(body.into_request(visitor)?).await?;
    Ok(HttpResponse::Ok().json(ChallengeAnswer::from(challenge)))
}

/// Verify a code.
///
/// The second half of a sign-in or registration: with the code that was sent or, after the
/// password, with one of an authenticator app or a recovery code. Each works once; a wrong one
/// costs one of the challenge's guesses, whatever it was.
#[utoipa::path(
    post, path = "/api/v1/auth/otp/verify", tag = "Sign-in", request_body = VerifyOtpBody,
    responses((status = 200, description = "The code is right: a session is open.", body = TokensBody)),
)]
pub(crate) async fn verify_otp(
    JsonBody(body): JsonBody<VerifyOtpBody>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let signed_in = use_cases.verify_otp.execute(body.into_request(visitor)?).await?;
    Ok(HttpResponse::Ok().json(TokensBody::from(signed_in)))
}

/// Refresh the tokens.
///
/// Spends the refresh token and returns its successor. A spent token that
/// comes back later than a few seconds ends the whole session: somebody copied
/// it.
#[utoipa::path(
    post, path = "/api/v1/auth/token/refresh", tag = "Sign-in", request_body = RefreshBody,
    responses((status = 200, description = "New tokens; the old refresh token is spent.", body = TokensBody)),
)]
pub(crate) async fn refresh(
    JsonBody(body): JsonBody<RefreshBody>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let signed_in = use_cases.refresh_session.execute(body.into_token()?, visitor.client).await?;
    Ok(HttpResponse::Ok().json(TokensBody::from(signed_in)))
}

/// Sign out.
///
/// Ends the session at once, with its access tokens.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "Sign-in", security(("bearer" = [])),
    responses((status = 204, description = "The session is over.")),
)]
pub(crate) async fn log_out(
    token: BearerToken,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    use_cases.log_out.execute(token.expose(), visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Step up.
///
/// Checks the password of the signed-in user and sends a code to the phone. `otp/verify` of
/// the challenge returns tokens of a new session with a fresh `auth_time`; the session that
/// asked is over then, with its tokens. What guards the account can be changed for 10 minutes.
#[utoipa::path(
    post, path = "/api/v1/auth/step-up", tag = "Sign-in", request_body = StepUpBody, security(("bearer" = [])),
    responses((status = 200, description = "A code is on its way, or was a moment ago.", body = ChallengeAnswer)),
)]
pub(crate) async fn step_up(
    Own(principal, JsonBody(body)): Own<JsonBody<StepUpBody>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let challenge = use_cases.start_step_up.execute(&principal, body.into_request(visitor)?).await?;
    Ok(HttpResponse::Ok().json(ChallengeAnswer::from(challenge)))
}
