//! An HTTP/1.1 server that answers, hangs, resets and lies as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    /// Answer with a status and a body.
    Answer(u16, String),
    /// Write these bytes and end the connection.
    Raw(String),
    /// Announce a longer body than is sent, and end the connection.
    Truncate(u16, String),
    /// Write a body that never ends.
    Flood,
    /// End the connection without a word.
    Reset,
    /// Say nothing for ever.
    Hang,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) verb: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

type Script = dyn Fn(&Received) -> Do + Send + Sync;

/// The running server; it ends with the runtime of its test.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) async fn new(script: impl Fn(&Received) -> Do + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(accept(listener, Arc::new(script), Arc::clone(&received), Arc::clone(&connections)));
        Self { address, received, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("unpoisoned").clone()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests with `verb` arrived.
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.received().iter().filter(|request| request.verb == verb).count()
    }
}

async fn accept(
    listener: TcpListener,
    script: Arc<Script>,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&received)));
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, received: Arc<Mutex<Vec<Received>>>) {
    while let Some(request) = read(&mut stream).await {
        received.lock().expect("unpoisoned").push(request.clone());
        match script(&request) {
            Do::Answer(status, body) => {
                let length = body.len();
                write(&mut stream, &head(status, length, &body)).await;
            }
            Do::Raw(text) => return write(&mut stream, &text).await,
            Do::Truncate(status, body) => {
                return write(&mut stream, &head(status, body.len() + 20, &body)).await;
            }
            Do::Flood => {
                write(&mut stream, &head(200, usize::MAX / 4, "{")).await;
                let spaces = [b' '; 4096];
                while stream.write_all(&spaces).await.is_ok() {}
                return;
            }
            Do::Reset => {
                return stream.set_zero_linger().expect("a socket");
            }
            Do::Hang => std::future::pending().await,
        }
    }
}

fn head(status: u16, length: usize, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json; charset=utf-8\r\nlocation: /elsewhere\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn write(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).expect("text");
    let mut lines = head.lines();
    let mut words = lines.next().expect("a request line").split(' ');
    let (verb, path) = (words.next().expect("a verb"), words.next().expect("a path"));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received {
        verb: verb.to_owned(),
        path: path.to_owned(),
        headers,
        body: String::from_utf8(body).expect("text"),
    })
}
