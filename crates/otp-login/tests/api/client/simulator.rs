//! The phones, and the provider's bad days.

use serde_json::Value;

use super::{Request, Service};

impl Service {
    /// The codes that reached a number, the newest first.
    pub(crate) fn codes(&self, number: &str) -> Vec<String> {
        let messages = self.messages(number);
        messages.iter().map(|message| message["code"].as_str().unwrap().to_owned()).collect()
    }

    /// The code that reached a number last.
    #[track_caller]
    pub(crate) fn code(&self, number: &str) -> String {
        self.codes(number).into_iter().next().expect("no message arrived")
    }

    /// The messages that reached a number, the newest first.
    pub(crate) fn messages(&self, number: &str) -> Vec<Value> {
        let inbox = format!("/inbox?number={}", number.replace('+', "%2B"));
        let answer = Request::get(&inbox).send(self.simulator_address());
        answer.json()["messages"].as_array().unwrap().clone()
    }

    /// How often the provider was asked for a number: `starts`, `reports`, `statuses`.
    pub(crate) fn provider_calls(&self, number: &str, kind: &str) -> u64 {
        let calls = format!("/requests?number={}", number.replace('+', "%2B"));
        let answer = Request::get(&calls).send(self.simulator_address());
        answer.json()["requests"][0][kind].as_u64().unwrap_or(0)
    }

    /// Lets the provider's next requests fail.
    pub(crate) fn plan_fault(&self, fault: &Value) {
        Request::post("/faults").json(fault).send(self.simulator_address()).assert_status(201);
    }

    /// Lets the provider work again.
    pub(crate) fn forget_faults(&self) {
        Request::new("DELETE", "/faults").send(self.simulator_address()).assert_status(204);
    }
}
