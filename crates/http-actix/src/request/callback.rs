//! What providers send by themselves: to the byte, because it is signed.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName},
};
use futures_util::future::LocalBoxFuture;
use use_cases::PresentedCallback;

use super::body;
use crate::problem::Problem;

const X_TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

/// A callback as it came, read within the limits of size and time. Whatever its type and content: who
/// did not sign it learns nothing of what would be accepted.
pub(crate) struct CallbackBody(pub(crate) PresentedCallback);

impl FromRequest for CallbackBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = body::read_as_it_came(&req, payload).await?;
            Ok(Self(PresentedCallback {
                authorization: only(req.headers(), &AUTHORIZATION),
                timestamp: only(req.headers(), &X_TIMESTAMP),
                content_type: only(req.headers(), &CONTENT_TYPE).unwrap_or_default(),
                body: bytes.to_vec(),
            }))
        })
    }
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}
