//! HTTP: routes, headers and the shape of answers.

mod batches;
mod damage;
mod inbox;
mod page;
mod verifications;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, ContentType};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{DefaultHeaders, ErrorHandlerResponse, ErrorHandlers};
use actix_web::{HttpResponse, guard, web};

use crate::error::ApiError;

/// Bodies above this are refused; Sinch's own are far smaller.
const LARGEST_BODY: usize = 64 * 1024;

/// The page loads nothing but its own files and talks to nobody but us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A body, or why it could not be read.
type Body = Result<web::Bytes, actix_web::Error>;

/// Every route of the simulator.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(LARGEST_BODY))
        .configure(verifications::routes)
        .configure(batches::routes)
        .configure(inbox::routes)
        .configure(page::routes)
        .default_service(web::to(|| async { refusal(&ApiError::NOT_FOUND) }));
}

/// Headers of every answer.
pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add(("permissions-policy", "camera=(), geolocation=(), microphone=(), clipboard-write=(self)"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("cross-origin-resource-policy", "same-origin"))
}

/// Gives the framework's bare 405 the provider's error body; its `Allow` stays.
pub(crate) fn method_not_allowed() -> ErrorHandlers<BoxBody> {
    ErrorHandlers::new().handler(StatusCode::METHOD_NOT_ALLOWED, |answer: ServiceResponse<BoxBody>| {
        let (request, mut bare) = answer.into_parts();
        bare.headers_mut().insert(header::CONTENT_TYPE, JSON_UTF8);
        let body = ApiError::METHOD_NOT_ALLOWED.body().to_string();
        let answer = ServiceResponse::new(request, bare.set_body(body).map_into_boxed_body());
        Ok(ErrorHandlerResponse::Response(answer.map_into_left_body()))
    })
}

const JSON_UTF8: header::HeaderValue = header::HeaderValue::from_static("application/json; charset=utf-8");

/// An error in Sinch's shape.
fn refusal(error: &ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_answer(status, error.body().to_string())
}

fn json_answer(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, JSON_UTF8))
        .insert_header((header::EXPIRES, "-1"))
        .body(body)
}

/// The bytes of a body within the limit.
fn read(body: Body) -> Result<web::Bytes, ApiError> {
    body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TOO_LARGE,
        _ => ApiError::validation("The request body could not be read."),
    })
}

/// Routes that take `Content-Type: application/json` only, which no page of
/// another origin can send without asking first.
fn is_json(context: &guard::GuardContext<'_>) -> bool {
    let content_type = context.header::<ContentType>();
    content_type.is_some_and(|ContentType(mime)| mime.essence_str() == "application/json")
}

/// A resource that answers `GET` and nothing else.
fn get_only() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Method(Method::HEAD)))
}
