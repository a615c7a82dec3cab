//! Connections: encrypted where the server is not this machine, bounded in
//! number and time.

use std::{sync::Arc, time::Duration};

use deadpool::Runtime;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) type Connection = AsyncPgConnection;
pub(crate) type Pool = deadpool::managed::Pool<AsyncDieselConnectionManager<AsyncPgConnection>>;

pub(crate) type PooledConnection = deadpool::managed::Object<AsyncDieselConnectionManager<AsyncPgConnection>>;

/// How long to wait for a place in the pool, and for a new connection.
const WAIT: Duration = Duration::from_secs(3);

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct Settings {
    config: Config,
    tls: Option<Arc<ClientConfig>>,
    /// Of each thread's pool.
    max_connections: usize,
    pub(crate) threads: usize,
}

/// The database address cannot be used. The text never repeats it, because
/// addresses hold passwords.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "the address is not understood; write postgres://user:password@host:5432/database?sslmode=verify-full"
    )]
    Address,
    #[error("sslmode is one of disable, prefer, require, verify-ca, verify-full")]
    SslMode,
    #[error("the certificates of sslrootcert cannot be read: {0}")]
    RootCertificates(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the pool cannot be set up: {0}")]
    Pool(String),
}

impl Settings {
    /// Reads an address of the form `postgres://…`.
    ///
    /// `sslmode` is that of libpq with one difference: whenever TLS is used,
    /// the server's certificate and name are verified. Without it, TLS is
    /// required of every server that is not this machine. `sslrootcert` names
    /// a PEM file of a private authority. `max_connections` are shared out among
    /// `threads` threads, each of which gets one at least.
    pub fn parse(url: &str, max_connections: usize, threads: usize) -> Result<Self, ConnectError> {
        let (url, options) = TlsOptions::split_from(url);
        let mut config: Config = url.parse().map_err(|_| ConnectError::Address)?;
        let encrypt = options.encrypt(&config)?;
        config
            .ssl_mode(if encrypt { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(WAIT)
            .tcp_user_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(30))
            .application_name("otp-login")
            .options("-c statement_timeout=5000 -c lock_timeout=2000 -c timezone=UTC");
        let tls = if encrypt { Some(Arc::new(options.client_config()?)) } else { None };
        let threads = threads.max(1);
        Ok(Self { config, tls, max_connections: (max_connections / threads).max(1), threads })
    }
}

#[derive(Default)]
struct TlsOptions {
    mode: Option<String>,
    root_certificates: Option<String>,
}

impl TlsOptions {
    /// Takes the TLS options out of an address: the driver knows too few of them.
    fn split_from(url: &str) -> (String, Self) {
        let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), Self::default()) };
        let mut options = Self::default();
        let mut rest: Vec<&str> = Vec::new();
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
                Some(("sslrootcert", path)) => options.root_certificates = Some(path.replace("%2F", "/")),
                _ => rest.push(pair),
            }
        }
        let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        (url, options)
    }

    fn encrypt(&self, config: &Config) -> Result<bool, ConnectError> {
        match self.mode.as_deref() {
            Some("disable") => Ok(false),
            Some("require" | "verify-ca" | "verify-full") => Ok(true),
            Some("prefer") | None => Ok(!config.get_hosts().iter().all(is_this_machine)),
            Some(_) => Err(ConnectError::SslMode),
        }
    }

    fn client_config(&self) -> Result<ClientConfig, ConnectError> {
        let builder = ClientConfig::builder();
        let Some(path) = &self.root_certificates else {
            return Ok(builder.with_platform_verifier()?.with_no_client_auth());
        };
        let unreadable = |error: &dyn std::fmt::Display| ConnectError::RootCertificates(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            roots.add(certificate.map_err(|error| unreadable(&error))?)?;
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn is_this_machine(host: &tokio_postgres::config::Host) -> bool {
    match host {
        tokio_postgres::config::Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        tokio_postgres::config::Host::Unix(_) => true,
    }
}

pub(crate) fn pool(settings: Arc<Settings>) -> Result<Pool, ConnectError> {
    let max_connections = settings.max_connections;
    let mut config = ManagerConfig::default();
    // Lost connections are noticed without asking before each statement.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let settings = settings.clone();
        Box::pin(async move { connect(&settings).await })
    });
    Pool::builder(AsyncDieselConnectionManager::new_with_config("", config))
        .max_size(max_connections)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| ConnectError::Pool(error.to_string()))
}

pub(crate) async fn connect(settings: &Settings) -> ConnectionResult<AsyncPgConnection> {
    let failed = |error: tokio_postgres::Error| ConnectionError::BadConnection(describe(&error));
    match &settings.tls {
        None => {
            let (client, connection) = settings.config.connect(NoTls).await.map_err(failed)?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await
        }
        Some(tls) => {
            let connector = MakeRustlsConnect::new(ClientConfig::clone(tls));
            let (client, connection) = settings.config.connect(connector).await.map_err(failed)?;
            AsyncPgConnection::try_from_client_and_connection(client, connection).await
        }
    }
}

/// The whole chain: the driver's own text is only "error connecting to server".
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(url: &str) -> bool {
        Settings::parse(url, 1, 1).unwrap().tls.is_some()
    }

    #[test]
    fn asvs_12_3_1_servers_elsewhere_are_always_spoken_to_in_tls() {
        assert!(encrypted("postgres://u:p@db.example.com/x"));
        assert!(encrypted("postgres://u:p@10.0.0.1/x?sslmode=prefer"));
        assert!(encrypted("postgres://u:p@localhost/x?sslmode=verify-full"));
        assert!(!encrypted("postgres://u:p@localhost/x"));
        assert!(!encrypted("postgres:///x?host=/run/postgresql&user=u"));
        assert!(!encrypted("postgres://u:p@db.example.com/x?sslmode=disable"));
    }

    #[test]
    fn a_wrong_address_is_refused_without_repeating_it() {
        for url in [
            "postgres://u:secret@host:notaport/x",
            "postgres://u:secret@h/x?sslmode=maybe",
            "postgres://u:secret@h/x?sslrootcert=/nowhere.pem",
        ] {
            let Err(error) = Settings::parse(url, 1, 1) else { panic!("{url} was accepted") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
