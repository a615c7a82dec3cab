//! Refusals and failures as clients see them (RFC 9457).

mod catalog;
mod mapping;

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::catalog::ProblemCode;
use crate::edge::current_request_id;

/// The media type of every refusal.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The challenge of RFC 6750 §3: it says that the token is not valid and no more.
const BEARER_CHALLENGE: &str = "Bearer realm=\"api\", error=\"invalid_token\"";

/// How long to stay away when something we need is down, in seconds.
const OUTAGE_RETRY_AFTER: u64 = 5;

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    code: ProblemCode,
    /// In place of the status of the catalog.
    status: Option<StatusCode>,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    attempts_left: Option<u32>,
    retry_after: Option<u64>,
    allow: Option<String>,
    proof_of_work: Option<Box<WorkBody>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field, as a JSON pointer (RFC 6901).
    #[schema(examples("/phone_number"))]
    pub(crate) pointer: &'static str,
    /// What is wrong with it; stable.
    #[schema(examples("invalid-phone-number"))]
    pub(crate) code: &'static str,
    /// What to do, for people.
    pub(crate) message: Cow<'static, str>,
}

/// A refusal or failure (RFC 9457), sent as `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A path of this service that explains the problem.
    #[serde(rename = "type")]
    #[schema(examples("/problems/validation-failed"))]
    kind: String,
    /// What happened, the same for each problem of a type.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What to do about it.
    detail: &'a str,
    /// The last part of `type`; stable.
    #[schema(examples("validation-failed"))]
    code: &'static str,
    /// The `x-request-id` of the answer.
    request_id: String,
    /// Only for `validation-failed`: every field that was not accepted.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// Only for `invalid-code`: guesses left.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    /// Where waiting helps: how many seconds, also as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Only for `proof-of-work-required`: the puzzle.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_of_work: Option<&'a WorkBody>,
}

/// A puzzle, whose answer goes into the header `Proof-Of-Work` behind it and a colon.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProofOfWork)]
pub(crate) struct WorkBody {
    pub(crate) puzzle: String,
    /// What digests the puzzle, a colon and the answer.
    #[schema(examples("sha-256"))]
    pub(crate) algorithm: &'static str,
    /// With how many zero bits the digest has to begin.
    pub(crate) bits: u32,
    /// Until when it counts (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
}

impl Problem {
    /// A problem with nothing to add to its catalog entry.
    pub(crate) fn new(code: ProblemCode) -> Self {
        let is_outage = code.entry().status == StatusCode::SERVICE_UNAVAILABLE;
        let retry_after = is_outage.then_some(OUTAGE_RETRY_AFTER);
        Self {
            code,
            status: None,
            detail: None,
            errors: Vec::new(),
            attempts_left: None,
            retry_after,
            allow: None,
            proof_of_work: None,
        }
    }

    /// Fields that were not accepted.
    pub(crate) fn invalid_fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(ProblemCode::ValidationFailed) }
    }

    /// A method that the path does not have; `allow` lists those it has.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::new(ProblemCode::MethodNotAllowed) }
    }

    /// The same where a form is read instead of JSON.
    pub(crate) fn of_form(self) -> Self {
        match self.code {
            ProblemCode::MalformedRequest => {
                self.detail("Send name=value pairs in which every name stands once.".to_owned())
            }
            ProblemCode::UnsupportedMediaType => self.detail(
                "Send Content-Type: application/x-www-form-urlencoded and no Content-Encoding.".to_owned(),
            ),
            _ => self,
        }
    }

    /// Waiting helps: whole seconds, rounded up, so that nobody comes too soon.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        Self { retry_after: Some(seconds), ..self }
    }

    /// The credentials of somebody who is signed in: the token is fine, so it is no 401,
    /// upon which clients throw tokens away.
    fn forbidden(self) -> Self {
        Self { status: Some(StatusCode::FORBIDDEN), ..self }
    }

    /// A code that is one of several things in a request, and not the answer to a challenge.
    fn unprocessable(self) -> Self {
        Self { status: Some(StatusCode::UNPROCESSABLE_ENTITY), ..self }
    }

    /// Some work has to be proven first.
    fn demanding(self, work: WorkBody) -> Self {
        Self { proof_of_work: Some(Box::new(work)), ..self }
    }

    fn status(&self) -> StatusCode {
        self.status.unwrap_or(self.code.entry().status)
    }

    pub(crate) fn detail(self, detail: String) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn attempts_left(self, attempts_left: u32) -> Self {
        Self { attempts_left: Some(attempts_left), ..self }
    }

    fn body(&self) -> ProblemBody<'_> {
        let entry = self.code.entry();
        ProblemBody {
            kind: format!("/problems/{}", entry.code),
            title: entry.title,
            status: self.status().as_u16(),
            detail: self.detail.as_deref().unwrap_or(entry.remedy),
            code: entry.code,
            request_id: current_request_id(),
            errors: &self.errors,
            attempts_left: self.attempts_left,
            retry_after: self.retry_after,
            proof_of_work: self.proof_of_work.as_deref(),
        }
    }

    /// Whether the rest of the request was left unread.
    const fn ends_connection(&self) -> bool {
        matches!(
            self.code,
            ProblemCode::RequestTimeout | ProblemCode::PayloadTooLarge | ProblemCode::HeadersTooLarge
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.entry().title)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if self.code == ProblemCode::InvalidToken {
            response.insert_header((WWW_AUTHENTICATE, BEARER_CHALLENGE));
        }
        if self.ends_connection() {
            response.force_close();
        }
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        response.body(serde_json::to_vec(&self.body()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn en_06_waits_are_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let problem = Problem::new(ProblemCode::RateLimited).retry_after(Duration::from_millis(millis));
            assert_eq!(problem.retry_after, Some(seconds), "{millis} ms");
        }
    }
}
