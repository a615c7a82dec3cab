//! The reader of forms, for the one endpoint whose standard asks for them.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body;
use crate::problem::{Problem, ProblemCode};

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// A body of type `application/x-www-form-urlencoded`, read within the limits of size and
/// time. No name may stand twice.
pub(crate) struct FormBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for FormBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = body::read(&req, payload, MEDIA_TYPE).await.map_err(Problem::of_form)?;
            parse(&bytes).map(Self).ok_or_else(|| Problem::new(ProblemCode::MalformedRequest).of_form())
        })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        if fields.insert(name.into_owned(), Value::String(value.into_owned())).is_some() {
            return None;
        }
    }
    serde_json::from_value(Value::Object(fields)).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_form_is_decoded_and_no_name_stands_twice() {
        let read = |text: &str| parse::<BTreeMap<String, String>>(text.as_bytes());
        let one = |name: &str, value: &str| Some(BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert_eq!(read("token=a.b-c_d"), one("token", "a.b-c_d"));
        assert_eq!(read("tok%65n=a%2Bb+c"), one("token", "a+b c"));
        assert_eq!(read(""), Some(BTreeMap::new()));
        assert_eq!(read("token"), one("token", ""));
        assert_eq!(read("token=a&token=b"), None);
        assert_eq!(read("token=a&tok%65n=a"), None);
    }
}
