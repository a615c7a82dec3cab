//! LG-01: a whole run at every log level writes down nothing that is anybody's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use harness::{
    Api, DatabaseProxy, PASSWORD_IN_URL, Person, Reply, Request, Secret, Store, Tokens, binary, leaks,
};
use testkit::postgres::Database;
use testkit::server::{Launch, Server};

const ANN: Person = Person {
    email: "Ann.Unmistakable@Example.com",
    password: "pass \"phrase\" \\ of Ånn & Co",
    phone: "+46701740605",
};
const WRONG_PASSWORD: &str = "mistyped pass phrase 4711";
const HIDDEN: [&str; 6] = [
    "hidden-in-broken-json",
    "hidden-in-a-wrong-type",
    "hidden-in-the-path",
    "hidden-in-the-query",
    "hidden-in-a-bearer-token",
    "hidden-in-a-cookie",
];
const DATA_KEY: &str = "ZGF0YSBrZXkgdGhhdCBubyBsb2cgbWF5IHByaW50ISE=";
const PEPPER: &str = "cGVwcGVyIHRoYXQgbm8gbG9nIGV2ZXIgcHJpbnRzISE=";
const SINCH_SECRET: &str = "c2luY2ggc2VjcmV0IHRoYXQgaXMgbm90IHByaW50ZWQ=";
const EVERY_TARGET: &str =
    "tokio_postgres=trace,rlibphonenumber=trace,hyper=trace,reqwest=trace,diesel=trace,trace";

/// A run and all that was secret in it.
struct Run {
    server: Server,
    secrets: Vec<Secret>,
}

impl Run {
    fn start(filter: &str, format: &str, url: Option<&str>) -> Self {
        let mut launch = Launch::of(binary())
            .env("OTP_LOGIN__LOG__FILTER", filter)
            .env("OTP_LOGIN__LOG__FORMAT", format)
            .env("RUST_LOG", "trace")
            .env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4")
            .env("OTP_LOGIN__SECRETS__DATA_KEY", DATA_KEY)
            .env("OTP_LOGIN__PASSWORD__PEPPER", PEPPER)
            .env("OTP_LOGIN__SIMULATOR__ENABLED", "true")
            .env("OTP_LOGIN__SINCH__APPLICATION_KEY", "0b1d2c3e-0000-4000-8000-000000000001")
            .env("OTP_LOGIN__SINCH__APPLICATION_SECRET", SINCH_SECRET)
            .env("OTP_LOGIN__SINCH__TIMEOUT_MS", "500")
            .env("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0");
        if let Some(url) = url {
            launch = launch.env("DATABASE_URL", url);
        }
        let mut run = Self { server: launch.start(), secrets: Vec::new() };
        for (what, text) in [
            ("data key", DATA_KEY),
            ("data key", "data key that no log may print"),
            ("pepper", PEPPER),
            ("pepper", "pepper that no log ever prints"),
            ("Sinch secret", SINCH_SECRET),
            ("Sinch secret", "sinch secret that is not printed"),
            ("database password", PASSWORD_IN_URL),
            ("password", ANN.password),
            ("wrong password", WRONG_PASSWORD),
            ("e-mail", ANN.email),
            ("password hash", "$2b$04$"),
            ("provider's text", "errorCode"),
        ] {
            run.secret(what, text);
        }
        for text in HIDDEN {
            run.secret("input that is not understood", text);
        }
        run.secrets.extend(Secret::phone(ANN.phone));
        run
    }

    fn secret(&mut self, what: &str, text: &str) {
        self.secrets.push(Secret::new(what, text));
    }

    fn api(&self) -> Api {
        Api::at(self.server.url())
    }

    fn newest_code(&self, phone: &str) -> Option<String> {
        let url = format!("{}/inbox?number={}", self.server.simulator_url(), phone.replace('+', "%2B"));
        let code = Request::get(url).send().unwrap().at("/messages/0/code");
        (!code.is_empty()).then_some(code)
    }

    fn challenge(&mut self, reply: &Reply) -> String {
        let id = reply.at("/challenge/id");
        self.secret("challenge id", &id);
        id
    }

