//! An endpoint of the product, which does what a test tells it to. It verifies signatures by
//! the specification, with nothing of the service's.

#![allow(unreachable_pub, dead_code, reason = "private modules of each test program, which uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Long enough to be looked for in logs.
pub const PATH: &str = "hooks-of-the-product-7f3a";

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// 200, after so long.
    Late(Duration),
    /// End the connection without a word.
    Reset,
    /// Say nothing for ever.
    Hang,
    /// Pass it on to another server, and its answer back.
    Forward(String),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    head: String,
    pub body: String,
}

impl Received {
    /// The value of a header.
    pub fn header(&self, name: &str) -> String {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.next().unwrap_or_else(|| panic!("no {name}: {}", self.head)).1.trim().to_owned()
    }

    /// Whether `signature` is one of the request under `secret`.
    pub fn is_signed(&self, signature: &str, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed =
            [self.header("webhook-id"), self.header("webhook-timestamp"), self.body.clone()].join(".");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        signature == format!("v1,{}", BASE64_STANDARD.encode(tag))
    }
}

/// The endpoint; it answers until its test ends.
pub struct Receiver {
    origin: String,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<Received>>>,
    answered: Arc<AtomicUsize>,
}

impl Receiver {
    pub fn that(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self {
            origin,
            answer: Arc::new(Mutex::new(answer)),
            requests: Arc::default(),
            answered: Arc::default(),
        };
        let (answer, requests, answered) =
            (receiver.answer.clone(), receiver.requests.clone(), receiver.answered.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, requests, answered) = (answer.clone(), requests.clone(), answered.clone());
                thread::spawn(move || serve(stream, &answer, &requests, &answered));
            }
        });
        receiver
    }

    pub fn origin(&self) -> String {
        self.origin.clone()
    }

    pub fn url(&self) -> String {
        format!("{}/{PATH}", self.origin)
    }

    /// From now on.
    pub fn now(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn forward_to(&self, origin: &str) {
        self.now(Answer::Forward(origin.to_owned()));
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    /// How many answers were written.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &Mutex<Answer>,
    requests: &Mutex<Vec<Received>>,
    answered: &AtomicUsize,
) {
    let Some(received) = read(&stream) else { return };
    let answer = answer.lock().unwrap().clone();
    requests.lock().unwrap().push(received.clone());
    let status = match answer {
        Answer::Status(status) => status,
        Answer::Late(time) => {
            thread::sleep(time);
            200
        }
        Answer::Reset => return,
        Answer::Hang => loop {
            thread::park();
        },
        Answer::Forward(origin) => return forward(stream, &received, &origin),
    };
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    if stream.write_all(head.as_bytes()).is_ok() {
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

fn forward(mut stream: TcpStream, received: &Received, origin: &str) {
    let mut onward = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
    let head = received.head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    onward.write_all(format!("{head}{}", received.body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = onward.read_to_end(&mut answer);
    let _ = stream.write_all(&answer);
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let received = Received { head, body: String::new() };
    let mut body = vec![0; received.header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Received { body: String::from_utf8(body).unwrap(), ..received })
}
