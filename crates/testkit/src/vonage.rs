//! Vonage Verify v2 as its documents tell, for one account.
//!
//! One request lives for each number, as long as its channel's timeout says; another start is
//! a conflict until the request is over or cancelled. Three wrong codes end it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::http::{LocalServer, Reply, Request, locked};

pub const KEY: &str = "a1b2c3d4";
pub const SECRET: &str = "vonage0secret0of0tests";

/// A number that Vonage takes for none.
pub const REFUSED: &str = "+46701740671";

const MOST_WRONG: usize = 3;

#[derive(Default)]
struct State {
    passed: Duration,
    requests: Vec<Verification>,
    /// Number without plus, and text.
    texts: Vec<(String, String)>,
    sent: usize,
}

struct Verification {
    id: String,
    to: String,
    code: String,
    until: Instant,
    wrong: usize,
}

/// The account, as the outside sees it.
pub struct VonageServer {
    server: LocalServer,
    state: Arc<Mutex<State>>,
}

impl VonageServer {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let of_requests = state.clone();
        let server = LocalServer::that(move |request| answer(request, &mut locked(&of_requests)));
        Self { server, state }
    }

    /// `http://host:port`.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        locked(&self.state).passed += time;
    }

    /// The texts that reached `number`, the oldest first.
    pub fn texts(&self, number: &str) -> Vec<String> {
        let (state, number) = (locked(&self.state), number.trim_start_matches('+'));
        state.texts.iter().filter(|(to, _)| to == number).map(|(_, text)| text.clone()).collect()
    }

    /// The code in the newest text.
    pub fn code(&self, number: &str) -> Option<String> {
        let text = self.texts(number).pop()?;
        text.rsplit(' ').next().map(str::to_owned)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn answer(request: &Request, state: &mut State) -> Reply {
    let credentials = BASE64_STANDARD.encode(format!("{KEY}:{SECRET}"));
    if request.header("authorization") != format!("Basic {credentials}") {
        return problem(401, "unauthorized", "Unauthorized", &json!({}));
    }
    let now = Instant::now() + state.passed;
    state.requests.retain(|one| one.until > now);
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["v2", "verify"]) => begin(&body, state, now),
        ("POST", ["v2", "verify", id]) => check(id, &body, state),
        ("DELETE", ["v2", "verify", id]) => {
            let before = state.requests.len();
            state.requests.retain(|one| one.id != *id);
            if state.requests.len() < before { Reply::new(204, "") } else { not_found() }
        }
        _ => not_found(),
    }
}

fn begin(body: &Value, state: &mut State, now: Instant) -> Reply {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64);
    let (to, channel, brand) = (text("/workflow/0/to"), text("/workflow/0/channel"), text("/brand"));
    let length = number("/code_length").unwrap_or(4);
    let timeout = number("/channel_timeout").unwrap_or(180);
    let wrong = [
        ("brand", !(1..=16).contains(&brand.chars().count())),
        ("workflow[0].to", to.starts_with('+') || to.len() < 7 || format!("+{to}") == REFUSED),
        ("workflow[0].channel", !["sms", "voice", "whatsapp"].contains(&channel.as_str())),
        ("code_length", !(4..=10).contains(&length)),
        ("channel_timeout", !(60..=900).contains(&timeout)),
        ("client_ref", text("/client_ref").len() > 40),
    ];
    let wrong: Vec<Value> = wrong
        .into_iter()
        .filter(|(_, wrong)| *wrong)
        .map(|(name, _)| json!({ "name": name, "reason": format!("`{to}` is invalid") }))
        .collect();
    if !wrong.is_empty() {
        return problem(422, "invalid-params", "Invalid params", &json!({ "invalid_parameters": wrong }));
    }
    if let Some(live) = state.requests.iter().find(|one| one.to == to) {
        return problem(409, "conflict", "Conflict", &json!({ "request_id": live.id }));
    }
    state.sent += 1;
    let id = format!("c11236f4-00bf-4b89-84ba-{:012x}", state.sent);
    let code = (state.sent * 7919 + 104_729).to_string();
    let length = usize::try_from(length).unwrap_or(4);
    let code = format!("{code:0>length$}").chars().rev().take(length).collect::<String>();
    state.texts.push((to.clone(), format!("{brand} code: {code}")));
    state.requests.push(Verification {
        id: id.clone(),
        to,
        code,
        until: now + Duration::from_secs(timeout),
        wrong: 0,
    });
    Reply::new(202, &json!({ "request_id": id }))
}

fn check(id: &str, body: &Value, state: &mut State) -> Reply {
    let Some(place) = state.requests.iter().position(|one| one.id == id) else { return not_found() };
    let Some(one) = state.requests.get_mut(place) else { return not_found() };
    if body.get("code").and_then(Value::as_str) == Some(one.code.as_str()) {
        state.requests.remove(place);
        return Reply::new(200, &json!({ "request_id": id, "status": "completed" }));
    }
    one.wrong += 1;
    if one.wrong > MOST_WRONG {
        state.requests.remove(place);
        return problem(410, "expired", "Invalid Code", &json!({}));
    }
    problem(400, "invalid-code", "Invalid Code", &json!({}))
}

fn not_found() -> Reply {
    problem(404, "not-found", "Not Found", &json!({}))
}

fn problem(status: u16, code: &str, title: &str, more: &Value) -> Reply {
    let mut body = json!({
        "type": format!("https://developer.vonage.com/api-errors#{code}"), "title": title,
        "detail": "The documents say more.", "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf",
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    Reply::new(status, &body)
}
