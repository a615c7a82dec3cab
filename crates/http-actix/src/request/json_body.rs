//! The reader of JSON bodies.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::{body, strict_json};
use crate::problem::{Problem, ProblemCode};

/// A body of type `application/json`, read within the limits of size and time.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = body::read(&req, payload, "application/json").await?;
            strict_json::read(&bytes).map(Self).map_err(|_| Problem::new(ProblemCode::MalformedRequest))
        })
    }
}
