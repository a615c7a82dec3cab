//! Which web origins may read answers (Fetch standard, CORS protocol).
//!
//! Off unless origins are configured. An origin is echoed only when it is
//! exactly one of them; there is no `*`, no `null` and no suffix match.

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
            HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
    web::Data,
};

use crate::{HttpSettings, Origin};

/// Tells browsers which pages may read the answer.
pub(crate) async fn name_allowed_origin(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_on =
        req.app_data::<Data<HttpSettings>>().is_some_and(|settings| !settings.cors_origins.is_empty());
    let origin = allowed_origin(&req);
    let mut response = next.call(req).await?.map_into_boxed_body();
    if is_on {
        describe(response.headers_mut(), origin);
    }
    Ok(response)
}

/// Answers the question that browsers ask before a request (a preflight).
/// Anything else, and questions of other origins, go on to the routes.
pub(crate) async fn answer_preflight(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_preflight =
        req.method() == Method::OPTIONS && req.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight || allowed_origin(&req).is_none() {
        return next.call(req).await.map(ServiceResponse::map_into_boxed_body);
    }
    let answer = HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE"))
        .insert_header((
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, x-request-id, traceparent, proof-of-work",
        ))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
        .finish();
    Ok(req.into_response(answer))
}

fn describe(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_name(ORIGIN));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, retry-after, ratelimit, ratelimit-policy"),
        );
    }
}

fn allowed_origin(req: &ServiceRequest) -> Option<HeaderValue> {
    let settings = req.app_data::<Data<HttpSettings>>()?;
    let mut origins = req.headers().get_all(ORIGIN);
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    let is_allowed = |allowed: &Origin| allowed.as_str().as_bytes() == origin.as_bytes();
    settings.cors_origins.iter().any(is_allowed).then(|| origin.clone())
}
