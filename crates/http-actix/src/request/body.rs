//! How a request body is read, whatever it holds.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
    web::{Bytes, BytesMut, Data},
};
use futures_util::StreamExt;

use crate::{
    HttpSettings,
    problem::{Problem, ProblemCode},
};

/// The bytes of a body of type `media_type`, read within the limits of size and time.
pub(super) async fn read(req: &HttpRequest, payload: Payload, media_type: &str) -> Result<Bytes, Problem> {
    check_type(req.headers(), media_type)?;
    read_as_it_came(req, payload).await
}

/// The bytes of a body of whatever type, read within the limits of size and time.
pub(super) async fn read_as_it_came(req: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let settings = req.app_data::<Data<HttpSettings>>();
    let settings = settings.ok_or_else(|| Problem::new(ProblemCode::Internal))?;
    check_declared_length(req.headers(), settings.body_limit)?;
    read_in_time(payload, settings.body_limit, settings.body_deadline).await
}

/// Only `media_type`, alone or with `charset=utf-8`, and never encoded: what browsers send
/// across origins without asking is something else, where JSON is asked for.
fn check_type(headers: &HeaderMap, media_type: &str) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_right = matches!((types.next(), types.next()), (Some(only), None) if is_of_type(only, media_type));
    let is_plain =
        headers.get_all(CONTENT_ENCODING).all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_right && is_plain { Ok(()) } else { Err(Problem::new(ProblemCode::UnsupportedMediaType)) }
}

fn is_of_type(content_type: &str, media_type: &str) -> bool {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let parameters = parameters.trim();
    let is_utf8 =
        ["", "charset=utf-8", "charset=\"utf-8\""].iter().any(|known| parameters.eq_ignore_ascii_case(known));
    essence.trim().eq_ignore_ascii_case(media_type) && is_utf8
}

fn check_declared_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let fits = declared.is_none_or(|length| usize::try_from(length).is_ok_and(|length| length <= limit));
    if fits { Ok(()) } else { Err(Problem::new(ProblemCode::PayloadTooLarge)) }
}

/// The framework has a deadline for headers only, so the body's is here.
async fn read_in_time(payload: Payload, limit: usize, deadline: Duration) -> Result<Bytes, Problem> {
    tokio::time::timeout(deadline, collect(payload, limit))
        .await
        .map_err(|_| Problem::new(ProblemCode::RequestTimeout))?
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::new(unreadable(&error)))?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::new(ProblemCode::PayloadTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn unreadable(error: &PayloadError) -> ProblemCode {
    match error {
        PayloadError::Overflow => ProblemCode::PayloadTooLarge,
        _ => ProblemCode::MalformedRequest,
    }
}
