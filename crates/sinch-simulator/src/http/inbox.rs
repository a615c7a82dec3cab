//! What people and tests may see and plan. Nothing here is part of Sinch.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, guard, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Body, get_only, is_json, json_answer, read, refusal};
use crate::error::ApiError;
use crate::exchange::{Exchange, Memory};
use crate::fault::PlannedFault;
use crate::inbox::{Inbox, Message};
use crate::magic::MAGIC_NUMBERS;

type Shared = web::Data<Exchange>;

#[derive(Deserialize)]
struct Filter {
    number: Option<String>,
    limit: Option<usize>,
}

impl Filter {
    /// A plus that came as it is may have been read as a space.
    fn number(&self) -> Option<String> {
        let digits = self.number.as_deref()?.trim().trim_start_matches('+').trim();
        Some(format!("+{digits}"))
    }
}

/// Messages as they are served, their fields in the documented order.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Listed {
    Messages(Vec<Message>),
    Notices(Vec<Message>),
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/inbox").route(get_only().to(messages)).route(web::delete().to(clear)))
        .service(web::resource("/notices").route(get_only().to(notices)))
        .service(web::resource("/requests").route(get_only().to(requests)))
        .service(web::resource("/about").route(get_only().to(about)))
        .service(web::resource("/magic-numbers").route(get_only().to(magic_numbers)))
        .service(
            web::resource("/faults")
                .route(get_only().to(faults))
                .route(web::post().guard(guard::fn_guard(is_json)).to(plan))
                .route(web::post().to(|| async { refusal(&ApiError::UNSUPPORTED_MEDIA_TYPE) }))
                .route(web::delete().to(forget_faults)),
        )
        .service(web::resource("/seamless/{id}").route(get_only().to(seamless)));
}

async fn messages(
    filter: web::Query<Filter>,
    known: web::Header<IfNoneMatch>,
    exchange: Shared,
) -> HttpResponse {
    list(&filter, known, &exchange, |memory| &memory.inbox, Listed::Messages)
}

async fn notices(
    filter: web::Query<Filter>,
    known: web::Header<IfNoneMatch>,
    exchange: Shared,
) -> HttpResponse {
    list(&filter, known, &exchange, |memory| &memory.notices, Listed::Notices)
}

fn list(
    filter: &Filter,
    known: web::Header<IfNoneMatch>,
    exchange: &Exchange,
    inbox: impl Fn(&Memory) -> &Inbox,
    listed: impl Fn(Vec<Message>) -> Listed,
) -> HttpResponse {
    let memory = exchange.memory();
    let inbox = inbox(&memory);
    let tag = EntityTag::new_strong(format!("{}-{}", exchange.incarnation(), inbox.revision()));
    if matches!(known.into_inner(), IfNoneMatch::Items(tags) if tags.iter().any(|known| known.weak_eq(&tag)))
    {
        return HttpResponse::NotModified().insert_header(header::ETag(tag)).finish();
    }
    let number = filter.number();
    let messages = inbox.messages(number.as_deref(), filter.limit.unwrap_or(usize::MAX));
    let mut answer = ok(&listed(messages));
    if let Ok(tag) = header::HeaderValue::from_str(&tag.to_string()) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

async fn clear(exchange: Shared) -> HttpResponse {
    let mut memory = exchange.memory();
    memory.inbox.clear();
    memory.notices.clear();
    HttpResponse::NoContent().finish()
}

async fn requests(filter: web::Query<Filter>, exchange: Shared) -> HttpResponse {
    let counts = exchange.memory().traffic.of(filter.number().as_deref());
    let requests: Vec<Value> = counts
        .into_iter()
        .map(|(number, counts)| {
            json!({
                "number": number,
                "starts": counts.starts,
                "messages": counts.messages,
                "reports": counts.reports,
                "statuses": counts.statuses,
            })
        })
        .collect();
    ok(&json!({ "requests": requests }))
}

async fn about(exchange: Shared) -> HttpResponse {
    ok(&json!({ "service_url": exchange.settings.service_url }))
}

async fn magic_numbers() -> HttpResponse {
    ok(&json!({ "magic_numbers": MAGIC_NUMBERS }))
}

async fn faults(exchange: Shared) -> HttpResponse {
    ok(&json!({ "faults": exchange.memory().faults.list() }))
}

async fn plan(body: Body, exchange: Shared) -> HttpResponse {
    let planned = read(body).and_then(|body| {
        serde_json::from_slice::<PlannedFault>(&body)
            .map_err(|error| ApiError::validation(format!("Invalid fault: {error}.")))
    });
    match planned {
        Ok(fault) => {
            let mut memory = exchange.memory();
            memory.faults.plan(fault);
            let list = json!({ "faults": memory.faults.list() });
            json_answer(StatusCode::CREATED, list.to_string())
        }
        Err(error) => refusal(&error),
    }
}

async fn forget_faults(exchange: Shared) -> HttpResponse {
    exchange.memory().faults.clear();
    HttpResponse::NoContent().finish()
}

async fn seamless(id: web::Path<String>, exchange: Shared) -> HttpResponse {
    if exchange.complete_seamless(id.into_inner()) { ok(&json!({})) } else { refusal(&ApiError::NOT_FOUND) }
}

fn ok(body: &impl Serialize) -> HttpResponse {
    let Ok(body) = serde_json::to_string(body) else { return refusal(&ApiError::INTERNAL) };
    let mut answer = json_answer(StatusCode::OK, body);
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    answer
}
