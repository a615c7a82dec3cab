//! The service, from start to stop.

use std::{net::TcpListener, sync::Arc, time::Duration};

use adapters_crypto::SystemClock;
use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, StoreError};
use sinch_simulator::RunningSimulator;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior},
};
use use_cases::{DeliverNotices, KeepPrices};

use crate::{
    background::Tasks,
    cli::Environment,
    commands::{
        runtime,
        simulator::{bind, listen},
        stdout::print,
    },
    key_watch, logging,
    metrics::Metrics,
    number_risk::NOT_WATCHED,
    open_files,
    outbox::Deliveries,
    settings::{Settings, reachable},
    wiring::{self, Database, Signing},
};

/// How often what is over is forgotten, and how much at once.
const PURGE_EVERY: Duration = Duration::from_mins(1);
const PURGE_AT_ONCE: u32 = 1000;
const PURGE_ROUNDS: u32 = 20;
/// How often prices are read that other replicas heard.
const PRICES_EVERY: Duration = Duration::from_mins(1);

pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    logging::start(&settings.log);
    runtime()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    open_files::allow_for(settings.http.max_connections.saturating_mul(settings.http.workers));
    // The ports first: a taken one should be said before anything is changed.
    let listener = listen(settings.address, "OTP_LOGIN__SERVER__PORT")?;
    let simulator = settings.simulator_within.then(|| bind(&settings)).transpose()?;
    let for_metrics = listen_for_metrics(&settings)?;
    let database = Database::open(&settings.database).await.context("the database cannot be used")?;
    let applied = database.migrate_up().await.context("the database cannot be used")?;
    for migration in applied {
        tracing::info!(%migration, "applied a migration");
    }
    domain::warm_up();
    let Signing { tokens, keep } = wiring::signing(&settings, &database);
    let in_force = match &keep {
        Some(keep) => Some(keep.prepare().await.context("the signing keys cannot be used")?),
        None => None,
    };
    let background = Tasks::new();
    let metrics = Arc::new(Metrics::new());
    let keep_prices = wiring::prices(&settings, &database).await;
    let traces = wiring::traces(&database, &metrics, &keep_prices.prices);
    let use_cases = Arc::new(wiring::use_cases(&settings, &database, tokens, &background, &traces)?);
    let address = listener.local_addr()?;
    let server = http_actix::server(use_cases, settings.http.clone(), listener)?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let measuring = match for_metrics {
        Some(listener) => Some(tokio::spawn(http_actix::metrics_server(metrics.measured(), listener)?)),
        None => None,
    };
    let simulator = simulator.map(sinch_simulator::Simulator::spawn);
    let deliveries = Deliveries::start(wiring::outbox(&settings, &database)?, settings.outbox.poll);
    let purging = tokio::spawn(purge(database.clone(), settings.event_retention, settings.trace_retention));
    let pricing = tokio::spawn(keep_up(keep_prices));
    let watching = keep.zip(in_force).map(|(keep, in_force)| tokio::spawn(key_watch::watch(keep, in_force)));
    let conversion = wiring::conversion_watch(&settings, &traces);
    let judging = conversion.map(|conversion| tokio::spawn(conversion.run()));
    announce(&settings, &format!("http://{}", reachable(address)), simulator.as_ref());

    stop_signal().await;
    tracing::info!(event = "sys_shutdown", "finishing what is in flight");
    purging.abort();
    pricing.abort();
    for watching in [watching, judging].into_iter().flatten() {
        watching.abort();
    }
    // At the same time: a slow endpoint must not cost requests in flight their time.
    let ((), ()) = tokio::join!(handle.stop(true), deliveries.stop());
    serving.await??;
    background.finish(settings.http.shutdown_timeout).await;
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    if let Some(simulator) = simulator {
        simulator.stop().await?;
    }
    Ok(())
}

