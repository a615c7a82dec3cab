//! A way to `PostgreSQL` that can be cut, can hang, and counts round trips.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio_postgres::config::{Config, Host};

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Way {
    #[default]
    Open,
    /// Connections are taken and nothing moves.
    Silent,
    /// Connections end at once.
    Cut,
}

#[derive(Default)]
struct State {
    way: Way,
    round_trips: u64,
    statements: Vec<String>,
    connections: Vec<Socket>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Listens in the place of a `PostgreSQL` server.
pub struct DatabaseProxy {
    url: String,
    shared: Arc<Shared>,
}

/// A password that the server does not ask for and that nothing may print.
pub const PASSWORD_IN_URL: &str = "hunter2-of-the-database";

impl DatabaseProxy {
    /// Stands before the server of `url`.
    pub fn before(url: &str) -> Self {
        let config: Config = url.parse().expect("a PostgreSQL address");
        let server = Server::of(&config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let of_connections = shared.clone();
        // Ends with the test program.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                of_connections.take(client, &server);
            }
        });
        let user = config.get_user().unwrap_or("postgres");
        let password = config.get_password().map_or(PASSWORD_IN_URL.into(), String::from_utf8_lossy);
        let database = config.get_dbname().unwrap_or("postgres");
        let url = format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}");
        Self { url, shared }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection, and each new one at once.
    pub fn cut(&self) {
        self.go(Way::Cut);
        self.shared.end_connections();
    }

    /// Lets nothing pass in either direction, on new connections neither.
    pub fn silence(&self) {
        self.go(Way::Silent);
    }

    /// Lets everything pass; what was held is delivered late.
    pub fn open(&self) {
        self.go(Way::Open);
    }

    /// As if the server had never seen what was held.
    pub fn open_anew(&self) {
        self.cut();
        self.open();
    }

    /// How often the client sent something and waited for an answer: simple
    /// queries and Sync messages.
    pub fn round_trips(&self) -> u64 {
        self.shared.lock().round_trips
    }

    /// Starts of the statements that were prepared or sent as text.
    pub fn statements(&self) -> Vec<String> {
        self.shared.lock().statements.clone()
    }

    fn go(&self, way: Way) {
        self.shared.lock().way = way;
        self.shared.changed.notify_all();
    }
}

impl Drop for DatabaseProxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, client: TcpStream, server: &Server) {
        if self.lock().way == Way::Cut {
            return;
        }
        let (client, Ok(server)) = (Socket::Tcp(client), server.connect()) else { return };
        let (Ok(from_client), Ok(from_server)) = (client.again(), server.again()) else { return };
        self.lock().connections.extend(client.again().into_iter().chain(server.again()));
        let (there, back) = (self.clone(), self.clone());
        thread::spawn(move || there.relay(from_client, server, Some(Messages::default())));
        thread::spawn(move || back.relay(from_server, client, None));
    }

    fn relay(&self, mut from: Socket, mut to: Socket, mut messages: Option<Messages>) {
        let mut chunk = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            let bytes = &chunk[..length];
            if let Some(messages) = &mut messages {
                self.count(messages.take(bytes));
            }
            if !self.may_pass() || to.write_all(bytes).is_err() {
                break;
            }
        }
        from.end();
        to.end();
    }

    fn count(&self, messages: Vec<(u8, Vec<u8>)>) {
        let mut state = self.lock();
        for (kind, body) in messages {
            state.round_trips += u64::from(matches!(kind, b'S' | b'Q'));
            if matches!(kind, b'P' | b'Q') {
                let text: String = String::from_utf8_lossy(&body).chars().take(160).collect();
                state.statements.push(text);
            }
        }
    }

    /// Waits while the way is silent; false when it is cut.
    fn may_pass(&self) -> bool {
        let silent = |state: &mut State| state.way == Way::Silent;
        let state = self.changed.wait_while(self.lock(), silent).unwrap_or_else(PoisonError::into_inner);
        state.way == Way::Open
    }

    fn end_connections(&self) {
        for connection in self.lock().connections.drain(..) {
            connection.end();
        }
    }
}

/// Splits what a client sends into messages (`PostgreSQL` protocol 3.0 §54.7):
/// the first has no kind, each other one begins with it.
#[derive(Default)]
struct Messages {
    begun: bool,
    rest: Vec<u8>,
}

impl Messages {
    fn take(&mut self, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        self.rest.extend_from_slice(bytes);
        let mut messages = Vec::new();
        loop {
            let kind_length = usize::from(self.begun);
            let Some(length) = self.rest.get(kind_length..kind_length + 4) else { return messages };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            let whole = kind_length + length;
            if self.rest.len() < whole {
                return messages;
            }
            let message: Vec<u8> = self.rest.drain(..whole).collect();
            if self.begun {
                messages.push((message[0], message[5..].to_vec()));
            }
            self.begun = true;
        }
    }
}

enum Server {
    Unix(PathBuf),
    Tcp(String, u16),
}

impl Server {
    fn of(config: &Config) -> Self {
        let port = config.get_ports().first().copied().unwrap_or(5432);
        match config.get_hosts().first() {
            Some(Host::Unix(folder)) => Self::Unix(folder.join(format!(".s.PGSQL.{port}"))),
            Some(Host::Tcp(name)) => Self::Tcp(name.clone(), port),
            None => Self::Tcp("localhost".to_owned(), port),
        }
    }

    fn connect(&self) -> io::Result<Socket> {
        match self {
            Self::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
            Self::Tcp(name, port) => TcpStream::connect((name.as_str(), *port)).map(Socket::Tcp),
        }
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn again(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    fn end(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
