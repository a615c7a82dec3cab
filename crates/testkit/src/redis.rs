//! A Redis or Valkey server for each test, and a way to it on which things go wrong.
//!
//! The program is the one `TEST_REDIS_SERVER` names, which `cargo xtask test` sets, or else the
//! first in `PATH`.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::locked;

const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];
const START_LIMIT: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Its standard input ends when this process does, even by `kill -9`; then so does the server.
const WATCHDOG: &str = r#"
"$@" >/dev/null 2>&1 &
server=$!
read -r order
kill -s KILL "$server"
wait "$server" 2>/dev/null
"#;

/// An empty server that forgets everything when it ends.
pub struct RedisServer {
    arguments: Vec<String>,
    port: u16,
    folder: TempDir,
    watchdog: Option<Child>,
}

impl RedisServer {
    /// Starts one on a free port of this machine.
    ///
    /// # Panics
    /// When there is no server program, or it does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A replica that takes no writes; the server that it follows is away.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_replica() -> Self {
        Self::start_with(&["--replicaof", "127.0.0.1", "1"])
    }

    /// One that asks for this password.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_guarded(password: &str) -> Self {
        Self::start_with(&["--requirepass", password])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let folder = TempDir::with_prefix("redis-").unwrap_or_else(|error| panic!("no folder: {error}"));
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Self { arguments, port: free_port(), folder, watchdog: None };
        server.spawn();
        server
    }

    /// Where it listens, as a URL without a password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }

    /// Starts it again on the same port, with nothing in it.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
    }

    /// The first line of the answer to a command.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn command(&self, words: &str) -> String {
        ask(self.address(), words).unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    /// All lines of the answer to a command, for a server that asks for this password.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn command_as(&self, password: &str, words: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap_or_else(|error| panic!("{error}"));
        let mut answer = String::new();
        let orders = format!("AUTH {password}\r\n{words}\r\nQUIT\r\n");
        let answered = stream.write_all(orders.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        answered.unwrap_or_else(|error| panic!("{words}: {error}"));
        answer
    }

    fn spawn(&mut self) {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(program());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(self.folder.path()).args(&self.arguments);
        let spawned = command.stdin(Stdio::piped()).spawn();
        self.watchdog = Some(spawned.unwrap_or_else(|error| panic!("/bin/sh: {error}")));
        let begun = Instant::now();
        // Any answer will do: one that wants a password says so.
        while ask(self.address(), "PING").is_err() {
            assert!(begun.elapsed() < START_LIMIT, "{} does not start", program().display());
            thread::sleep(POLL_EVERY);
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first line of the answer to an inline command.
fn ask(address: SocketAddr, words: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, START_LIMIT)?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    stream.write_all(format!("{words}\r\n").as_bytes())?;
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

fn program() -> PathBuf {
    if let Some(program) = env::var_os("TEST_REDIS_SERVER") {
        return program.into();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = PROGRAMS.iter().find_map(|program| {
        env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
    });
    let Some(found) = found else {
        panic!(
            "neither valkey-server nor redis-server is in PATH: run `cargo xtask test`, which installs one, or set \
             TEST_REDIS_SERVER to the program"
        );
    };
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}

/// What may happen on the way to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTrouble {
    /// What is sent disappears, for ever.
    Hang,
    /// The connection ends at the next thing that is sent.
    Reset,
    /// Whatever is sent is answered by something that is no answer.
    Garbage,
    /// What is sent arrives; the connection ends in the place of the answer.
    LoseAnswer,
}

/// Stands before a server and passes everything on, unless a test says otherwise.
pub struct TroubledLine {
    address: SocketAddr,
    trouble: Arc<Mutex<Option<LineTrouble>>>,
}

impl TroubledLine {
    /// The way to the server at `target`.
    ///
    /// # Panics
    /// When no port can be listened on.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let trouble = Arc::new(Mutex::new(None));
        let planned = trouble.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let planned = planned.clone();
                thread::spawn(move || pass(&client, target, &planned));
            }
        });
        Self { address, trouble }
    }

    /// Where the way begins, as a URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// What happens from now on, on connections there are and on new ones; `None`: nothing.
    pub fn trouble(&self, trouble: Option<LineTrouble>) {
        *locked(&self.trouble) = trouble;
    }
}

/// Passes on what the client sends, and has another thread pass on what the server does.
fn pass(mut client: &TcpStream, target: SocketAddr, trouble: &Arc<Mutex<Option<LineTrouble>>>) {
    let Ok(server) = TcpStream::connect(target) else { return };
    let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let planned = trouble.clone();
    thread::spawn(move || answer(from_server, to_client, &planned));
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = client.read(&mut chunk) {
        let planned = *locked(trouble);
        let passed = match planned {
            Some(LineTrouble::Hang) => Ok(()),
            Some(LineTrouble::Reset) => break,
            Some(LineTrouble::Garbage) => client.write_all(b"<html>busy</html>\r\n"),
            Some(LineTrouble::LoseAnswer) | None => {
                (&server).write_all(chunk.get(..length).unwrap_or_default())
            }
        };
        if passed.is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn answer(mut server: TcpStream, mut client: TcpStream, trouble: &Mutex<Option<LineTrouble>>) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = server.read(&mut chunk) {
        let is_lost = *locked(trouble) == Some(LineTrouble::LoseAnswer);
        if is_lost || client.write_all(chunk.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
