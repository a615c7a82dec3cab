//! The Sinch Verification API, E1 to E7 of its reference.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::damage;
use super::{Body, json_answer, read, refusal};
use crate::authorization::Presented;
use crate::chance;
use crate::error::ApiError;
use crate::exchange::{Exchange, Reply};
use crate::fault::Damage;
use crate::ledger::Locator;
use crate::request::{ReportRequest, StartRequest};
use crate::verification::Method;

type Shared = web::Data<Exchange>;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let path = |rest: &str| format!("/verification/v1/verifications{rest}");
    config
        .service(web::resource(path("")).route(web::post().to(start)))
        .service(
            web::resource(path("/id/{id}"))
                .route(web::put().to(report_by_id))
                .route(web::get().to(status_by_id)),
        )
        .service(
            web::resource(path("/number/{number}"))
                .route(web::put().to(report_by_number))
                .route(web::patch().to(take_analytics)),
        )
        .service(web::resource(path("/{method}/number/{number}")).route(web::get().to(status_by_number)))
        // The official SDKs do not escape a slash in a reference.
        .service(web::resource(path("/reference/{reference:.+}")).route(web::get().to(status_by_reference)));
}

async fn start(request: HttpRequest, body: Body, exchange: Shared) -> HttpResponse {
    let answer = match authorized(&request, body, &exchange).and_then(|body| parse_start(&body, &exchange)) {
        Ok(start) => exchange.clone().into_inner().start(start, accept_language(&request)).await,
        Err(error) => Err(error),
    };
    respond(answer, &exchange).await
}

async fn report_by_id(
    request: HttpRequest,
    id: web::Path<String>,
    body: Body,
    exchange: Shared,
) -> HttpResponse {
    let report = authorized(&request, body, &exchange).and_then(|body| ReportRequest::parse(&body));
    let answer = report.and_then(|report| exchange.report(&Locator::Id(id.into_inner()), &report));
    respond(answer, &exchange).await
}

async fn report_by_number(
    request: HttpRequest,
    number: web::Path<String>,
    body: Body,
    exchange: Shared,
) -> HttpResponse {
    let report = authorized(&request, body, &exchange).and_then(|body| ReportRequest::parse(&body));
    let answer = report.and_then(|report| {
        let locator = Locator::Number(report.method, number.into_inner());
        exchange.report(&locator, &report)
    });
    respond(answer, &exchange).await
}

async fn status_by_id(
    request: HttpRequest,
    id: web::Path<String>,
    body: Body,
    exchange: Shared,
) -> HttpResponse {
    let locator = Locator::Id(id.into_inner());
    status(&request, body, Some(locator), &exchange).await
}

async fn status_by_number(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: Body,
    exchange: Shared,
) -> HttpResponse {
    let (method, number) = path.into_inner();
    let locator = Method::parse(&method).map(|method| Locator::Number(method, number));
    status(&request, body, locator, &exchange).await
}

async fn status_by_reference(
    request: HttpRequest,
    reference: web::Path<String>,
    body: Body,
    exchange: Shared,
) -> HttpResponse {
    let locator = Locator::Reference(reference.into_inner());
    status(&request, body, Some(locator), &exchange).await
}

/// What mobile SDKs tell about a call; nothing depends on it.
async fn take_analytics(request: HttpRequest, body: Body, exchange: Shared) -> HttpResponse {
    match authorized(&request, body, &exchange) {
        Ok(_) => json_answer(StatusCode::OK, "{}".to_owned()),
        Err(error) => refusal(&error),
    }
}

async fn status(
    request: &HttpRequest,
    body: Body,
    locator: Option<Locator>,
    exchange: &Shared,
) -> HttpResponse {
    let allowed = authorized(request, body, exchange);
    let locator = allowed.and_then(|_| locator.ok_or(ApiError::NOT_FOUND));
    respond(locator.and_then(|locator| exchange.status(&locator)), exchange).await
}

/// The body of a request that may be made.
fn authorized(request: &HttpRequest, body: Body, exchange: &Exchange) -> Result<web::Bytes, ApiError> {
    let body = read(body)?;
    let presented = Presented {
        authorization: text(request, &header::AUTHORIZATION),
        timestamp: text(request, &HeaderName::from_static("x-timestamp")),
        content_type: text(request, &header::CONTENT_TYPE).unwrap_or_default(),
        verb: request.method().as_str(),
        path: request.uri().path(),
        query: request.query_string(),
        body: &body,
    };
    exchange.gatekeeper.check(&presented, exchange.now())?;
    Ok(body)
}

fn text<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    // What is not ASCII cannot be right; it counts as sent, and fails there.
    request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
}

fn parse_start(body: &[u8], exchange: &Exchange) -> Result<StartRequest, ApiError> {
    StartRequest::parse(body, exchange.settings.strict_unknown_keys)
}

fn accept_language(request: &HttpRequest) -> &str {
    text(request, &header::ACCEPT_LANGUAGE).unwrap_or_default()
}

async fn respond(answer: Result<Reply, ApiError>, exchange: &Exchange) -> HttpResponse {
    match answer {
        Ok(Reply { body: Some(body), language, damage }) => {
            let mut response = damaged(body, damage, exchange).await;
            if let Some(language) = language {
                let language = header::HeaderValue::from_static(language);
                response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
            }
            response
        }
        Ok(Reply { body: None, .. }) => damage::hang_up(),
        Err(error) => refusal(&error),
    }
}

async fn damaged(mut body: Value, damage: Option<Damage>, exchange: &Exchange) -> HttpResponse {
    match damage {
        None => {}
        Some(Damage::Late) => tokio::time::sleep(exchange.settings.slow_answer).await,
        Some(Damage::Lost) => return damage::hang_up(),
        Some(Damage::Truncated) => return damage::truncated(&body.to_string()),
        Some(Damage::Garbage) => return json_answer(StatusCode::OK, "<html>Bad gateway</html>".to_owned()),
        Some(Damage::OtherId) => {
            let id = chance::verification_id(exchange.now()).ok();
            if let (Some(field), Some(id)) = (body.get_mut("id"), id) {
                *field = id.into();
            }
        }
    }
    json_answer(StatusCode::OK, body.to_string())
}
