//! A service with everything around it.

use std::thread;
use std::time::{Duration, Instant};

use testkit::postgres::Database;
use testkit::server::{Launch, Server};

use super::api::{Api, Person, Tokens};
use super::database_proxy::DatabaseProxy;
use super::http::Reply;
use super::process::{SimulatorProcess, binary};
use super::provider_proxy::ProviderProxy;
use super::store::{SqliteLock, Store};

/// How to start a [`World`].
pub struct Setup {
    store: Store,
    variables: Vec<(String, String)>,
}

/// The service, behind it a provider and a database that obey the test.
pub struct World {
    // The service ends first.
    pub service: Server,
    pub provider: ProviderProxy,
    pub simulator: SimulatorProcess,
    database: Option<(DatabaseProxy, Database)>,
}

impl Setup {
    pub fn on(store: Store) -> Self {
        Self { store, variables: Vec::new() }
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_string()));
        self
    }

    pub fn start(self) -> World {
        let simulator = SimulatorProcess::start();
        let provider = ProviderProxy::before(simulator.port());
        let database = match self.store {
            Store::Sqlite => None,
            Store::Postgres => {
                let database = Database::create();
                Some((DatabaseProxy::before(database.url()), database))
            }
        };
        let mut launch = Launch::of(binary())
            .env("OTP_LOGIN__SIMULATOR__ENABLED", "false")
            .env("OTP_LOGIN__SINCH__BASE_URL", provider.url())
            .env("OTP_LOGIN__SINCH__TIMEOUT_MS", "30000")
            .env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4")
            .env("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "1")
            .env("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "100000")
            .env("OTP_LOGIN__RATE_LIMIT__IP_BURST", "100000")
            .env("OTP_LOGIN__RATE_LIMIT__PHONE_PER_HOUR", "1000")
            .env("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "1000");
        if let Some((proxy, _)) = &database {
            launch = launch.env("DATABASE_URL", proxy.url());
        }
        for (name, value) in self.variables {
            launch = launch.env(name, value);
        }
        World { service: launch.start(), provider, simulator, database }
    }
}

impl World {
    pub fn on(store: Store) -> Self {
        Setup::on(store).start()
    }

    pub fn api(&self) -> Api {
        Api::at(self.service.url())
    }

    /// What `DATABASE_URL` says to a command in the service's folder.
    pub fn database_url(&self) -> String {
        let on_file = || "sqlite://data/otp-login.sqlite3".to_owned();
        self.database.as_ref().map_or_else(on_file, |(proxy, _)| proxy.url().to_owned())
    }

    /// The way to `PostgreSQL`.
    pub fn database(&self) -> &DatabaseProxy {
        let (proxy, _) = self.database.as_ref().expect("a test on PostgreSQL");
        proxy
    }

    /// Lets the provider's answer in and ends the service before it could write
    /// down what it learned.
    pub fn crash_before_the_answer_is_written_down(&mut self) {
        if let Some((database, _)) = &self.database {
            database.silence();
            let before = database.round_trips();
            self.provider.release();
            eventually("the service tries to write", || database.round_trips() > before);
            self.service.kill();
            database.open_anew();
        } else {
            let _lock = SqliteLock::of(self.service.folder());
            self.provider.release();
            // Nothing shows that it tries; earlier would only be another point to die at.
            thread::sleep(Duration::from_millis(300));
            self.service.kill();
        }
    }

    /// Ends the service as a power cut would, and whatever the provider holds.
    pub fn crash(&mut self) {
        self.service.kill();
        self.provider.abandon();
    }

    /// The newest code of `person`'s phone.
    pub fn code(&self, person: Person) -> String {
        let codes = self.simulator.codes(person.phone);
        codes.first().unwrap_or_else(|| panic!("no code reached {}", person.phone)).clone()
    }

    /// Registers `person` and returns the challenge's id.
    pub fn challenge(&self, person: Person) -> String {
        let reply = self.api().register(person);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.at("/challenge/id")
    }

    /// Registers `person` and proves the phone.
    pub fn sign_up(&self, person: Person) -> Tokens {
        let challenge = self.challenge(person);
        Tokens::of(&self.api().verify(&challenge, &self.code(person)))
    }

    /// Asks for a further message as soon as the cooldown is over.
    pub fn resend(&self, challenge: &str) -> Reply {
        let mut last = None;
        eventually("the cooldown ends", || {
            let reply = self.api().request_otp(challenge);
            let over = reply.outcome() != "429 resend-too-soon";
            last = Some(reply);
            over
        });
        last.expect("asked at least once")
    }
}

/// Looks again and again, for half a minute.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    eventually_within(Duration::from_secs(30), what, holds);
}

/// The same with as much patience as it takes.
pub fn eventually_within(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < patience, "this never happened: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
