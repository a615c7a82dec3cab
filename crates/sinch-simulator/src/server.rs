//! The simulator as a server: bound, run, stopped.

use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use actix_web::{App, HttpServer, web};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::exchange::Exchange;
use crate::http;
use crate::settings::Settings;

/// Connections at a time; each costs memory.
const MOST_CONNECTIONS: usize = 512;

/// Seconds that answers in flight get when the simulator stops.
const GRACE: u64 = 2;

/// A simulator that owns its address but does not answer yet; connections wait
/// until it runs.
pub struct Simulator {
    exchange: web::Data<Exchange>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Simulator {
    /// Takes `address`; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address is taken, or a setting cannot work (`InvalidInput`).
    pub fn bind(settings: Settings, address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::on(settings, TcpListener::bind(address)?)
    }

    /// Takes over a listener.
    ///
    /// # Errors
    /// When a setting cannot work (`InvalidInput`).
    pub fn on(settings: Settings, listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let base_url = settings.public_url.clone().unwrap_or_else(|| base_url(address));
        let exchange = Exchange::new(settings, base_url.trim_end_matches('/').to_owned())?;
        Ok(Self { exchange: web::Data::new(exchange), listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached from this machine, without a slash at the end.
    pub fn base_url(&self) -> String {
        base_url(self.address)
    }

    /// Answers until the task is dropped.
    ///
    /// # Errors
    /// When the server cannot start.
    pub async fn run(self) -> io::Result<()> {
        self.run_until(pending()).await
    }

    /// Answers until `stop` is ready, then finishes what is in flight, for at
    /// most two seconds. Handles no signals. Needs a Tokio or actix runtime;
    /// requests are served by one thread of its own.
    ///
    /// # Errors
    /// When the server cannot start.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let exchange = self.exchange;
        let app = move || {
            App::new()
                .wrap(http::method_not_allowed())
                .wrap(http::security_headers())
                .app_data(exchange.clone())
                .configure(http::routes)
        };
        let server = HttpServer::new(app)
            .workers(1)
            .worker_max_blocking_threads(1)
            .max_connections(MOST_CONNECTIONS)
            .shutdown_timeout(GRACE)
            .disable_signals()
            .listen(self.listener)?
            .run();
        let handle = server.handle();
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return ended,
            () = stop => {}
        }
        let ((), ended) = tokio::join!(handle.stop(true), server);
        ended
    }

    /// Runs in the background of the current Tokio runtime.
    pub fn spawn(self) -> RunningSimulator {
        let address = self.address;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(self.run_until(async move {
            // An error means that the handle is gone, which stops it too.
            let _ = stopped.await;
        }));
        RunningSimulator { address, stop, task }
    }
}

/// A simulator in the background; dropping this stops it.
pub struct RunningSimulator {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl RunningSimulator {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached from this machine, without a slash at the end.
    pub fn base_url(&self) -> String {
        base_url(self.address)
    }

    /// Stops it and waits for what is in flight, at most two seconds.
    ///
    /// # Errors
    /// When the server could not start or panicked.
    pub async fn stop(self) -> io::Result<()> {
        // An error means that it has ended already.
        let _ = self.stop.send(());
        self.task.await.map_err(io::Error::other)?
    }
}

/// An address that listens everywhere is reached on loopback.
fn base_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}
