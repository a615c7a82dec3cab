//! Settings, read once and checked whole before anything starts.

mod blocklist;
mod channels;
mod database;
mod keys;
mod layers;
mod limits;
mod outbox;
#[cfg(feature = "passkeys")]
mod passkeys;
mod providers;
mod reader;
mod routing;
mod shield;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZero,
    sync::Arc,
    time::Duration,
};

use adapters_crypto::{DataKey, HashedApiKeys, HasherSettings, JwtKey};
use domain::{
    ChallengePolicy, Channel, ChannelPolicy, CodeFailures, CountryCode, DestinationPolicy, DevicePolicy,
    InvalidPhoneNumber, PasswordPolicy, ProductName, Quota, Quotas, SessionPolicy, Shield, SigningAlgorithm,
    SigningKeyPolicy,
};
use http_actix::{HttpSettings, Origin};
use ipnet::IpNet;
use jiff::SignedDuration;
use reader::Reader;
pub(crate) use reader::{Problem, Shown, variable};

pub(crate) use self::{
    database::DatabaseSettings,
    layers::load_env_file,
    limits::LimitSettings,
    outbox::OutboxSettings,
    providers::{GatewaySettings, ProviderSettings, SelfIssuedSettings},
    routing::{ProviderName, Routing},
    shield::PriceSettings,
};
use crate::cli::{Configuration, Environment};

/// Everything that the service is told, in the types of whoever needs it.
pub(crate) struct Settings {
    pub(crate) environment: Environment,
    pub(crate) address: SocketAddr,
    /// Where metrics are served.
    pub(crate) metrics_address: SocketAddr,
    pub(crate) http: HttpSettings,
    pub(crate) database: DatabaseSettings,
    /// Where the simulator listens, within the service or alone.
    pub(crate) simulator_address: SocketAddr,
    /// Whether it runs within the service.
    pub(crate) simulator_within: bool,
    /// Whether it calls the service back.
    pub(crate) simulator_calls_back: bool,
    /// Checked if Sinch is a provider; the simulator has them, too.
    pub(crate) sinch: adapters_sinch::Settings,
    /// At least one, those asked for most numbers first.
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) routing: Routing,
    pub(crate) outbox: OutboxSettings,
    pub(crate) hasher: HasherSettings,
    pub(crate) data_key: DataKey,
    /// Of stored secrets that are still opened.
    pub(crate) previous_data_keys: Vec<DataKey>,
    pub(crate) jwt: JwtSettings,
    /// Keys of services that may ask about tokens.
    pub(crate) introspection_keys: HashedApiKeys,
    /// `None` where passkeys are off.
    #[cfg(feature = "passkeys")]
    pub(crate) passkeys: Option<adapters_webauthn::RelyingParty>,
    pub(crate) challenges: ChallengePolicy,
    pub(crate) sessions: SessionPolicy,
    /// `None` when devices are not remembered.
    pub(crate) devices: Option<DevicePolicy>,
    /// How long security events are kept.
    /// Whether a code alone signs in.
    pub(crate) passwordless: bool,
    pub(crate) event_retention: SignedDuration,
    /// How long traces and figures of messages are kept.
    pub(crate) trace_retention: SignedDuration,
    pub(crate) quotas: Quotas,
    pub(crate) limits: LimitSettings,
    pub(crate) destinations: DestinationPolicy,
    pub(crate) shield: Arc<Shield>,
    pub(crate) prices: PriceSettings,
    pub(crate) log: LogSettings,
    /// `None`: there is no admin API.
    pub(crate) admin_keys: Option<HashedApiKeys>,
    /// What is allowed but should be looked at.
    pub(crate) warnings: Vec<String>,
    pub(crate) shown: Vec<Shown>,
}

/// How access tokens are signed and what they say of us.
pub(crate) struct JwtSettings {
    pub(crate) keys: SigningKeySource,
    pub(crate) policy: SigningKeyPolicy,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

/// Where the keys that sign access tokens come from.
pub(crate) enum SigningKeySource {
    /// From `setting`, and whoever set it replaces it.
    Configured { key: JwtKey, setting: &'static str },
    /// From the database, where the service makes and replaces them.
    Stored(SigningAlgorithm),
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Pretty,
    Json,
}

/// The settings cannot be used: everything that is wrong with them.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The configuration cannot be used:")?;
        for Problem { variable, what } in &self.0 {
            writeln!(f, "  {variable}: {what}")?;
        }
        write!(
            f,
            "Nothing was started. `otp-login config show` prints every setting and where it comes from."
        )
    }
}

