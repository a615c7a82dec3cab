//! A running simulator and a client for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sinch_simulator::{Clock, DEVELOPMENT_KEY, DEVELOPMENT_SECRET, RunningSimulator, Settings, Simulator};

pub(crate) const NUMBER: &str = "+46701234567";
pub(crate) const VERIFICATIONS: &str = "/verification/v1/verifications";

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<Mutex<Timestamp>>);

impl HandClock {
    pub(crate) fn at(moment: &str) -> Self {
        Self(Arc::new(Mutex::new(moment.parse().unwrap())))
    }

    pub(crate) fn forward(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A simulator whose time stands at noon.
pub(crate) struct Bench {
    pub(crate) clock: HandClock,
    pub(crate) client: Client,
    simulator: RunningSimulator,
}

/// An answer whose body was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, u64) {
        (self.status, self.body["errorCode"].as_u64().unwrap_or_default())
    }

    /// Status and reason of a verification.
    pub(crate) fn outcome(&self) -> (&str, &str) {
        (text(&self.body["status"]), text(&self.body["reason"]))
    }

    pub(crate) fn id(&self) -> String {
        text(&self.body["id"]).to_owned()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::at("2026-11-23T12:00:00.123456789Z", settings)
    }

    pub(crate) fn at(moment: &str, settings: Settings) -> Self {
        let clock = HandClock::at(moment);
        let settings = Settings { clock: Arc::new(clock.clone()), ..settings };
        let simulator = Simulator::bind(settings, "127.0.0.1:0").unwrap().spawn();
        Self { clock, client: Client::new(), simulator }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    /// A request with Basic credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).basic_auth(DEVELOPMENT_KEY, Some(DEVELOPMENT_SECRET))
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(self.request(method, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn start(&self, number: &str, method: &str) -> Answer {
        self.send(Method::POST, VERIFICATIONS, &start_body(number, method)).await
    }

    pub(crate) async fn report(&self, id: &str, code: &str) -> Answer {
        let body = json!({ "method": "sms", "sms": { "code": code } });
        self.send(Method::PUT, &format!("{VERIFICATIONS}/id/{id}"), &body).await
    }

    pub(crate) async fn status(&self, id: &str) -> Answer {
        self.get(&format!("{VERIFICATIONS}/id/{id}")).await
    }

    /// Newest first.
    pub(crate) async fn messages(&self, number: &str) -> Vec<Value> {
        let answer = self.get(&format!("/inbox?number={number}")).await;
        answer.body["messages"].as_array().unwrap().clone()
    }

    pub(crate) async fn code(&self, number: &str) -> String {
        text(&self.messages(number).await.first().unwrap()["code"]).to_owned()
    }

    pub(crate) async fn plan(&self, fault: Value) {
        assert_eq!(self.send(Method::POST, "/faults", &fault).await.status, 201, "{fault}");
    }

    pub(crate) async fn stop(self) {
        self.simulator.stop().await.unwrap();
    }
}

pub(crate) fn start_body(number: &str, method: &str) -> Value {
    json!({ "identity": { "type": "number", "endpoint": number }, "method": method })
}

pub(crate) async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    Answer { status, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
}