    fn tokens(&mut self, reply: &Reply) -> Tokens {
        let tokens = Tokens::of(reply);
        self.secrets.extend(Secret::token("access token", &tokens.access));
        self.secrets.extend(Secret::token("refresh token", &tokens.refresh));
        tokens
    }

    /// A sign-up, a sign-in and everything that goes wrong on the way.
    fn sign_in_with_mishaps(&mut self) {
        let api = self.api();
        let registered = api.register(ANN);
        assert_eq!(registered.status, 201, "{registered:?}");
        let challenge = self.challenge(&registered);
        let code = self.newest_code(ANN.phone).unwrap();
        for wrong in ["918273", "637281"] {
            if code != wrong {
                self.secret("wrong code", wrong);
                assert_eq!(api.verify(&challenge, wrong).status, 401);
            }
        }
        self.secret("code", &code);
        let verified = api.verify(&challenge, &code);
        let tokens = self.tokens(&verified);
        assert_eq!(api.verify(&challenge, &code).status, 410);
        assert_eq!(api.me(&tokens.access).status, 200);
        let refreshed = api.refresh(&tokens.refresh);
        let tokens = self.tokens(&refreshed);
        assert_eq!(api.log_in_with(ANN, WRONG_PASSWORD).status, 401);

        let login = api.log_in(ANN);
        let challenge = self.challenge(&login);
        assert!([200, 429].contains(&api.request_otp(&challenge).status));
        let code = self.newest_code(ANN.phone).unwrap();
        self.secret("code", &code);
        let verified = api.verify(&challenge, &code);
        let last = self.tokens(&verified);
        assert_eq!(api.log_out(&last.access).status, 204);
        assert_eq!(api.me(&last.access).status, 401);
        assert_eq!(api.me(&tokens.access).status, 200);
        api.refresh(&last.refresh);
    }

    /// Every fault of the provider, by its magic numbers.
    fn provider_faults(&mut self) {
        let numbers =
            Request::get(format!("{}/magic-numbers", self.server.simulator_url())).send().unwrap().json();
        let numbers: Vec<String> = numbers
            .get("magic_numbers")
            .and_then(serde_json::Value::as_array)
            .unwrap()
            .iter()
            .filter_map(|magic| magic.get("number")?.as_str().map(str::to_owned))
            .collect();
        assert!(numbers.len() > 20);
        for number in numbers {
            self.secrets.extend(Secret::phone(&number));
            let number: &'static str = number.leak();
            let reply = self.api().register(Person { phone: number, ..ANN });
            if reply.status == 201 {
                let challenge = self.challenge(&reply);
                let code = self.newest_code(number).unwrap_or("736251".to_owned());
                self.secret("code", &code);
                self.api().verify(&challenge, &code);
            }
        }
    }

    /// Input that nobody understands, with secrets inside.
    fn misunderstandings(&self) {
        let api = self.api();
        let auth = |path: &str| api.url(&format!("/api/v1/auth/{path}"));
        let token = "Bearer hidden-in-a-bearer-token";
        for request in [
            Request::post_text(
                auth("login"),
                "{\"email\":\"Ann.Unmistakable@Example.com\",\"password\":\"hidden-in-broken-json",
            ),
            Request::post_text(
                auth("login"),
                "{\"email\":[\"hidden-in-a-wrong-type\"],\"password\":{\"a\":\"hidden-in-a-wrong-type\"}}",
            ),
            Request::post_text(
                auth("register"),
                "{\"email\":\"hidden-in-a-wrong-type\",\"password\":\"x\",\"phone_number\":\"0701740605\"}",
            ),
            Request::post_text(
                auth("otp/verify"),
                "{\"challenge_id\":\"hidden-in-a-wrong-type\",\"code\":918273}",
            ),
            Request::post_text(
                auth("otp/verify"),
                "{\"challenge_id\":\"hidden-in-a-wrong-type\",\"code\":\"91 82 73\"}",
            ),
            Request::post_text(auth("token/refresh"), "{\"refresh_token\":\"hidden-in-a-wrong-type\"}"),
            Request::post_text(auth("login"), "hidden-in-broken-json ".repeat(2000)),
            Request::get(api.url("/api/v1/hidden-in-the-path?password=hidden-in-the-query")),
            Request::get(api.url("/api/v1/me?access_token=hidden-in-the-query")),
            Request::get(api.url("/api/v1/me")).header("authorization", token),
            Request::get(api.url("/api/v1/me"))
                .header("authorization", "Basic aGlkZGVuLWluLWEtYmVhcmVyLXRva2Vu"),
            Request::get(api.url("/api/v1/me")).header("cookie", "session=hidden-in-a-cookie"),
            Request::get(api.url("/health")).header("user-agent", "hidden-in-a-cookie"),
            Request::delete(api.url("/api/v1/auth/login/hidden-in-the-path")),
        ] {
            let _ = request.send();
        }
    }

