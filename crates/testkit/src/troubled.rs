//! A way to a server on which the troubles of [`ports::contract::provider`] happen.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub use ports::contract::provider::Trouble;

use crate::http::{Request, listen, locked};

/// What is planned, and for how many requests.
type Plan = Arc<Mutex<Option<(Trouble, usize)>>>;

/// Stands before a server and passes requests on, unless a test says otherwise.
pub struct TroubledWay {
    origin: String,
    plan: Plan,
}

impl TroubledWay {
    /// The way to the server at `origin`, `http://host:port`.
    pub fn to(origin: &str) -> Self {
        let plan = Plan::default();
        let (planned, target) = (plan.clone(), origin.to_owned());
        let origin = listen(move |stream| {
            let mut reader = BufReader::new(&stream);
            if let Some(request) = Request::read(&mut reader) {
                act(&stream, &request, &target, take(&planned));
            }
        });
        Self { origin, plan }
    }

    /// Where the way begins.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What becomes of the next `requests` requests.
    pub fn trouble(&self, trouble: Trouble, requests: usize) {
        *locked(&self.plan) = Some((trouble, requests));
    }

    /// All goes well from now on.
    pub fn heal(&self) {
        *locked(&self.plan) = None;
    }
}

fn take(plan: &Plan) -> Option<Trouble> {
    let mut plan = locked(plan);
    let (trouble, left) = (*plan)?;
    *plan = left.checked_sub(1).filter(|left| *left > 0).map(|left| (trouble, left));
    (left > 0).then_some(trouble)
}

fn act(stream: &TcpStream, request: &Request, target: &str, trouble: Option<Trouble>) {
    const OVER: &str = "connection: close\r\ncontent-length: 0\r\n\r\n";
    match trouble {
        None => write(stream, &forward(request, target)),
        Some(Trouble::Hang) => loop {
            thread::sleep(Duration::from_mins(1));
        },
        Some(Trouble::Reset) => {}
        Some(Trouble::ServerError) => write(stream, format!("HTTP/1.1 500 X\r\n{OVER}").as_bytes()),
        Some(Trouble::Redirect) => {
            let to = format!("HTTP/1.1 307 X\r\nlocation: {target}{}\r\n{OVER}", request.path);
            write(stream, to.as_bytes());
        }
        Some(Trouble::LoseAnswer) => drop(forward(request, target)),
        Some(Trouble::Truncate) => {
            let answer = forward(request, target);
            // Not a byte of the body less, or an empty one would be whole.
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |end| end + 4);
            let half = end + (answer.len() - end) / 2;
            write(stream, answer.get(..half).unwrap_or_default());
        }
        Some(Trouble::Garbage) => {
            forward(request, target);
            let body = "<html>busy</html>";
            let head =
                format!("HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            write(stream, format!("{head}{body}").as_bytes());
        }
        Some(Trouble::Flood) => {
            forward(request, target);
            write(stream, b"HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n{");
            let mut stream = stream;
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        }
    }
}

/// The whole answer of the server, as it came.
fn forward(request: &Request, target: &str) -> Vec<u8> {
    let host = target.trim_start_matches("http://");
    let head = request.head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let mut answer = Vec::new();
    if let Ok(mut onward) = TcpStream::connect(host) {
        let _ = onward.write_all(format!("{head}{}", request.body).as_bytes());
        let _ = onward.read_to_end(&mut answer);
    }
    answer
}

fn write(mut stream: &TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}
