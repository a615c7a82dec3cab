//! What a person does with the service.

use std::io;

use serde_json::{Value, json};

use super::http::{Reply, Request};

/// Somebody with a phone.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub email: &'static str,
    pub password: &'static str,
    pub phone: &'static str,
}

impl Person {
    pub const ANN: Self =
        Self { email: "ann.andersson@example.com", password: "four unrelated words", phone: "+46701740605" };
    pub const BOB: Self =
        Self { email: "bob.berg@example.com", password: "another long secret", phone: "+46701740606" };
}

/// What a finished sign-in gives.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Tokens {
    pub fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, 200, "{reply:?}");
        Self { access: reply.at("/access_token"), refresh: reply.at("/refresh_token") }
    }
}

/// The service's own interface.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
}

impl Api {
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn registration(&self, person: Person) -> Request {
        self.posting(
            "register",
            &json!({ "email": person.email, "password": person.password, "phone_number": person.phone }),
        )
    }

    pub fn verification(&self, challenge: &str, code: &str) -> Request {
        self.posting("otp/verify", &json!({ "challenge_id": challenge, "code": code }))
    }

    pub fn register(&self, person: Person) -> Reply {
        answered(self.registration(person).send())
    }

    pub fn log_in(&self, person: Person) -> Reply {
        self.log_in_with(person, person.password)
    }

    pub fn log_in_with(&self, person: Person, password: &str) -> Reply {
        self.post("login", &json!({ "email": person.email, "password": password }))
    }

    pub fn request_otp(&self, challenge: &str) -> Reply {
        self.post("otp/request", &json!({ "challenge_id": challenge }))
    }

    pub fn verify(&self, challenge: &str, code: &str) -> Reply {
        answered(self.verification(challenge, code).send())
    }

    pub fn refresh(&self, token: &str) -> Reply {
        self.post("token/refresh", &json!({ "refresh_token": token }))
    }

    pub fn log_out(&self, token: &str) -> Reply {
        answered(Request::post_text(self.url("/api/v1/auth/logout"), "").bearer(token).send())
    }

    pub fn me(&self, token: &str) -> Reply {
        answered(Request::get(self.url("/api/v1/me")).bearer(token).send())
    }

    pub fn get(&self, path: &str) -> Reply {
        answered(Request::get(self.url(path)).send())
    }

    /// Whether `dependency` is ready, by `/health/ready`.
    pub fn is_ready(&self, dependency: &str) -> bool {
        let reply = self.get("/health/ready");
        let body = reply.json();
        let states = body["dependencies"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
        let state = states.iter().find(|state| state["name"] == dependency);
        state.unwrap_or_else(|| panic!("no {dependency}: {reply:?}"))["status"] == "ok"
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        answered(self.posting(path, body).send())
    }

    fn posting(&self, path: &str, body: &Value) -> Request {
        Request::post(self.url(&format!("/api/v1/auth/{path}")), body)
    }
}

fn answered(reply: io::Result<Reply>) -> Reply {
    reply.unwrap_or_else(|error| panic!("no answer: {error}"))
}
