//! A service, and all that was secret while it ran.

use std::path::Path;

use testkit::server::{Launch, Server};

use crate::harness::{Api, PASSWORD_IN_URL, Person, Reply, Request, Secret, Tokens, binary, eventually, run};
use crate::receiver::{self, Answer, Receiver};

pub const ANN: Person = Person {
    email: "Ann.Unmistakable@Example.com",
    password: "pass \"phrase\" \\ of Ånn & Co",
    phone: "+46701740605",
};
pub const WRONG_PASSWORD: &str = "mistyped pass phrase 4711";
pub const HIDDEN: [&str; 6] = [
    "hidden-in-broken-json",
    "hidden-in-a-wrong-type",
    "hidden-in-the-path",
    "hidden-in-the-query",
    "hidden-in-a-bearer-token",
    "hidden-in-a-cookie",
];
pub const ADMIN_KEY: &str = "key-of-the-operators-that-no-log-may-print-0123456789";
pub const INTROSPECTION_KEY: &str = "key-of-the-services-that-no-log-may-print-0123456789";
const DATA_KEY: &str = "ZGF0YSBrZXkgdGhhdCBubyBsb2cgbWF5IHByaW50ISE=";
const PEPPER: &str = "cGVwcGVyIHRoYXQgbm8gbG9nIGV2ZXIgcHJpbnRzISE=";
const SINCH_SECRET: &str = "c2luY2ggc2VjcmV0IHRoYXQgaXMgbm90IHByaW50ZWQ=";
const WEBHOOK_SECRET: &str = "whsec_c2VjcmV0IG9mIGEgd2ViaG9vayBub3QgcHJpbnRlZCE=";

/// A service between a provider and an endpoint of a product, and what nobody may find in what
/// it wrote.
pub struct Run {
    server: Server,
    variables: Vec<(String, String)>,
    crm: Receiver,
    secrets: Vec<Secret>,
    /// What commands beside the service wrote.
    written: String,
}

impl Run {
    pub fn start(filter: &str, format: &str, url: Option<&str>) -> Self {
        let crm = Receiver::that(Answer::Status(204));
        let mut variables: Vec<(String, String)> = [
            ("LOG__FILTER", filter),
            ("LOG__FORMAT", format),
            ("PASSWORD__BCRYPT_COST", "4"),
            ("SECRETS__DATA_KEY", DATA_KEY),
            ("PASSWORD__PEPPER", PEPPER),
            ("SIMULATOR__ENABLED", "true"),
            ("SINCH__APPLICATION_KEY", "0b1d2c3e-0000-4000-8000-000000000001"),
            ("SINCH__APPLICATION_SECRET", SINCH_SECRET),
            ("SINCH__TIMEOUT_MS", "500"),
            ("OTP__RESEND_COOLDOWN_SECONDS", "0"),
            ("OTP__PASSWORDLESS", "true"),
            ("RATE_LIMIT__PHONE_PER_HOUR", "1000"),
            ("RATE_LIMIT__ACCOUNT_PER_HOUR", "1000"),
            ("EVENTS__POLL_MS", "50"),
            ("ADMIN__API_KEY", ADMIN_KEY),
            ("INTROSPECTION__API_KEY", INTROSPECTION_KEY),
            ("WEBHOOKS__CRM__URL", &crm.url()),
            ("WEBHOOKS__CRM__SECRET", WEBHOOK_SECRET),
        ]
        .map(|(name, value)| (format!("OTP_LOGIN__{name}"), value.to_owned()))
        .into();
        variables.push(("RUST_LOG".to_owned(), "trace".to_owned()));
        variables.extend(url.map(|url| ("DATABASE_URL".to_owned(), url.to_owned())));
        let launch = variables
            .iter()
            .fold(Launch::of(binary()), |launch, (name, value)| launch.env(name.clone(), value.clone()));
        let (secrets, written) = (Vec::new(), String::new());
        let mut run = Self { server: launch.start(), variables, crm, secrets, written };
        run.know_secrets();
        run
    }

