//! A small HTTP/1.1 server for tests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Request line and headers as they came.
    pub(crate) head: String,
}

impl Request {
    /// The value of a header; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The next request of a connection, `None` at its end.
    pub(crate) fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut words = head.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let headers: BTreeMap<String, String> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        Some(Self { method, path, headers, body: String::from_utf8(body).ok()?, head })
    }
}

/// A JSON answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    /// With whatever `body` shows itself as.
    pub fn new(status: u16, body: &(impl ToString + ?Sized)) -> Self {
        Self { status, body: body.to_string() }
    }
}

/// A server that answers until the test program ends.
pub struct LocalServer {
    origin: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl LocalServer {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub fn that(answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (requests.clone(), Arc::new(answers));
        let origin = listen(move |stream| {
            let mut reader = BufReader::new(&stream);
            while let Some(request) = Request::read(&mut reader) {
                let reply = answers(&request);
                let is_last = request.header("connection") == "close";
                locked(&log).push(request);
                let last = if is_last { "connection: close\r\n" } else { "" };
                let head = format!(
                    "HTTP/1.1 {} X\r\ncontent-type: application/json\r\n{last}content-length: {}\r\n\r\n",
                    reply.status,
                    reply.body.len()
                );
                let written = (&stream).write_all(format!("{head}{}", reply.body).as_bytes());
                if written.is_err() || is_last {
                    return;
                }
            }
        });
        Self { origin, requests }
    }

    /// `http://host:port`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What was answered so far.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.requests).clone()
    }
}

/// Gives each connection to `serve` on a thread of its own; the origin.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    let (listener, address) = bound.unwrap_or_else(|error| panic!("no free port: {error}"));
    let serve = Arc::new(serve);
    // Ends with the test program.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    format!("http://{address}")
}

/// Locks what a failed test may have left behind.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