impl Settings {
    /// Reads and checks every setting.
    pub(crate) fn load(flags: &Configuration) -> Result<Self, Problems> {
        let unreadable = |error: config::ConfigError| {
            Problems(vec![Problem { variable: "configuration files".to_owned(), what: error.to_string() }])
        };
        if let Some(problem) = layers::missing_folder(flags) {
            return Err(Problems(vec![problem]));
        }
        let layers = layers::stack(flags).map_err(unreadable)?;
        Self::read(Reader::new(&layers).map_err(unreadable)?, flags.environment)
    }

    fn read(mut values: Reader, environment: Environment) -> Result<Self, Problems> {
        let reader = &mut values;
        let production = environment == Environment::Production;
        let mut warnings = Vec::new();
        let address = address(reader, "server");
        let metrics_address = listener(reader, "server.metrics_host", "server.metrics_port");
        let (simulator_address, simulator_within) = simulator(reader, production);
        let simulator = simulator_within.then_some(simulator_address);
        let routing = Routing::read(reader);
        let provider_names = routing.names();
        let sinch = sinch(reader, production, simulator, provider_names.contains(&ProviderName::Sinch));
        let data_key = keys::data_key(reader, production);
        let product = product(reader);
        let outbox = outbox::read(reader, production, simulator, (&product, sinch.timeout), &mut warnings);
        let channels = channels::read(reader, &routing);
        let sms = outbox.sms.as_ref();
        let providers = providers::read(reader, production, &provider_names, &product, sms, &mut warnings);
        let (introspection_keys, introspection_allow) = introspection(reader);
        let http = HttpSettings { introspection_allow, ..http(reader, simulator) };
        let sessions = sessions(reader, production);
        let shield = shield::read(reader);
        let settings = Self {
            environment,
            address,
            metrics_address,
            // The server's threads, and the two that keep house and tell of events.
            database: database::read(reader, production, http.workers + 2),
            simulator_address,
            simulator_within,
            simulator_calls_back: reader.flag("simulator.callbacks"),
            sinch,
            providers,
            routing,
            outbox,
            hasher: hasher(reader, production, &data_key),
            jwt: keys::jwt(reader, production, &data_key, sessions.access_ttl),
            introspection_keys,
            limits: limits::read(reader, environment, &http, &data_key, &mut warnings),
            data_key,
            previous_data_keys: keys::previous_data_keys(reader, production),
            #[cfg(feature = "passkeys")]
            passkeys: passkeys::read(reader, production, address.port()),
            challenges: challenges(reader, production),
            passwordless: reader.flag("otp.passwordless"),
            devices: devices(reader, sessions.reuse_leeway),
            sessions,
            event_retention: SignedDuration::from_hours(
                24 * reader.number("events.retention_days", 30..=3650),
            ),
            trace_retention: SignedDuration::from_hours(
                24 * reader.number("delivery.retention_days", 1..=90),
            ),
            quotas: quotas(reader, production),
            destinations: destinations(reader, production, channels, &mut warnings),
            prices: shield::prices(reader, &shield.budget),
            shield: Arc::new(shield),
            log: log(reader),
            admin_keys: keys::admin(reader),
            http,
            warnings: Vec::new(),
            shown: Vec::new(),
        };
        if settings.admin_keys.is_some()
            && settings.http.admin_networks.iter().any(|net| net.prefix_len() == 0)
        {
            warnings.push(
                "OTP_LOGIN__ADMIN__ALLOW allows every address: only the key guards the admin API".to_owned(),
            );
        }
        #[cfg(not(feature = "passkeys"))]
        for key in ["passkeys.rp_id", "passkeys.rp_name", "passkeys.origins"] {
            reader.text(key);
        }
        #[cfg(feature = "passkeys")]
        if production && settings.passkeys.is_none() {
            warnings.push(
                "passkeys are off: name the domain that they shall belong to in OTP_LOGIN__PASSKEYS__RP_ID"
                    .to_owned(),
            );
        }
        if production && settings.http.trusted_proxies.is_empty() {
            warnings.push(
                "no trusted proxy is set: put a TLS proxy in front and name it in OTP_LOGIN__SERVER__TRUSTED_PROXIES"
                    .to_owned(),
            );
        }
        let (problems, shown) = values.finish();
        if problems.is_empty() { Ok(Self { warnings, shown, ..settings }) } else { Err(Problems(problems)) }
    }
}