    /// All that the service wrote, once it has ended.
    fn output(mut self) -> (String, Vec<Secret>) {
        assert_eq!(self.server.stop().code(), Some(0));
        (self.server.output(), self.secrets)
    }
}

fn a_whole_run_is_silent_about_secrets(store: Store, filter: &str, format: &str) {
    let database = (store == Store::Postgres).then(Database::create);
    let proxy = database.as_ref().map(|database| DatabaseProxy::before(database.url()));
    let mut run = Run::start(filter, format, proxy.as_ref().map(DatabaseProxy::url));
    run.sign_in_with_mishaps();
    run.misunderstandings();
    run.provider_faults();
    if let Some(proxy) = &proxy {
        proxy.cut();
        run.api().log_in(ANN);
        run.api().register(ANN);
    }
    let (output, secrets) = run.output();

    // What must be there shows that the search finds things.
    for expected in ["sys_startup", "user_created", "authn_login_fail", "authn_login_success", "sys_shutdown"]
    {
        assert!(output.contains(expected), "no {expected} in:\n{output}");
        assert_eq!(leaks(&output, &[Secret::new("event", expected)]).len(), 1);
    }
    assert!(output.contains("TRACE") || output.contains("DEBUG") || filter == "info", "{output}");
    let found = leaks(&output, &secrets);
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}

#[test]
fn lg_01_nothing_secret_is_logged_on_sqlite() {
    a_whole_run_is_silent_about_secrets(Store::Sqlite, "trace", "json");
}

#[test]
fn lg_01_nothing_secret_is_logged_on_postgres() {
    a_whole_run_is_silent_about_secrets(Store::Postgres, "trace", "json");
}

#[test]
fn lg_01_nothing_secret_is_logged_when_every_library_is_asked_for_by_name() {
    a_whole_run_is_silent_about_secrets(Store::Sqlite, EVERY_TARGET, "json");
    a_whole_run_is_silent_about_secrets(Store::Postgres, EVERY_TARGET, "pretty");
}

#[test]
fn every_disguise_of_a_secret_is_found() {
    let secret = "pass \"phrase\" \\ of Ånn";
    let bytes = secret.as_bytes();
    let disguised = [
        secret.to_owned(),
        secret.to_uppercase(),
        serde_json::to_string(secret).unwrap(),
        serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap(),
        format!("{secret:?}"),
        format!("{bytes:?}"),
        format!("{bytes:02x?}").replace(['[', ']', ',', ' '], ""),
        BASE64_STANDARD.encode(format!("user:{secret}")),
        BASE64_STANDARD.encode(format!("users:{secret}!")),
        BASE64_URL_SAFE.encode(format!("userss:{secret}!!")),
        "pass%20%22phrase%22%20%5C%20of%20%C3%85nn".to_owned(),
        "pass+%22phrase%22+%5C+of+%c3%85nn".to_owned(),
    ];
    for text in disguised {
        let line = format!("before {text} after");
        assert!(!leaks(&line, &[Secret::new("password", secret)]).is_empty(), "{line}");
    }
    assert!(leaks("pass phrase of Ann", &[Secret::new("password", secret)]).is_empty());

    let code = Secret::new("code", "482915");
    for line in
        ["code=482915", "{\"code\":\"482915\"}", "[52, 56, 50, 57, 49, 53]", "NDgyOTE1", "343832393135"]
    {
        assert!(!leaks(line, std::slice::from_ref(&code)).is_empty(), "{line}");
    }
    for line in ["12:00:00.482915Z", "0193a482915b", "id 1482915"] {
        assert!(leaks(line, std::slice::from_ref(&code)).is_empty(), "{line}");
    }
}