/// Takes the port for metrics. A second service on a machine for development does without.
fn listen_for_metrics(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    match listen(settings.metrics_address, "OTP_LOGIN__SERVER__METRICS_PORT") {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if settings.environment == Environment::Development => {
            tracing::warn!("there are no metrics: {error:#}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Resolves at the first signal to stop.
pub(crate) async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}

/// Keeps up with what providers told other replicas.
async fn keep_up(prices: KeepPrices) {
    let mut ticks = tokio::time::interval_at(Instant::now() + PRICES_EVERY, PRICES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        prices.refresh().await;
    }
}

/// Forgets what is over and what is old. Replicas do so side by side without harm.
async fn purge(database: Database, event_retention: SignedDuration, trace_retention: SignedDuration) {
    let (challenges, events, notices) = (database.challenges(), database.events(), database.notices());
    let (shield, traces) = (database.shield(), database.send_traces());
    // Not at once: a start has better things to do.
    let mut ticks = tokio::time::interval_at(Instant::now() + PURGE_EVERY, PURGE_EVERY);
    loop {
        ticks.tick().await;
        let now = SystemClock.now();
        report(challenges.purge(now, PURGE_AT_ONCE).await);
        report(shield.forget_sends(now, PURGE_AT_ONCE).await);
        let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN);
        report(notices.forget_notices(before(DeliverNotices::FORGET_AFTER), PURGE_AT_ONCE).await);
        // One or two rows a message, so there may be more than elsewhere.
        for _ in 0..PURGE_ROUNDS {
            let forgotten = traces.forget_traces(before(trace_retention), PURGE_AT_ONCE).await;
            let is_done = !forgotten.as_ref().is_ok_and(|rows| *rows >= u64::from(PURGE_AT_ONCE));
            report(forgotten);
            if is_done {
                break;
            }
        }
        report(events.forget_events(before(event_retention), PURGE_AT_ONCE).await);
    }
}

fn report(forgotten: Result<u64, StoreError>) {
    match forgotten {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "forgot what is over"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not forget what is over");
        }
    }
}

/// Says what was chosen and what to try next.
fn announce(settings: &Settings, url: &str, simulator: Option<&RunningSimulator>) {
    let database = settings.database.describe();
    // Only Sinch's codes arrive at the simulator.
    let asks_sinch = settings.providers.iter().any(|provider| provider.describe().is_none());
    let simulator = simulator.filter(|_| asks_sinch);
    let sinch = || match simulator {
        Some(simulator) => format!("Sinch simulator at {}", simulator.base_url()),
        None => format!("Sinch at {}", settings.sinch.base_url),
    };
    let described = settings.providers.iter().map(|provider| provider.describe().unwrap_or_else(sinch));
    let provider = described.collect::<Vec<_>>().join(", ");
    let environment = settings.environment.as_str();
    let docs = settings.http.docs.then(|| format!("{url}/docs"));
    let inbox = settings.http.inbox_url.as_deref();
    tracing::info!(
        event = "sys_startup",
        environment,
        url,
        docs,
        inbox,
        database,
        provider,
        version = env!("CARGO_PKG_VERSION")
    );
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!("{NOT_WATCHED}");
    if !logging::is_for_people(&settings.log) {
        return;
    }
    // The service runs whether or not somebody reads this.
    let _ = print(&welcome(settings, url, &database, &provider, simulator));
}

/// What a person at a terminal is told.
fn welcome(
    settings: &Settings,
    url: &str,
    database: &str,
    provider: &str,
    simulator: Option<&RunningSimulator>,
) -> String {
    let (version, environment) = (env!("CARGO_PKG_VERSION"), settings.environment.as_str());
    let docs = if settings.http.docs { format!("  Docs       {url}/docs\n") } else { String::new() };
    let inbox = simulator.map_or_else(String::new, |simulator| inbox(url, &simulator.base_url()));
    format!(
        "
  otp-login {version} is ready ({environment})
  API        {url}
{docs}  Database   {database}
  Provider   {provider}
{inbox}"
    )
}

fn inbox(url: &str, simulator: &str) -> String {
    format!(
        r#"  Inbox      {simulator}/   texts arrive here

  Try:  curl -s {url}/api/v1/auth/register -H 'content-type: application/json' \
          -d '{{"email":"ann@example.com","password":"four unrelated words","phone_number":"+46701234567"}}'
"#
    )
}