fn address(reader: &mut Reader, section: &str) -> SocketAddr {
    listener(reader, &format!("{section}.host"), &format!("{section}.port"))
}

fn listener(reader: &mut Reader, host: &str, port: &str) -> SocketAddr {
    let instead = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let host = reader.parsed(host, instead, |text| match text {
        "localhost" => Ok(instead),
        text => text.parse().map_err(|_| "write an address such as 127.0.0.1, 0.0.0.0 or ::"),
    });
    SocketAddr::new(host, reader.number(port, 0..=u16::MAX))
}

fn simulator(reader: &mut Reader, production: bool) -> (SocketAddr, bool) {
    let words = [("true", Some(true)), ("false", Some(false)), ("auto", None)];
    let wish = reader.one_of("simulator.enabled", &words, production.then_some(false));
    let address = address(reader, "simulator");
    let enabled = wish.unwrap_or_else(|| !reader.is_set("sinch.application_key"));
    if enabled && production {
        reader.problem(
            "simulator.enabled",
            "the simulator shows every code to everyone; production accepts false",
        );
    }
    (address, enabled)
}

/// What messages call us.
fn product(reader: &mut Reader) -> ProductName {
    let product = reader.parsed("server.product_name", None, |text| ProductName::parse(text).map(Some));
    product.unwrap_or_else(ProductName::ours)
}

/// Mistakes are told if Sinch is a provider.
fn sinch(
    reader: &mut Reader,
    production: bool,
    simulator: Option<SocketAddr>,
    is_provider: bool,
) -> adapters_sinch::Settings {
    let development = !production;
    let base_url = match (reader.text("sinch.base_url"), simulator) {
        (url, _) if !url.is_empty() => url,
        (_, Some(simulator)) => format!("http://{}", reachable(simulator)),
        (_, None) => adapters_sinch::SINCH_BASE_URL.to_owned(),
    };
    let elsewhere = base_url == adapters_sinch::SINCH_BASE_URL;
    let mut key = reader.text("sinch.application_key");
    let mut secret = reader.secret("sinch.application_secret");
    if is_provider && (production || elsewhere) {
        refuse_public(reader, &key, &secret);
    }
    if development && !elsewhere {
        if key.is_empty() {
            sinch_simulator::DEVELOPMENT_KEY.clone_into(&mut key);
        }
        if secret.is_empty() {
            sinch_simulator::DEVELOPMENT_SECRET.clone_into(&mut secret);
        }
    }
    let mut settings = adapters_sinch::Settings::new(base_url, key, secret.into());
    let words = [("signed", adapters_sinch::Auth::Signed), ("basic", adapters_sinch::Auth::Basic)];
    settings.auth = reader.one_of("sinch.auth", &words, adapters_sinch::Auth::Signed);
    settings.callback_path = reader.text("sinch.callback_path");
    settings.timeout = Duration::from_millis(reader.number("sinch.timeout_ms", 100..=60_000));
    settings.allow_plain_http = development;
    let problems = if is_provider { settings.problems() } else { Vec::new() };
    for problem in problems {
        let text = problem.to_string();
        let (key, what) = text.split_once(": ").unwrap_or(("sinch.base_url", &text));
        reader.problem(key, what);
    }
    settings
}

/// Whoever knows them could read or forge every request.
fn refuse_public(reader: &mut Reader, key: &str, secret: &str) {
    let what = "this is the simulator's and public; set your own from the Sinch dashboard";
    if key == sinch_simulator::DEVELOPMENT_KEY {
        reader.problem("sinch.application_key", what);
    }
    if secret == sinch_simulator::DEVELOPMENT_SECRET {
        reader.problem("sinch.application_secret", what);
    }
}

/// Where a listener on every address is reached from this machine.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
        }
        ip if ip.is_unspecified() => SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}

