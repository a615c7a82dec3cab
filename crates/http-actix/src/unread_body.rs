//! What becomes of a body that nobody read to its end.
//!
//! When a chunked body is dropped, actix reads on until it ends, however long
//! that takes, before it closes the connection. While somebody holds the body
//! the connection closes soon after the answer, so the answer holds it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest},
    http::header::TRANSFER_ENCODING,
    web::Bytes,
};
use futures_util::{Stream, stream};

/// A share in the chunked body of a request.
#[derive(Clone)]
pub(crate) struct HeldBody(Rc<RefCell<Payload>>);

impl HeldBody {
    /// Shares the body, if it is chunked, with whoever will read it.
    pub(crate) fn of(req: &mut ServiceRequest) -> Option<Self> {
        if !req.headers().contains_key(TRANSFER_ENCODING) {
            return None;
        }
        let body = Self(Rc::new(RefCell::new(req.take_payload())));
        let reader = body.clone();
        let chunks = stream::poll_fn(move |cx| Pin::new(&mut *reader.0.borrow_mut()).poll_next(cx));
        req.set_payload(Payload::Stream { payload: Box::pin(chunks) });
        Some(body)
    }

    /// Keeps the body until the answer was written.
    pub(crate) fn held_by(self, response: HttpResponse) -> HttpResponse {
        response.map_body(|_, answer| BoxBody::new(Holding { answer, _held: self }))
    }
}

/// The body of an answer that holds the body of its request.
struct Holding {
    answer: BoxBody,
    _held: HeldBody,
}

impl MessageBody for Holding {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}
