//! A running service, and what is asked of it in most tests.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::server::{Launch, Server};

use super::shapes::{ChallengeAnswer, LogInAnswer};
use super::{Answer, Challenge, Description, Request, Tokens, User, conventions};

pub(crate) const REGISTER: &str = "/api/v1/auth/register";
pub(crate) const LOG_IN: &str = "/api/v1/auth/login";
pub(crate) const REQUEST_OTP: &str = "/api/v1/auth/otp/request";
pub(crate) const VERIFY_OTP: &str = "/api/v1/auth/otp/verify";
pub(crate) const REFRESH: &str = "/api/v1/auth/token/refresh";
pub(crate) const INTROSPECT: &str = "/api/v1/auth/token/introspect";
pub(crate) const LOG_OUT: &str = "/api/v1/auth/logout";
pub(crate) const ME: &str = "/api/v1/me";

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_otp-login");

/// Tests hash cheaply, and all come from one address.
const FOR_TESTS: [(&str, &str); 3] = [
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4"),
    ("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "60000"),
    ("OTP_LOGIN__RATE_LIMIT__IP_BURST", "60000"),
];

/// Where the service keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// The address of a fresh one.
    pub(crate) fn url(self) -> String {
        match self {
            Self::Sqlite => "sqlite://data.sqlite3".to_owned(),
            Self::Postgres => testkit::postgres::database(),
        }
    }
}

/// Somebody who does not have an account yet.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) phone: String,
}

impl Person {
    /// The body of the registration.
    pub(crate) fn registration(&self) -> Value {
        json!({ "email": self.email, "password": self.password, "phone_number": self.phone })
    }
}

/// The real binary, with a database of its own.
pub(crate) struct Service {
    pub(crate) server: Server,
    people: AtomicU32,
    description: OnceLock<Description>,
}

impl Service {
    /// Starts the service with its own settings: in particular, the cooldown runs.
    pub(crate) fn start(database: Database) -> Self {
        Self::with(database, &[])
    }

    /// Starts the service so that messages follow one another at once.
    pub(crate) fn without_cooldown(database: Database) -> Self {
        Self::with(database, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")])
    }

    /// Starts the service with `settings` on top of those for tests.
    pub(crate) fn with(database: Database, settings: &[(&str, &str)]) -> Self {
        Self::at(&database.url(), settings)
    }

    /// As [`Service::with`], on the database at `url`.
    pub(crate) fn at(url: &str, settings: &[(&str, &str)]) -> Self {
        let launch = Launch::of(BINARY).env("DATABASE_URL", url);
        let launch =
            FOR_TESTS.iter().chain(settings).fold(launch, |launch, (name, value)| launch.env(*name, *value));
        Self { server: launch.start(), people: AtomicU32::new(0), description: OnceLock::new() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address(&self.server.url())
    }

    pub(crate) fn simulator_address(&self) -> SocketAddr {
        address(&self.server.simulator_url())
    }

    /// Sends a request and holds the answer against the contract's conventions
    /// and the API description.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        let answer = request.send(self.address());
        conventions::check(request, &answer);
        if self.description().check(request, &answer) {
            conventions::check_problem(request, &answer);
        }
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::post(path).json(body))
    }

    /// The served API description.
    pub(crate) fn description(&self) -> &Description {
        self.description
            .get_or_init(|| Description(Request::get("/openapi.json").send(self.address()).json()))
    }

    /// Somebody whom the service does not know. The number is one that the
    /// Swedish regulator keeps for books and films.
    pub(crate) fn person(&self) -> Person {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        assert!(number < 65, "there are no more numbers that belong to nobody");
        Person {
            email: format!("person{number}@example.com"),
            password: format!("four unrelated words {number}"),
            phone: format!("+467017406{:02}", number + 5),
        }
    }

    pub(crate) fn register(&self, person: &Person) -> Answer {
        self.post(REGISTER, &person.registration())
    }

    /// Registers, and returns the challenge.
    #[track_caller]
    pub(crate) fn registered(&self, person: &Person) -> Challenge {
        self.register(person).expect::<ChallengeAnswer>(201).challenge
    }

    pub(crate) fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post(LOG_IN, &json!({ "email": email, "password": password }))
    }

    /// Presents the right password, and returns the challenge.
    #[track_caller]
    pub(crate) fn challenged(&self, person: &Person) -> Challenge {
        challenge_of_log_in(&self.log_in(&person.email, &person.password))
    }

    pub(crate) fn request_otp(&self, challenge: &Challenge) -> Answer {
        self.post(REQUEST_OTP, &json!({ "challenge_id": challenge.id }))
    }

    /// Asks for a further message, and returns the challenge.
    #[track_caller]
    pub(crate) fn sent_again(&self, challenge: &Challenge) -> Challenge {
        self.request_otp(challenge).expect::<ChallengeAnswer>(200).challenge
    }

    pub(crate) fn verify(&self, challenge: &Challenge, code: &str) -> Answer {
        self.post(VERIFY_OTP, &json!({ "challenge_id": challenge.id, "code": code }))
    }

    /// Proves the phone with the code that reached it last.
    #[track_caller]
    pub(crate) fn proven(&self, challenge: &Challenge, phone: &str) -> Tokens {
        self.verify(challenge, &self.code(phone)).expect(200)
    }

    /// Registers somebody and proves the phone.
    #[track_caller]
    pub(crate) fn signed_up(&self) -> (Person, Tokens) {
        let person = self.person();
        let challenge = self.registered(&person);
        let tokens = self.proven(&challenge, &person.phone);
        (person, tokens)
    }

    /// Signs in with both factors. The cooldown must be off.
    #[track_caller]
    pub(crate) fn signed_in(&self, person: &Person) -> Tokens {
        let challenge = self.challenged(person);
        self.proven(&challenge, &person.phone)
    }

    pub(crate) fn refresh(&self, refresh_token: &str) -> Answer {
        self.post(REFRESH, &json!({ "refresh_token": refresh_token }))
    }

    /// Asks about a token, with the key of a service.
    pub(crate) fn introspect(&self, key: &str, token: &str) -> Answer {
        self.send(&Request::post(INTROSPECT).bearer(key).form(&format!("token={token}")))
    }

    pub(crate) fn me(&self, access_token: &str) -> Answer {
        self.send(&Request::get(ME).bearer(access_token))
    }

    /// The user behind an access token.
    #[track_caller]
    pub(crate) fn user(&self, access_token: &str) -> User {
        self.me(access_token).expect(200)
    }

    pub(crate) fn log_out(&self, access_token: &str) -> Answer {
        self.send(&Request::post(LOG_OUT).bearer(access_token))
    }

    /// The challenge of a registration's answer.
    #[track_caller]
    pub(crate) fn challenge_of(answer: &Answer) -> Challenge {
        Self::challenge_in(answer, 201)
    }

    /// The challenge that an answer with this status brings.
    #[track_caller]
    pub(crate) fn challenge_in(answer: &Answer, status: u16) -> Challenge {
        answer.expect::<ChallengeAnswer>(status).challenge
    }
}

/// The challenge of a sign-in's answer.
#[track_caller]
fn challenge_of_log_in(answer: &Answer) -> Challenge {
    let answer: LogInAnswer = answer.expect(200);
    assert_eq!(answer.status, "otp_required");
    answer.challenge
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}