fn http(reader: &mut Reader, simulator: Option<SocketAddr>) -> HttpSettings {
    let defaults = HttpSettings::default();
    let workers: usize = reader.number("server.workers", 0..=1024);
    let workers = if workers == 0 { defaults.workers } else { workers };
    let connections: usize = reader.number("server.max_connections", 1..=1_000_000);
    HttpSettings {
        trusted_proxies: reader.list("server.trusted_proxies", network),
        admin_networks: admin_networks(reader),
        cors_origins: reader.list("server.cors_origins", Origin::parse),
        workers,
        max_connections: connections.div_ceil(workers),
        docs: reader.flag("server.docs"),
        ip_per_minute: reader.number("rate_limit.ip_per_minute", NonZero::<u32>::MIN..=NonZero::<u32>::MAX),
        ip_burst: reader.number("rate_limit.ip_burst", NonZero::<u32>::MIN..=NonZero::<u32>::MAX),
        inbox_url: simulator.map(|simulator| format!("http://{}/", reachable(simulator))),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        totp_issuer: reader.parsed("totp.issuer", defaults.totp_issuer.clone(), totp_issuer),
        password_policy: PasswordPolicy {
            own_names: [defaults.service_name.as_str(), "localhost"].map(str::to_owned).to_vec(),
            blocklist: blocklist::read(reader),
        },
        ..defaults
    }
}

/// The Key Uri Format parts issuer and account by a colon, and a QR code holds only so much.
fn totp_issuer(text: &str) -> Result<String, &'static str> {
    let accepted = (1..=64).contains(&text.len()) && !text.contains(|c: char| c == ':' || c.is_control());
    if accepted { Ok(text.to_owned()) } else { Err("write a name of 1 to 64 bytes without a colon") }
}

fn admin_networks(reader: &mut Reader) -> Vec<IpNet> {
    let networks = reader.list("admin.allow", any_network);
    if networks.is_empty() { HttpSettings::loopback() } else { networks }
}

/// The keys of services that may ask about tokens, and from where; nothing without a key.
fn introspection(reader: &mut Reader) -> (HashedApiKeys, Option<Vec<IpNet>>) {
    const KEY: &str = "introspection.api_key";
    const ALLOW: &str = "introspection.allow";
    let keys = HashedApiKeys::parse(&reader.secret(KEY)).unwrap_or_else(|error| {
        reader.problem(KEY, format!("{error}; `otp-login keys generate --introspection` makes one"));
        HashedApiKeys::default()
    });
    let allow = reader.list(ALLOW, network);
    if keys.is_empty() {
        return (keys, None);
    }
    if allow.is_empty() {
        reader.problem(ALLOW, "nobody may ask; name the addresses or networks of your services");
    }
    (keys, Some(allow))
}

fn any_network(text: &str) -> Result<IpNet, &'static str> {
    let address = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    address
        .or_else(|_| text.parse())
        .map_err(|_| "write an address such as 10.0.0.7 or a network such as 10.0.0.0/8")
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = any_network(text)?;
    if network.prefix_len() == 0 { Err("this is everybody; name addresses or networks") } else { Ok(network) }
}

fn hasher(reader: &mut Reader, production: bool, data_key: &DataKey) -> HasherSettings {
    let costs = if production { 10..=14 } else { 4..=14 };
    HasherSettings {
        cost: reader.number("password.bcrypt_cost", costs),
        pepper: keys::pepper(reader, production),
        previous_peppers: keys::previous_peppers(reader, production),
        data_key: data_key.clone(),
        workers: NonZero::new(reader.number("password.workers", 0..=1024)),
        lanes: NonZero::new(reader.number("password.lanes", 0..=HasherSettings::MOST_LANES)),
        max_wait: Duration::from_millis(reader.number("password.max_wait_ms", 1..=600_000)),
    }
}

/// What production bounds and development may set for tests.
fn bounded<T: Copy>(
    production: bool,
    strict: std::ops::RangeInclusive<T>,
    any: std::ops::RangeInclusive<T>,
) -> std::ops::RangeInclusive<T> {
    if production { strict } else { any }
}

