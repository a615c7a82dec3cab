//! Twilio Verify v2 and Programmable Messaging as their documents tell, for one account.
//!
//! One verification lives for each number, ten minutes long: a further start sends the same
//! code again. Five sends and five checks are allowed; what is over is forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::http::{LocalServer, Reply, Request, locked};

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const KEY: &str = "SK0123456789abcdef0123456789abcdef";
pub const SECRET: &str = "twilio0secret0of0tests0only";
pub const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
pub const SENDER: &str = "+46701740600";

/// A landline: no text goes to it.
pub const REFUSED: &str = "+46701740671";
/// Stopped by the provider's guard against fraud.
pub const BLOCKED: &str = "+46701740672";
/// Not a number to Twilio.
pub const INVALID: &str = "+46701740673";
/// Asked for too often.
pub const EXHAUSTED: &str = "+46701740674";

const LIFE: Duration = Duration::from_mins(10);
const MOST: usize = 5;

#[derive(Default)]
struct State {
    passed: Duration,
    verifications: Vec<Verification>,
    /// Number and text.
    texts: Vec<(String, String)>,
    sent: usize,
}

struct Verification {
    sid: String,
    to: String,
    channel: String,
    code: String,
    until: Instant,
    sends: usize,
    checks: usize,
}

/// The account, as the outside sees it.
pub struct TwilioServer {
    server: LocalServer,
    state: Arc<Mutex<State>>,
}

impl TwilioServer {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let of_requests = state.clone();
        let server = LocalServer::that(move |request| answer(request, &mut locked(&of_requests)));
        Self { server, state }
    }

    /// `http://host:port` of both APIs.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        locked(&self.state).passed += time;
    }

    /// The texts that reached `number`, the oldest first.
    pub fn texts(&self, number: &str) -> Vec<String> {
        let state = locked(&self.state);
        state.texts.iter().filter(|(to, _)| to == number).map(|(_, text)| text.clone()).collect()
    }

    /// The digits in the newest text.
    pub fn code(&self, number: &str) -> Option<String> {
        let text = self.texts(number).pop()?;
        text.split(|sign: char| !sign.is_ascii_digit()).find(|digits| digits.len() == 6).map(str::to_owned)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn answer(request: &Request, state: &mut State) -> Reply {
    let credentials = BASE64_STANDARD.encode(format!("{KEY}:{SECRET}"));
    if request.header("authorization") != format!("Basic {credentials}") {
        return error(401, 20003, "Authenticate");
    }
    let now = Instant::now() + state.passed;
    state.verifications.retain(|verification| verification.until > now && verification.checks < 2 * MOST);
    let form = form(&request.body);
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["v2", "Services", SERVICE, "Verifications"]) => begin(&form, state, now),
        ("GET", ["v2", "Services", SERVICE, "Verifications", name]) => {
            let name = name.replace("%2B", "+");
            let found = state.verifications.iter().find(|one| one.sid == name || one.to == name);
            found.map_or_else(not_found, |one| Reply::new(200, &shown(one, "pending")))
        }
        ("POST", ["v2", "Services", SERVICE, "VerificationCheck"]) => check(&form, state),
        ("POST", ["2010-04-01", "Accounts", ACCOUNT, "Messages.json"]) => message(&form, state),
        _ => not_found(),
    }
}

fn begin(form: &BTreeMap<String, String>, state: &mut State, now: Instant) -> Reply {
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (to, channel) = (of("To"), of("Channel"));
    if to == INVALID || !to.starts_with('+') {
        return error(400, 60200, &format!("Invalid parameter `To`: {to}"));
    }
    if !["sms", "call", "whatsapp"].contains(&channel.as_str()) {
        return error(400, 60200, &format!("Invalid parameter `Channel`: {channel}"));
    }
    match to.as_str() {
        REFUSED => return error(403, 60205, "SMS is not supported by landline phone number"),
        BLOCKED => return error(403, 60410, &format!("Verification delivery attempt blocked: {to}")),
        EXHAUSTED => return error(429, 60203, "Max send attempts reached"),
        _ => {}
    }
    state.sent += 1;
    if !state.verifications.iter().any(|one| one.to == to) {
        state.verifications.push(Verification {
            sid: format!("VE{:032x}", state.sent),
            to: to.clone(),
            channel: channel.clone(),
            code: format!("{:06}", (state.sent * 7919 + 104_729) % 1_000_000),
            until: now + LIFE,
            sends: 0,
            checks: 0,
        });
    }
    let Some(one) = state.verifications.iter_mut().find(|one| one.to == to) else { return not_found() };
    if one.sends == MOST {
        return error(429, 60203, "Max send attempts reached");
    }
    one.sends += 1;
    state.texts.push((to, format!("Your Acme verification code is: {}", one.code)));
    Reply::new(201, &shown(one, "pending"))
}

fn check(form: &BTreeMap<String, String>, state: &mut State) -> Reply {
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (sid, to, code) = (of("VerificationSid"), of("To"), of("Code"));
    let Some(place) = state.verifications.iter().position(|one| one.sid == sid || one.to == to) else {
        return not_found();
    };
    if !(4..=10).contains(&code.len()) {
        return error(400, 60200, &format!("Invalid parameter `Code`: {code}"));
    }
    let Some(one) = state.verifications.get_mut(place) else { return not_found() };
    one.checks += 1;
    if one.checks > MOST {
        return error(429, 60202, "Max check attempts reached");
    }
    if one.code != code {
        return Reply::new(200, &shown(one, "pending"));
    }
    let one = state.verifications.remove(place);
    Reply::new(200, &shown(&one, "approved"))
}

fn message(form: &BTreeMap<String, String>, state: &mut State) -> Reply {
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (to, from, body) = (of("To"), of("From"), of("Body"));
    if from != SENDER && !of("MessagingServiceSid").starts_with("MG") {
        return error(400, 21603, "A 'From' phone number is required");
    }
    match to.as_str() {
        REFUSED => return error(400, 21614, &format!("'To' number: {to}, is not a valid mobile number")),
        BLOCKED => return error(400, 21610, "Attempt to send to unsubscribed recipient"),
        INVALID => return error(400, 21211, &format!("Invalid 'To' Phone Number: {to}")),
        EXHAUSTED => return error(429, 20429, "Too Many Requests"),
        _ => {}
    }
    state.sent += 1;
    let sid = format!("SM{:032x}", state.sent);
    let answer = json!({
        "account_sid": ACCOUNT, "sid": sid, "to": to, "from": from, "body": body, "status": "queued",
        "num_segments": "1", "error_code": null, "error_message": null, "direction": "outbound-api",
    });
    state.texts.push((to, body));
    Reply::new(201, &answer)
}

fn shown(one: &Verification, status: &str) -> Value {
    json!({
        "sid": one.sid, "service_sid": SERVICE, "account_sid": ACCOUNT, "to": one.to, "channel": one.channel,
        "status": status, "valid": status == "approved", "lookup": {}, "amount": null, "payee": null,
        "send_code_attempts": (0..one.sends).map(|n| json!({ "attempt_sid": format!("VL{n:032x}") })).collect::<Vec<_>>(),
    })
}

fn not_found() -> Reply {
    error(404, 20404, "The requested resource was not found")
}

fn error(status: u16, code: u32, message: &str) -> Reply {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    Reply::new(status, &json!({ "code": code, "message": message, "more_info": more_info, "status": status }))
}

/// `application/x-www-form-urlencoded`.
fn form(body: &str) -> BTreeMap<String, String> {
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
