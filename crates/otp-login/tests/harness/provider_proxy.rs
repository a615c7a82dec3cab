//! A provider that does what a test says: passes requests on to the simulator,
//! holds them before or after, answers on its own, or says nothing.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What the service asks of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Start,
    Report,
    Status,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Forward,
    /// Kept; the provider never sees it before it is released.
    HoldRequest,
    /// Done by the provider; its answer is kept.
    HoldAnswer,
    /// Done by the provider; the connection ends without an answer.
    LoseAnswer,
    /// Answered with a status of our own; the provider never sees it.
    Answer(u16),
}

#[derive(Clone, Copy)]
enum Verdict {
    Release,
    Abandon,
}

#[derive(Default)]
struct Script {
    rules: BTreeMap<Operation, Rule>,
    seen: BTreeMap<Operation, u64>,
    held: u64,
    /// How often all that was held was let go, and how at last.
    decisions: u64,
    verdict: Option<Verdict>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    changed: Condvar,
}

/// Stands between the service and the simulator.
pub struct ProviderProxy {
    port: u16,
    shared: Arc<Shared>,
}

impl ProviderProxy {
    /// Listens on a free port.
    pub fn before(simulator: u16) -> Self {
        Self::on(0, simulator)
    }

    /// Listens on `port`.
    pub fn on(port: u16, simulator: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the provider's port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let of_connections = shared.clone();
        // Ends with the test program.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = of_connections.clone();
                thread::spawn(move || shared.serve(connection, simulator));
            }
        });
        Self { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What becomes of requests for `operation` from now on.
    pub fn rule(&self, operation: Operation, rule: Rule) {
        self.shared.lock().rules.insert(operation, rule);
    }

    /// What becomes of every request from now on.
    pub fn rule_all(&self, rule: Rule) {
        for operation in [Operation::Start, Operation::Report, Operation::Status] {
            self.rule(operation, rule);
        }
    }

    /// How many requests for `operation` came.
    pub fn seen(&self, operation: Operation) -> u64 {
        self.shared.lock().seen.get(&operation).copied().unwrap_or(0)
    }

    /// Waits until something is held.
    pub fn wait_until_held(&self) {
        let limit = Duration::from_secs(20);
        let script = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(script, limit, |script| script.held == 0);
        let (script, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "nothing was asked of the provider; seen: {:?}", script.seen);
    }

    /// Lets go on what is held, and all later requests.
    pub fn release(&self) {
        self.rule_all(Rule::Forward);
        self.decide(Verdict::Release);
    }

    /// Forgets what is held, and lets later requests pass.
    pub fn abandon(&self) {
        self.rule_all(Rule::Forward);
        self.decide(Verdict::Abandon);
    }

    fn decide(&self, verdict: Verdict) {
        let mut script = self.shared.lock();
        script.verdict = Some(verdict);
        script.decisions += 1;
        script.held = 0;
        drop(script);
        self.shared.changed.notify_all();
    }
}

impl Drop for ProviderProxy {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut connection: TcpStream, simulator: u16) {
        let Ok((operation, request)) = read_request(&connection) else { return };
        // A test reads what there is, not what went wrong with a connection.
        let _ = self.exchange(&mut connection, operation, &request, simulator);
    }

    fn exchange(
        &self,
        connection: &mut TcpStream,
        operation: Operation,
        request: &[u8],
        simulator: u16,
    ) -> io::Result<()> {
        match self.rule_for(operation) {
            Rule::Forward => connection.write_all(&forward(request, simulator)?),
            Rule::LoseAnswer => forward(request, simulator).map(drop),
            Rule::Answer(status) => connection.write_all(own_answer(status).as_bytes()),
            Rule::HoldRequest => match self.hold() {
                Verdict::Release => connection.write_all(&forward(request, simulator)?),
                Verdict::Abandon => Ok(()),
            },
            Rule::HoldAnswer => {
                let answer = forward(request, simulator)?;
                match self.hold() {
                    Verdict::Release => connection.write_all(&answer),
                    Verdict::Abandon => Ok(()),
                }
            }
        }
    }

    fn rule_for(&self, operation: Operation) -> Rule {
        let mut script = self.lock();
        *script.seen.entry(operation).or_default() += 1;
        script.rules.get(&operation).copied().unwrap_or(Rule::Forward)
    }

    fn hold(&self) -> Verdict {
        let mut script = self.lock();
        script.held += 1;
        let decided_before = script.decisions;
        self.changed.notify_all();
        let undecided = |script: &mut Script| script.decisions == decided_before;
        let script = self.changed.wait_while(script, undecided).unwrap_or_else(PoisonError::into_inner);
        script.verdict.unwrap_or(Verdict::Abandon)
    }
}

/// A whole request, as it goes on to the simulator.
fn read_request(connection: &TcpStream) -> io::Result<(Operation, Vec<u8>)> {
    let mut reader = BufReader::new(connection);
    let mut request = Vec::new();
    reader.read_until(b'\n', &mut request)?;
    let operation = match request.first() {
        Some(b'G') => Operation::Status,
        Some(b'P') if request.starts_with(b"PUT") => Operation::Report,
        Some(b'P') => Operation::Start,
        _ => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    request.extend_from_slice(b"connection: close\r\n");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if !lower.starts_with("connection:") {
            request.extend_from_slice(line.as_bytes());
        }
        if line == "\r\n" || line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.extend(body);
    Ok((operation, request))
}

fn forward(request: &[u8], simulator: u16) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, simulator))?;
    upstream.write_all(request)?;
    let mut answer = Vec::new();
    // A simulator that plays a lost connection resets it; what came, came.
    let _ = upstream.read_to_end(&mut answer);
    Ok(answer)
}

fn own_answer(status: u16) -> String {
    format!(
        "HTTP/1.1 {status} Because\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    )
}
