//! An HTTP client that hides nothing: one connection for each request, and
//! errors of the connection are answers like others.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything the service may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request to be sent.
#[derive(Clone)]
pub struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub took: Duration,
}

impl Request {
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET", url: url.into(), headers: Vec::new(), body: None }
    }

    pub fn delete(url: impl Into<String>) -> Self {
        Self { method: "DELETE", ..Self::get(url) }
    }

    pub fn post(url: impl Into<String>, body: &Value) -> Self {
        Self::post_text(url, body.to_string())
    }

    /// Posts `body` as JSON, whether it is or not.
    pub fn post_text(url: impl Into<String>, body: impl Into<String>) -> Self {
        let post = Self { method: "POST", body: Some(body.into()), ..Self::get(url) };
        post.header("content-type", "application/json")
    }

    /// Says that the body is of another type.
    pub fn content_type(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.header("content-type", value)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends the request and waits for the whole answer.
    pub fn send(&self) -> io::Result<Reply> {
        let begun = Instant::now();
        let bytes = raw_exchange(&self.host(), &self.bytes())?;
        let mut reply = parse(&bytes)?;
        reply.took = begun.elapsed();
        Ok(reply)
    }

    /// Sends the request and leaves the answer to whoever keeps the connection.
    pub fn send_only(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.host())?;
        stream.write_all(&self.bytes())?;
        Ok(stream)
    }

    fn host(&self) -> String {
        let rest = self.url.strip_prefix("http://").expect("a plain http URL");
        rest.split('/').next().unwrap_or(rest).to_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        let host = self.host();
        let path = self.url.strip_prefix("http://").and_then(|rest| rest.strip_prefix(&host)).unwrap_or("");
        let path = if path.is_empty() { "/" } else { path };
        let mut text = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", self.method);
        let length = self.body.as_ref().map(|body| ("content-length".to_owned(), body.len().to_string()));
        for (name, value) in self.headers.iter().chain(&length) {
            text.extend([name, ": ", value, "\r\n"]);
        }
        format!("{text}\r\n{}", self.body.as_deref().unwrap_or_default()).into_bytes()
    }
}

/// Writes `bytes` to `host` and reads until the other side closes.
pub fn raw_exchange(host: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(bytes: &[u8]) -> io::Result<Reply> {
    let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "no whole answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let body = if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        unchunked(body).ok_or_else(broken)?
    } else {
        body.to_vec()
    };
    let length = headers.iter().find(|(name, _)| name == "content-length");
    if length.is_some_and(|(_, length)| length.parse() != Ok(body.len())) {
        return Err(broken());
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok(Reply { status: status.ok_or_else(broken)?, headers, text, took: Duration::ZERO })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        rest = rest.get(line + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The text at a JSON pointer; empty where there is none.
    pub fn at(&self, pointer: &str) -> String {
        let found = self.json().pointer(pointer).cloned().unwrap_or_default();
        found
            .as_str()
            .map_or_else(|| if found.is_null() { String::new() } else { found.to_string() }, str::to_owned)
    }

    /// Status and problem code in one line, for assertions.
    pub fn outcome(&self) -> String {
        let code = if self.text.is_empty() { String::new() } else { self.at("/code") };
        format!("{} {code}", self.status).trim_end().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}
