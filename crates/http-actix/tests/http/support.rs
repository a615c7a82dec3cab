//! A server on a free port, and a client that sends exactly the bytes it is
//! given.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    num::NonZeroU32,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::world::{ACCESS_TOKEN, PHONE, World};
use http_actix::{HttpSettings, server};
use serde_json::Value;

/// Settings under which no test meets the address limit by chance.
pub(crate) fn settings() -> HttpSettings {
    let plenty = NonZeroU32::new(100_000).unwrap();
    HttpSettings { workers: 1, ip_per_minute: plenty, ip_burst: plenty, ..HttpSettings::default() }
}

/// A running server.
pub(crate) struct Service {
    address: SocketAddr,
}

impl Service {
    pub(crate) fn start(world: World) -> Self {
        Self::start_with(settings(), world)
    }

    pub(crate) fn start_with(settings: HttpSettings, world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let use_cases = Arc::new(world.into_use_cases());
        let (started, wait) = mpsc::channel();
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = server(use_cases, settings, listener).unwrap();
                started.send(()).unwrap();
                server.await
            })
        });
        wait.recv().unwrap();
        Self { address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        Answer::read(&mut stream)
    }

    /// A request without a body; `headers` are whole lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        self.raw(format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{}\r\n",
            lines(headers)
        ))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// A JSON body.
    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post_as(path, &["Content-Type: application/json"], body)
    }

    pub(crate) fn post_as(&self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", path, headers, body)
    }

    /// Any body; `headers` are whole lines.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
            body.len(),
            lines(headers)
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(request)
    }

    /// A request of the signed-in user without a body.
    pub(crate) fn own(&self, method: &str, path: &str) -> Answer {
        self.ask(method, path, &[&bearer()])
    }

    /// A request of the signed-in user with a JSON body.
    pub(crate) fn own_json(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(method, path, &[&bearer(), "Content-Type: application/json"], body)
    }

    pub(crate) fn register(&self) -> Answer {
        self.post("/api/v1/auth/register", registration())
    }

    pub(crate) fn me(&self, headers: &[&str]) -> Answer {
        self.ask("GET", "/api/v1/me", headers)
    }
}

/// The header of the signed-in user.
pub(crate) fn bearer() -> String {
    format!("Authorization: Bearer {ACCESS_TOKEN}")
}

pub(crate) fn registration() -> String {
    format!(r#"{{"email":"ann@example.com","password":"violet-anchor-piano","phone_number":"{PHONE}"}}"#)
}

fn lines(headers: &[&str]) -> String {
    headers.iter().flat_map(|line| [line, "\r\n"]).collect()
}

/// An answer, headers in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is an end, too.
        let _ = stream.read_to_end(&mut bytes);
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The code of a problem, after a look at what every problem has.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let body = self.json();
        let code = body["code"].as_str().unwrap().to_owned();
        assert_eq!(body["type"], format!("/problems/{code}"));
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
        assert_eq!(
            body["retry_after"].as_u64().map(|s| s.to_string()).as_deref(),
            self.header("retry-after")
        );
        code
    }

    /// The field errors of a `validation-failed`, as `pointer code`.
    #[track_caller]
    pub(crate) fn field_errors(&self) -> Vec<String> {
        assert_eq!((self.status, self.problem().as_str()), (422, "validation-failed"), "{self:?}");
        let errors = self.json()["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|error| {
                assert!(!error["message"].as_str().unwrap().is_empty());
                format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
            })
            .collect()
    }
}