fn challenges(reader: &mut Reader, production: bool) -> ChallengePolicy {
    let seconds = |value: u32| SignedDuration::from_secs(value.into());
    ChallengePolicy {
        ttl: seconds(reader.number("otp.ttl_seconds", bounded(production, 60..=600, 1..=86_400))),
        resend_cooldown: seconds(
            reader.number("otp.resend_cooldown_seconds", bounded(production, 30..=600, 0..=86_400)),
        ),
        max_attempts: reader.number("otp.max_attempts", bounded(production, 1..=5, 1..=1000)),
        max_sends: reader.number("otp.max_sends", bounded(production, 1..=5, 1..=1000)),
        max_given_back: 5,
    }
}

fn sessions(reader: &mut Reader, production: bool) -> SessionPolicy {
    let seconds = |value: u32| SignedDuration::from_secs(value.into());
    let year = 366 * 24 * 3600;
    SessionPolicy {
        access_ttl: seconds(
            reader.number("jwt.access_ttl_seconds", bounded(production, 30..=3600, 1..=86_400)),
        ),
        idle_ttl: seconds(
            reader.number("sessions.refresh_ttl_seconds", bounded(production, 60..=year, 1..=year)),
        ),
        absolute_ttl: seconds(
            reader.number("sessions.absolute_ttl_seconds", bounded(production, 60..=year, 1..=year)),
        ),
        reuse_leeway: seconds(
            reader.number("sessions.refresh_reuse_leeway_seconds", bounded(production, 0..=30, 0..=86_400)),
        ),
        max_per_user: reader.number("sessions.max_per_user", 1..=10_000),
    }
}

fn devices(reader: &mut Reader, reuse_leeway: SignedDuration) -> Option<DevicePolicy> {
    let days: u32 = reader.number("devices.ttl_days", 0..=90);
    let max_per_user = reader.number("devices.max_per_user", 1..=1_000);
    let ttl = SignedDuration::from_hours(24 * i64::from(days));
    (days > 0).then_some(DevicePolicy { ttl, max_per_user, reuse_leeway })
}

fn quotas(reader: &mut Reader, production: bool) -> Quotas {
    const ANY: u32 = 1_000_000;
    let mut quota = |key: &str, least: u32, most: u32| {
        let per_hour = reader.number(key, least..=most);
        (per_hour > 0).then(|| Quota::per_hour(per_hour))
    };
    Quotas {
        account: quota("rate_limit.account_per_hour", 1, ANY),
        phone: quota("rate_limit.phone_per_hour", 1, if production { 10 } else { ANY }),
        voice: quota("rate_limit.voice_per_hour", 1, if production { 5 } else { ANY }),
        country: quota("rate_limit.country_per_hour", 0, ANY),
        address: quota("rate_limit.address_per_hour", 0, ANY),
        in_a_row: Some(CodeFailures::MOST),
    }
}

fn destinations(
    reader: &mut Reader,
    production: bool,
    channels: ChannelPolicy,
    warnings: &mut Vec<String>,
) -> DestinationPolicy {
    let country =
        |text: &str| CountryCode::parse(text).map_err(|error: InvalidPhoneNumber| error.to_string());
    let allowed = reader.list("countries.allow", country);
    if production && allowed.is_empty() {
        warnings.push(
            "codes are sent to every country: name those you serve in OTP_LOGIN__COUNTRIES__ALLOW".to_owned(),
        );
    }
    let denied = reader.list("countries.deny", country);
    if let Some(both) = denied.iter().find(|country| allowed.contains(country)) {
        reader.problem("countries.deny", format!("{both} is allowed, too; take it out of one of the lists"));
    }
    let allow_fixed_line = reader.flag("countries.fixed_lines");
    if allow_fixed_line && !channels.has(Channel::Voice) {
        reader.problem(
            "countries.fixed_lines",
            "fixed lines get calls only; add voice to OTP_LOGIN__CHANNELS__ENABLED",
        );
    }
    DestinationPolicy {
        channels,
        allow_fixed_line,
        allowed_countries: allowed.into_iter().collect(),
        denied_countries: denied.into_iter().collect(),
        allow_voip: reader.flag("countries.voip"),
    }
}

fn log(reader: &mut Reader) -> LogSettings {
    let words = [("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    LogSettings {
        filter: reader.parsed("log.filter", "info".to_owned(), |text| {
            tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned())
        }),
        format: reader.one_of("log.format", &words, LogFormat::Auto),
    }
}
