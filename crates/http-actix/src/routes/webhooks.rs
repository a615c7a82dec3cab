//! What providers tell and ask by themselves.

use actix_web::{HttpResponse, web::Data};
use use_cases::{CallbackAnswer, HandleCallbackError};

use crate::{
    UseCases,
    client::Visitor,
    problem::{Problem, ProblemCode},
    request::CallbackBody,
    response::PermissionAnswer,
};

/// Callbacks of Sinch.
///
/// For Sinch alone: give it the URL of this path in its dashboard. Callbacks are JSON, signed as Sinch
/// describes under "Callback signed request"; any other request is refused before it is read. A
/// `VerificationRequestEvent` is answered with `allow` when the message is one of ours, else with
/// `deny`. Everything else is answered with an empty body, and what is not known has no effect.
#[utoipa::path(
    post, path = "/webhooks/sinch", tag = "Callbacks of providers",
    responses((status = 200, description = "It was heard.", body = PermissionAnswer)),
)]
pub(crate) async fn sinch_callback(
    visitor: Visitor,
    use_cases: Data<UseCases>,
    CallbackBody(presented): CallbackBody,
) -> Result<HttpResponse, Problem> {
    let callbacks = use_cases.sinch_callbacks.as_ref().ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let answer = match callbacks.execute(&presented).await {
        Err(HandleCallbackError::Refused(reason)) => {
            use_cases.admit_request.execute_forged(visitor.client.address).await?;
            return Err(HandleCallbackError::Refused(reason).into());
        }
        other => other?,
    };
    Ok(match answer {
        CallbackAnswer::Allow => HttpResponse::Ok().json(PermissionAnswer { action: "allow" }),
        CallbackAnswer::Deny => HttpResponse::Ok().json(PermissionAnswer { action: "deny" }),
        CallbackAnswer::Heard => HttpResponse::Ok().finish(),
    })
}
