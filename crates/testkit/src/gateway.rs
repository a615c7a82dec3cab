//! A receiver of texts that were handed over by webhook. It verifies signatures by the
//! specification of Standard Webhooks, with nothing of the service's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::http::{LocalServer, Reply, Request, locked};

/// A secret to share with the service.
pub const SECRET: &str = "whsec_dGV4dHMgb2YgdGVzdHMgYXJlIHNpZ25lZCB3aXRoIHRoaXM=";

/// No text goes to this number.
pub const REFUSED: &str = "+46701740671";

/// A text that the receiver took.
#[derive(Clone, Debug)]
pub struct Text {
    pub id: String,
    pub to: String,
    pub text: String,
    pub expires_at: String,
}

/// Takes texts whose signature is right and answers 401 to all else.
pub struct GatewayReceiver {
    server: LocalServer,
    texts: Arc<Mutex<BTreeMap<String, Text>>>,
}

impl GatewayReceiver {
    pub fn start() -> Self {
        let texts = Arc::new(Mutex::new(BTreeMap::new()));
        let taken = texts.clone();
        let server = LocalServer::that(move |request| take(request, &taken));
        Self { server, texts }
    }

    /// `http://host:port`; texts go to `/texts`.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// The texts for `number`, the oldest first: their ids are in the order of time.
    pub fn texts(&self, number: &str) -> Vec<Text> {
        locked(&self.texts).values().filter(|text| text.to == number).cloned().collect()
    }

    /// The six digits in the newest text for `number`.
    pub fn code(&self, number: &str) -> Option<String> {
        let text = self.texts(number).pop()?.text;
        let mut words = text.split(|sign: char| !sign.is_ascii_digit());
        words.find(|digits| digits.len() == 6).map(str::to_owned)
    }

    /// Every request, taken or not.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn take(request: &Request, texts: &Mutex<BTreeMap<String, Text>>) -> Reply {
    if request.method != "POST" || !request.path.starts_with("/texts") {
        return Reply::new(404, "");
    }
    if !is_signed(request) {
        return Reply::new(401, "");
    }
    let Ok(body) = serde_json::from_str::<Value>(&request.body) else { return Reply::new(400, "") };
    let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let text =
        Text { id: field("id"), to: field("to"), text: field("text"), expires_at: field("expires_at") };
    if text.to == REFUSED {
        return Reply::new(422, "");
    }
    if text.id != request.header("webhook-id") || text.text.is_empty() {
        return Reply::new(400, "");
    }
    locked(texts).insert(text.id.clone(), text);
    Reply::new(202, "")
}

fn is_signed(request: &Request) -> bool {
    let Ok(key) = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")) else { return false };
    let (id, time) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signed = format!("{id}.{time}.{}", request.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    let right = format!("v1,{}", BASE64_STANDARD.encode(tag));
    request.header("webhook-signature").split(' ').any(|signature| signature == right)
}
