//! What other services ask about tokens.

use actix_web::{HttpResponse, web::Data};

use crate::{
    UseCases,
    caller::{Admitted, Introspection},
    problem::Problem,
    request::{FormBody, IntrospectionBody},
    response::IntrospectionAnswer,
};

/// Ask about an access token.
///
/// For services that were shown one (RFC 7662): whether it opens anything at this moment, and whose it is. Unlike a
/// check of the signature it also says when the session has ended. The body is a form. Without a configured key this
/// path does not exist.
#[utoipa::path(
    post, path = "/api/v1/auth/token/introspect", tag = "Sessions", security(("introspection_key" = [])),
    request_body(content = IntrospectionBody, content_type = "application/x-www-form-urlencoded"),
    responses((
        status = 200, body = IntrospectionAnswer,
        description = "What the token says; of one that is expired, of an ended session, of another kind or none of \
                       ours: `active` is `false`, and nothing else.",
    )),
)]
pub(crate) async fn introspect(
    Admitted { request: FormBody(body), .. }: Admitted<Introspection, FormBody<IntrospectionBody>>,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let token = use_cases.introspect_token.execute(body.token()?).await?;
    Ok(HttpResponse::Ok().json(IntrospectionAnswer::of(token.as_ref())))
}
