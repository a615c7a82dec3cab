//! Signed events to the application's callback URL.
//!
//! The request event waits 5 s for its answer and is not repeated; result and
//! delivery events are tried three times. Sinch publishes neither number.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::settings::Settings;
use crate::signature::{SignedParts, Signer};
use crate::verification::{Method, Outcome, Verification};

const JSON_UTF8: &str = "application/json; charset=utf-8";
const TIMEOUT: Duration = Duration::from_secs(5);
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)];

/// Events that may wait for their delivery at once; further ones are lost.
const MOST_IN_FLIGHT: usize = 64;

/// What the application says to a request event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    Allowed(Wishes),
    Denied,
    /// No answer in time, or none that can be used.
    Unusable,
}

/// What an application may choose in its answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Its own code, or the number to call from.
    pub(crate) code: Option<String>,
    pub(crate) expiry: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    action: String,
    #[serde(default)]
    sms: Options,
    #[serde(default)]
    callout: Options,
    #[serde(default)]
    flash_call: Options,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    code: Option<String>,
    cli: Option<String>,
    expiry: Option<String>,
}

/// Sends events for one application.
pub(crate) struct Callbacks {
    client: reqwest::Client,
    url: reqwest::Url,
    application_key: String,
    signer: Signer,
    clock: Arc<dyn Clock>,
    in_flight: Arc<Semaphore>,
}

impl Callbacks {
    pub(crate) fn new(settings: &Settings, url: &str) -> io::Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        Ok(Self {
            client: client.map_err(io::Error::other)?,
            url: url
                .parse()
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the callback URL is no URL"))?,
            application_key: settings.application_key.clone(),
            signer: Signer::new(&settings.application_secret)?,
            clock: Arc::clone(&settings.clock),
            in_flight: Arc::new(Semaphore::new(MOST_IN_FLIGHT)),
        })
    }

    /// Asks whether `verification` may go on.
    pub(crate) async fn ask(&self, verification: &Verification) -> Permission {
        let mut event = event("VerificationRequestEvent", verification);
        add(&mut event, "price", json!({ "amount": verification.method.price(), "currencyId": "EUR" }));
        add(&mut event, "rate", json!({ "amount": 0.0, "currencyId": "EUR" }));
        let Some(answer) = self.post(&event).await else { return Permission::Unusable };
        match serde_json::from_slice(&answer) {
            Ok(answer) => permission(answer, verification.method),
            Err(_) => Permission::Unusable,
        }
    }

    /// Tells how a verification ended, in the background.
    pub(crate) fn tell_result(self: &Arc<Self>, verification: &Verification, outcome: Outcome) {
        let mut event = event("VerificationResultEvent", verification);
        add(&mut event, "status", json!(outcome.status));
        if let Some(reason) = outcome.reason {
            add(&mut event, "reason", reason.into());
        }
        if let Some(source) = verification.source {
            add(&mut event, "source", json!(source));
        }
        self.tell(event);
    }

    /// Tells that an SMS arrived, in the background.
    pub(crate) fn tell_delivery(self: &Arc<Self>, verification: &Verification) {
        let mut event = event("VerificationSmsDeliveredEvent", verification);
        add(&mut event, "smsResult", "Successful".into());
        self.tell(event);
    }

    fn tell(self: &Arc<Self>, event: Value) {
        let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            tracing::warn!("too many callbacks are waiting; one event is lost");
            return;
        };
        let callbacks = Arc::clone(self);
        tokio::spawn(async move {
            callbacks.deliver(&event).await;
            drop(place);
        });
    }

    async fn deliver(&self, event: &Value) {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if self.post(event).await.is_some() {
                return;
            }
        }
        tracing::warn!("an event was not taken by the callback URL");
    }

    /// The body of a 200, or nothing.
    async fn post(&self, event: &Value) -> Option<Vec<u8>> {
        let body = event.to_string();
        let timestamp = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string();
        let signature = self.signer.sign(&SignedParts {
            verb: "POST",
            body: body.as_bytes(),
            content_type: JSON_UTF8,
            timestamp: &timestamp,
            path: self.url.path(),
        });
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, JSON_UTF8)
            .header("x-timestamp", timestamp)
            .header(AUTHORIZATION, format!("application {}:{signature}", self.application_key))
            .body(body);
        let response = request.send().await.ok()?;
        if response.status() != reqwest::StatusCode::OK {
            return None;
        }
        response.bytes().await.ok().map(Vec::from)
    }
}

fn event(name: &str, verification: &Verification) -> Value {
    let mut event = json!({
        "id": verification.id,
        "event": name,
        "method": verification.method.name(),
        "identity": { "type": "number", "endpoint": verification.number },
    });
    for (key, text) in [("reference", &verification.reference), ("custom", &verification.custom)] {
        if let Some(text) = text {
            add(&mut event, key, text.as_str().into());
        }
    }
    event
}

fn add(event: &mut Value, key: &str, value: Value) {
    if let Some(fields) = event.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

fn permission(answer: Answer, method: Method) -> Permission {
    match answer.action.as_str() {
        "allow" => Permission::Allowed(wishes(answer, method)),
        "deny" => Permission::Denied,
        _ => Permission::Unusable,
    }
}

fn wishes(answer: Answer, method: Method) -> Wishes {
    match method {
        Method::Sms => Wishes { code: answer.sms.code, expiry: answer.sms.expiry },
        Method::Callout => Wishes { code: answer.callout.code, expiry: None },
        Method::Flashcall => Wishes { code: answer.flash_call.cli, expiry: None },
        Method::Seamless | Method::Whatsapp => Wishes::default(),
    }
}
