//! The outermost layer: what holds for every request and answer.

use std::{net::IpAddr, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::{
    HttpSettings,
    client::{address, came_over_tls},
    connection::{self, Connection},
    problem::{PROBLEM_JSON, Problem, ProblemCode},
    security_headers::complete,
    trace_context::{TRACEPARENT, Trace},
    unread_body::HeldBody,
};

/// The most bytes of headers that are looked at.
const MAX_HEADER_BYTES: usize = 16 * 1024;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request being answered; empty outside of one.
pub(crate) fn current_request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Gives a request its id, trace and span, and its answer the headers that
/// none may lack. Turns panics and the framework's own errors into problems.
pub(crate) async fn surround(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let arrival = Arrival::of(&mut req);
    let span = arrival.span();
    let (request_id, trace) = (arrival.request_id.clone(), arrival.trace.header());
    let line = Line::of(&arrival, client(&req));
    let connection = req.conn_data::<Connection>().cloned();
    let answered = connection::scope(connection, answer(req, next, arrival)).instrument(span);
    let outcome = TRACEPARENT.scope(trace, REQUEST_ID.scope(request_id, answered)).await;
    line.write(&outcome);
    outcome
}

/// Who asks, as limits and events see it.
fn client(req: &ServiceRequest) -> Option<IpAddr> {
    let settings = req.app_data::<Data<HttpSettings>>()?;
    address(req.peer_addr(), req.headers(), &settings.trusted_proxies)
}

/// The one line that a request leaves. Written outside of its span, whose
/// fields would else be written a second time.
struct Line {
    request_id: String,
    trace_id: String,
    method: &'static str,
    route: String,
    client: Option<IpAddr>,
    at: Instant,
}

impl Line {
    fn of(arrival: &Arrival, client: Option<IpAddr>) -> Self {
        Self {
            request_id: arrival.request_id.clone(),
            trace_id: arrival.trace.id.clone(),
            method: arrival.method,
            route: arrival.route.clone(),
            client,
            at: arrival.at,
        }
    }

    fn write(self, outcome: &Result<ServiceResponse<BoxBody>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        let duration_ms = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            event = "request",
            request.id = self.request_id,
            trace_id = self.trace_id,
            http.method = self.method,
            http.route = self.route,
            http.status = status.as_u16(),
            client.address = self.client.map(tracing::field::display),
            duration_ms,
        );
    }
}

async fn answer(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    arrival: Arrival,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if header_bytes(req.headers()) > MAX_HEADER_BYTES {
        let refusal = Problem::new(ProblemCode::HeadersTooLarge).error_response();
        return Ok(req.into_response(arrival.finish(refusal)));
    }
    // The router needs the request for itself, so none is left to answer to
    // when it panics or fails: then the answer travels as an error.
    let outcome = AssertUnwindSafe(async { next.call(req).await }).catch_unwind().await;
    match outcome {
        Ok(Ok(response)) => {
            let (req, response) = response.into_parts();
            Ok(ServiceResponse::new(req, arrival.finish(response.map_into_boxed_body())))
        }
        Ok(Err(error)) => Err(as_error(arrival.finish(error.error_response()))),
        Err(_panic) => {
            tracing::error!(event = "panic", "a handler panicked");
            Err(as_error(arrival.finish(Problem::new(ProblemCode::Internal).error_response())))
        }
    }
}

fn as_error(response: HttpResponse) -> Error {
    InternalError::from_response("answered", response).into()
}

/// What is known of a request before it is answered.
struct Arrival {
    request_id: String,
    trace: Trace,
    method: &'static str,
    /// The pattern that matched, never the path itself.
    route: String,
    /// Whether a trusted proxy says that the client came over TLS.
    tls: bool,
    at: Instant,
    body: Option<HeldBody>,
}

impl Arrival {
    fn of(req: &mut ServiceRequest) -> Self {
        let body = HeldBody::of(req);
        let trusted =
            req.app_data::<Data<HttpSettings>>().map_or(&[][..], |settings| &settings.trusted_proxies);
        Self {
            request_id: request_id(req.headers()),
            trace: Trace::of(req.headers()),
            method: known_method(req.method()),
            route: req.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned()),
            tls: came_over_tls(req.peer_addr(), req.headers(), trusted),
            at: Instant::now(),
            body,
        }
    }

    fn span(&self) -> Span {
        tracing::info_span!(
            "request",
            request.id = self.request_id,
            trace_id = self.trace.id,
            span_id = self.trace.span_id,
            http.method = self.method,
            http.route = self.route,
        )
    }

    /// The answer as it leaves.
    fn finish(self, mut response: HttpResponse) -> HttpResponse {
        if is_foreign_refusal(&response) {
            response = Problem::new(ProblemCode::of_status(response.status())).error_response();
        }
        complete(response.headers_mut(), self.tls);
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        match self.body {
            Some(body) => body.held_by(response),
            None => response,
        }
    }
}

/// Whether the framework, not we, made this refusal.
fn is_foreign_refusal(response: &HttpResponse) -> bool {
    let refuses = response.status().is_client_error() || response.status().is_server_error();
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_ours =
        matches!(content_type, Some(b"application/json")) || content_type == Some(PROBLEM_JSON.as_bytes());
    refuses && !is_ours
}

/// The client's id when it is one word of a harmless alphabet, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let mut ids = headers.get_all(X_REQUEST_ID);
    match (ids.next().map(HeaderValue::as_bytes), ids.next()) {
        (Some(id), None) if is_harmless(id) => String::from_utf8_lossy(id).into_owned(),
        _ => Uuid::now_v7().to_string(),
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Methods are the client's words; logs hold only those that we know.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hx_03_only_refusals_of_the_framework_are_replaced() {
        assert!(is_foreign_refusal(&HttpResponse::NotFound().finish()));
        assert!(is_foreign_refusal(&HttpResponse::BadRequest().body("invalid digit found in string")));
        assert!(!is_foreign_refusal(&HttpResponse::Ok().body("text")));
        assert!(!is_foreign_refusal(&HttpResponse::ServiceUnavailable().json("unready")));
        assert!(!is_foreign_refusal(&Problem::new(ProblemCode::NotFound).error_response()));
    }
}
