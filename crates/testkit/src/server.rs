//! The real service as a process, on free ports and in a fresh folder.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A start takes a second; an unoptimised build on a busy machine takes many.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Longer than the service may take for what is in flight.
const STOP_LIMIT: Duration = Duration::from_secs(45);
const POLL_EVERY: Duration = Duration::from_millis(20);
const KEPT_VARIABLES: [&str; 3] = ["PATH", "HOME", "TEST_DATABASE_URL"];

/// How to start the service.
#[derive(Clone)]
pub struct Launch {
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// Starts nothing yet. Pass `env!("CARGO_BIN_EXE_otp-login")`.
    pub fn of(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable; the service sees no others than these, its ports, `PATH`,
    /// `HOME` and `TEST_DATABASE_URL`. A port set here wins over the one chosen.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the service and waits until `GET /health` answers 200.
    ///
    /// # Panics
    /// With the service's output when it ends, or is not healthy within a minute.
    pub fn start(&self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err(refusal) => panic!("the service did not start ({}):\n{}", refusal.status, refusal.output),
        }
    }

    /// As [`Launch::start`] for tests of a start that must fail.
    ///
    /// # Errors
    /// [`Refusal`] when the process ends before it is healthy.
    ///
    /// # Panics
    /// When it neither ends nor is healthy within a minute.
    pub fn try_start(&self) -> Result<Server, Refusal> {
        self.start_once().or_else(|refusal| {
            if refusal.lost_a_port {
                return self.start_once();
            }
            Err(refusal)
        })
    }

    fn start_once(&self) -> Result<Server, Refusal> {
        let folder = TempDir::with_prefix("otp-login-").unwrap_or_else(|error| panic!("no folder: {error}"));
        let ports = Ports::free().unwrap_or_else(|error| panic!("no free ports: {error}"));
        let process = Process::spawn(&self.command(&ports, folder.path()));
        let mut server = Server { launch: self.clone(), ports, folder, process };
        server.wait_until_healthy().map(|()| server)
    }

    fn command(&self, ports: &Ports, folder: &Path) -> impl Fn() -> Command {
        let (launch, ports, folder) = (self.clone(), *ports, folder.to_owned());
        move || {
            let mut command = Command::new(&launch.binary);
            command
                .args(&launch.arguments)
                .current_dir(&folder)
                .env_clear()
                .envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
                .env("OTP_LOGIN__SERVER__PORT", ports.server.to_string())
                .env("OTP_LOGIN__SERVER__METRICS_PORT", ports.metrics.to_string())
                .env("OTP_LOGIN__SIMULATOR__PORT", ports.simulator.to_string())
                .envs(launch.environment.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command
        }
    }
}

/// A start that ended before the service was healthy.
#[derive(Debug)]
pub struct Refusal {
    /// How the process ended.
    pub status: ExitStatus,
    /// What it wrote to stdout and stderr.
    pub output: String,
    lost_a_port: bool,
}

/// A running service; it is killed when this value goes.
pub struct Server {
    launch: Launch,
    ports: Ports,
    folder: TempDir,
    process: Process,
}

impl Server {
    /// Where the service answers, without a slash at the end.
    pub fn url(&self) -> String {
        url_of(self.ports.server)
    }

    /// Where the embedded simulator answers, without a slash at the end.
    pub fn simulator_url(&self) -> String {
        url_of(self.ports.simulator)
    }

    /// Where `/metrics` answers, without a slash at the end.
    pub fn metrics_url(&self) -> String {
        url_of(self.ports.metrics)
    }

    /// The working directory: empty at the first start, gone with this value.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the service has written to stdout and stderr so far, over all starts.
    /// Complete only once it has ended: what is just written may still be on its way.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Ends the service as a power cut would (SIGKILL), and waits for it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks the service to end (SIGTERM) without waiting.
    pub fn request_stop(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Asks the service to end (SIGTERM), and waits for it.
    ///
    /// # Panics
    /// With the service's output when it has not ended after 45 seconds.
    pub fn stop(&mut self) -> ExitStatus {
        self.request_stop();
        self.wait()
    }

    /// Waits until the service has ended.
    ///
    /// # Panics
    /// As [`Server::stop`].
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.ended() {
                return status;
            }
            assert!(begun.elapsed() < STOP_LIMIT, "the service does not end:\n{}", self.output());
            thread::sleep(POLL_EVERY);
        }
    }

    /// Ends the service as [`Server::kill`] does and starts it again with the same
    /// variables, ports and folder.
    ///
    /// # Panics
    /// As [`Launch::start`].
    pub fn restart(&mut self) {
        self.kill();
        let earlier = Arc::clone(&self.process.output);
        self.process = Process::spawn_after(earlier, &self.launch.command(&self.ports, self.folder.path()));
        if let Err(refusal) = self.wait_until_healthy() {
            panic!("the service did not start again ({}):\n{}", refusal.status, refusal.output);
        }
    }

    fn wait_until_healthy(&mut self) -> Result<(), Refusal> {
        let begun = Instant::now();
        loop {
            // A stranger may have taken the port and answer in the service's place,
            // so an answer counts only from a process that lives.
            let healthy = self.is_healthy();
            if let Some(status) = self.process.ended() {
                return Err(Refusal { status, output: self.output(), lost_a_port: self.ports.taken() });
            }
            if healthy {
                return Ok(());
            }
            assert!(begun.elapsed() < START_LIMIT, "the service is not healthy:\n{}", self.output());
            thread::sleep(POLL_EVERY);
        }
    }

    fn is_healthy(&self) -> bool {
        answers_200(self.ports.server, "/health").unwrap_or(false)
    }
}

/// A child process and what it writes; killed when this value goes.
struct Process {
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    fn spawn(command: &impl Fn() -> Command) -> Self {
        Self::spawn_after(Arc::default(), command)
    }

    fn spawn_after(output: Arc<Mutex<Vec<u8>>>, command: &impl Fn() -> Command) -> Self {
        let mut command = command();
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", command.get_program().display()));
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| collect(pipe, &output)));
        readers.extend(child.stderr.take().map(|pipe| collect(pipe, &output)));
        Self { child, output, readers }
    }

    fn output(&self) -> String {
        let bytes = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How the process ended, with all its output read; none while it runs.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten()?;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Some(status)
    }

    fn signal(&self, signal: Signal) {
        // The child is not reaped while it is borrowed, so the id is still its own
        // or, after its end, is known to have none.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.ended();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(mut pipe: impl Read + Send + 'static, output: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.extend(chunk.iter().take(length));
        }
    })
}

#[derive(Clone, Copy)]
struct Ports {
    server: u16,
    metrics: u16,
    simulator: u16,
}

impl Ports {
    /// Three ports that nobody listens on at this moment. The sockets are held
    /// together, or the system might give the same port twice.
    fn free() -> io::Result<Self> {
        let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (server, metrics, simulator) = (any()?, any()?, any()?);
        Ok(Self {
            server: server.local_addr()?.port(),
            metrics: metrics.local_addr()?.port(),
            simulator: simulator.local_addr()?.port(),
        })
    }

    /// Whether somebody listens on one of them.
    fn taken(self) -> bool {
        [self.server, self.metrics, self.simulator]
            .iter()
            .any(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err())
    }
}

fn url_of(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn answers_200(port: u16, path: &str) -> io::Result<bool> {
    let patience = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut status_line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status_line)?;
    Ok(&status_line == b"HTTP/1.1 200")
}