    fn know_secrets(&mut self) {
        for (what, text) in [
            ("data key", DATA_KEY),
            ("data key", "data key that no log may print"),
            ("pepper", PEPPER),
            ("pepper", "pepper that no log ever prints"),
            ("Sinch secret", SINCH_SECRET),
            ("Sinch secret", "sinch secret that is not printed"),
            ("webhook secret", WEBHOOK_SECRET),
            ("webhook secret", "secret of a webhook not printed!"),
            ("path of a webhook", receiver::PATH),
            ("admin key", ADMIN_KEY),
            ("introspection key", INTROSPECTION_KEY),
            ("database password", PASSWORD_IN_URL),
            ("password", ANN.password),
            ("wrong password", WRONG_PASSWORD),
            ("e-mail", ANN.email),
            ("password hash", "$2b$04$"),
            ("provider's text", "errorCode"),
        ] {
            self.secret(what, text);
        }
        for text in HIDDEN {
            self.secret("input that is not understood", text);
        }
        self.phone(ANN.phone);
    }

    pub fn secret(&mut self, what: &str, text: &str) {
        self.secrets.push(Secret::new(what, text));
    }

    pub fn phone(&mut self, number: &str) {
        self.secrets.extend(Secret::phone(number));
    }

    pub fn api(&self) -> Api {
        Api::at(self.server.url())
    }

    /// The URL of the simulator's `path`.
    pub fn simulator(&self, path: &str) -> String {
        format!("{}{path}", self.server.simulator_url())
    }

    /// Codes that reached a number, the newest first.
    pub fn codes(&self, phone: &str) -> Vec<String> {
        let url = self.simulator(&format!("/inbox?number={}", phone.replace('+', "%2B")));
        let inbox = Request::get(url).send().unwrap().json();
        let messages = inbox["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["code"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The code that reached a number last; it is a secret from now on.
    pub fn code(&mut self, phone: &str) -> String {
        let code = self.codes(phone).first().unwrap_or_else(|| panic!("no code reached {phone}")).clone();
        self.secret("code", &code);
        code
    }

    /// Sends what lets a code be sent in the background, and waits for that code.
    pub fn code_after(&mut self, phone: &str, request: &Request) -> (Reply, String) {
        let before = self.codes(phone).len();
        let reply = request.send().unwrap();
        eventually("a code is sent", || self.codes(phone).len() > before);
        (reply, self.code(phone))
    }

    pub fn challenge(&mut self, reply: &Reply) -> String {
        let id = reply.at("/challenge/id");
        assert!(!id.is_empty(), "{reply:?}");
        self.secret("challenge id", &id);
        id
    }

    pub fn tokens(&mut self, reply: &Reply) -> Tokens {
        let tokens = Tokens::of(reply);
        self.secrets.extend(Secret::token("access token", &tokens.access));
        self.secrets.extend(Secret::token("refresh token", &tokens.refresh));
        let device = reply.at("/device_token");
        if !device.is_empty() {
            self.secrets.extend(Secret::token("device token", &device));
        }
        tokens
    }

    /// Signs in by password and code.
    pub fn signed_in(&mut self, person: Person) -> Tokens {
        let login = self.api().log_in(person);
        let challenge = self.challenge(&login);
        let code = self.code(person.phone);
        let verified = self.api().verify(&challenge, &code);
        self.tokens(&verified)
    }

    /// Runs a command beside the service. Its stderr must hold no secret; its stdout, which is
    /// for who asked, is returned.
    pub fn command(&mut self, arguments: &[&str]) -> String {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ran = run(self.server.folder(), &variables, arguments);
        self.written.push_str(&ran.stderr);
        ran.stdout
    }

    /// As [`Run::command`], for one whose stdout must hold no secret either.
    pub fn silent_command(&mut self, arguments: &[&str]) -> String {
        let stdout = self.command(arguments);
        self.written.push_str(&stdout);
        stdout
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// How many events have reached the product.
    pub fn events_told(&self) -> usize {
        self.crm.requests().len()
    }

    /// All that the service wrote, once it has ended.
    pub fn output(mut self) -> (String, Vec<Secret>) {
        assert_eq!(self.server.stop().code(), Some(0));
        let log = self.server.output();
        (format!("{log}\n{}", self.written), self.secrets)
    }
}

/// The answer to a request with a bearer token, which must have `status`.
#[track_caller]
pub fn asked(request: &Request, bearer: &str, status: u16) -> Reply {
    let reply = request.clone().bearer(bearer).send().unwrap();
    assert_eq!(reply.status, status, "{reply:?}");
    reply
}
