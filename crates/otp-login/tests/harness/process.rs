//! The binary as a command, and the simulator as a process that outlives the
//! service.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Request;
use super::world::eventually;

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_otp-login")
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The binary in `folder`, with no other variables than `variables`.
pub fn command(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Stdout of a command that must have gone well.
    pub fn good(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }
}

/// Runs a command to its end, which comes soon.
pub fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut child = command(folder, variables, arguments).spawn().expect("the binary runs");
    let (stdout, stderr) = (collected(child.stdout.take()), collected(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(20) {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: JoinHandle<String>| reader.join().expect("a reader that ends");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn collected(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.expect("a pipe").read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `otp-login simulator`; killed when this value goes.
pub struct SimulatorProcess {
    child: Child,
    port: u16,
}

impl SimulatorProcess {
    pub fn start() -> Self {
        let port = free_port();
        let folder = std::env::temp_dir();
        let text = port.to_string();
        let mut command = command(&folder, &[("OTP_LOGIN__SIMULATOR__PORT", &text)], &["simulator"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the simulator runs");
        let simulator = Self { child, port };
        eventually("the simulator answers", || {
            Request::get(simulator.url("/about")).send().is_ok_and(|reply| reply.status == 200)
        });
        simulator
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The codes that arrived at `number`, newest first.
    pub fn codes(&self, number: &str) -> Vec<String> {
        let body = self.get(&format!("/inbox?number={}", number.replace('+', "%2B")));
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["code"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// How often `number` was asked for: `starts`, `messages`, `reports` or `statuses`.
    pub fn count(&self, number: &str, what: &str) -> u64 {
        let body = self.get(&format!("/requests?number={}", number.replace('+', "%2B")));
        body["requests"].as_array().and_then(|all| all.first()?[what].as_u64()).unwrap_or(0)
    }

    fn get(&self, path: &str) -> Value {
        Request::get(self.url(path)).send().expect("the simulator answers").json()
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
