//! The Sinch SMS API, as far as sending one text to some numbers goes.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{Body, json_answer, read};
use crate::chance;
use crate::exchange::Exchange;
use crate::inbox::Message;

/// The most receivers of one batch, and the longest text.
const MOST_RECEIVERS: usize = 1000;
const LONGEST_TEXT: usize = 2000;

type Shared = web::Data<Exchange>;

/// The documented fields that somebody's text needs; others are read and forgotten.
#[derive(Deserialize)]
struct Batch {
    from: Option<String>,
    to: Vec<String>,
    body: String,
    r#type: Option<String>,
    client_reference: Option<String>,
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/xms/v1/{service_plan_id}/batches").route(web::post().to(send)));
}

async fn send(request: HttpRequest, plan: web::Path<String>, body: Body, exchange: Shared) -> HttpResponse {
    if !is_authorized(&request, &plan, &exchange) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "The API token is not that of the service plan.",
        );
    }
    let Ok(body) = read(body) else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "The body is too large.");
    };
    match serde_json::from_slice::<Batch>(&body) {
        Ok(batch) if is_sendable(&batch) => accept(&batch, &exchange),
        Ok(_) => refusal(
            StatusCode::BAD_REQUEST,
            "syntax_constraint_violation",
            "Give 1 to 1000 numbers, a text of 1 to 2000 characters and no type or mt_text.",
        ),
        Err(_) => refusal(StatusCode::BAD_REQUEST, "syntax_invalid_json", "The body is no batch."),
    }
}

fn is_authorized(request: &HttpRequest, plan: &str, exchange: &Exchange) -> bool {
    let settings = &exchange.settings;
    let expected = format!("Bearer {}", settings.sms_api_token);
    let presented = request.headers().get(header::AUTHORIZATION);
    plan == settings.sms_service_plan_id
        && presented.is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

fn is_sendable(batch: &Batch) -> bool {
    let length = batch.body.chars().count();
    (1..=MOST_RECEIVERS).contains(&batch.to.len())
        && batch.to.iter().all(|number| is_number(digits(number)))
        && (1..=LONGEST_TEXT).contains(&length)
        && batch.r#type.as_deref().is_none_or(|kind| kind == "mt_text")
}

fn digits(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}

fn is_number(digits: &str) -> bool {
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Answers with the numbers as Sinch writes them, without a plus.
fn accept(batch: &Batch, exchange: &Exchange) -> HttpResponse {
    let now = exchange.now();
    let Ok(id) = chance::verification_id(now) else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "No id could be made.");
    };
    let numbers: Vec<&str> = batch.to.iter().map(|number| digits(number)).collect();
    let mut memory = exchange.memory();
    for number in &numbers {
        memory.notices.deliver(Message::text(&id, &format!("+{number}"), &batch.body, now));
    }
    let answer = json!({
        "id": id,
        "to": numbers,
        "from": batch.from,
        "canceled": false,
        "body": batch.body,
        "type": "mt_text",
        "created_at": now,
        "modified_at": now,
        "client_reference": batch.client_reference,
    });
    json_answer(StatusCode::CREATED, answer.to_string())
}

fn refusal(status: StatusCode, code: &str, text: &str) -> HttpResponse {
    json_answer(status, json!({ "code": code, "text": text }).to_string())
}
