//! Answers that do not arrive whole.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use actix_web::web::Bytes;

use super::JSON_UTF8;

/// A body that ends the connection after `part` of the `promised` bytes.
struct Torn {
    part: Bytes,
    promised: u64,
    step: Step,
}

enum Step {
    /// Nothing was written yet.
    Before,
    /// The part is written, and gets one chance to leave.
    Written,
    Over,
}

/// Ends the connection without a byte: the error comes before the head leaves.
pub(super) fn hang_up() -> HttpResponse {
    torn(Bytes::new(), 1, Step::Over)
}

/// Sends half of `body` under the length of the whole.
pub(super) fn truncated(body: &str) -> HttpResponse {
    let half = body.as_bytes().get(..body.len() / 2).unwrap_or_default();
    torn(Bytes::copy_from_slice(half), body.len() as u64, Step::Before)
}

fn torn(part: Bytes, promised: u64, step: Step) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, JSON_UTF8)).body(Torn { part, promised, step })
}

impl MessageBody for Torn {
    type Error = OnPurpose;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.promised)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OnPurpose>>> {
        match self.step {
            Step::Before => {
                self.step = Step::Written;
                Poll::Ready(Some(Ok(self.part.clone())))
            }
            Step::Written => {
                self.step = Step::Over;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Over => Poll::Ready(Some(Err(OnPurpose))),
        }
    }
}

/// Why a body ended early; the server logs it.
#[derive(Debug)]
struct OnPurpose;

impl fmt::Display for OnPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator ended this connection because it was asked to")
    }
}

impl std::error::Error for OnPurpose {}

impl From<Infallible> for OnPurpose {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
