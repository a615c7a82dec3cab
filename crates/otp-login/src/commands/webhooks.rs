//! The webhooks from the command line.

use adapters_crypto::{SystemClock, SystemSecrets};
use anyhow::{Context, ensure};
use domain::EndpointName;
use ports::{Clock, DeadDelivery, DeadFilter, SecretGenerator};

use crate::{
    cli::{DeadDeliveries, Webhooks},
    commands::{runtime, stdout::print},
    settings::Settings,
    wiring::{self, Database},
};

pub(crate) fn run(settings: &Settings, command: Webhooks) -> anyhow::Result<()> {
    print(&runtime()?.block_on(done(settings, command))?)
}

async fn done(settings: &Settings, command: Webhooks) -> anyhow::Result<String> {
    match command {
        Webhooks::List { which, most } => list(settings, &which, most).await,
        Webhooks::Retry { which, all } => retry(settings, &which, all).await,
        Webhooks::Test { endpoint } => test(settings, &endpoint).await,
    }
}

async fn list(settings: &Settings, which: &DeadDeliveries, most: u32) -> anyhow::Result<String> {
    let database = Database::open(&settings.database).await?;
    let dead = database.webhooks().list_dead(&filter(which), most).await?;
    if dead.is_empty() {
        return Ok("No delivery was given up.".to_owned());
    }
    Ok(dead.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn line(dead: &DeadDelivery) -> String {
    let DeadDelivery { endpoint, event, attempts, failure, dead_at } = dead;
    let (id, name) = (event.id.0, event.name.as_str());
    format!("{dead_at:.0}  {endpoint}  {id}  {name}  {attempts} attempts, the last: {failure}")
}

async fn retry(settings: &Settings, which: &DeadDeliveries, all: bool) -> anyhow::Result<String> {
    ensure!(
        all || which.endpoint.is_some() || which.event.is_some(),
        "say which: --endpoint NAME, --event ID or --all"
    );
    let database = Database::open(&settings.database).await?;
    let revived = database.webhooks().revive_dead(&filter(which), SystemClock.now()).await?;
    Ok(match revived {
        0 => "Nothing to do: no such delivery was given up.".to_owned(),
        1 => "1 delivery is due again; the running service makes it.".to_owned(),
        count => format!("{count} deliveries are due again; the running service makes them."),
    })
}

async fn test(settings: &Settings, endpoint: &EndpointName) -> anyhow::Result<String> {
    let known: Vec<&str> = settings.outbox.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    ensure!(
        known.contains(&endpoint.as_str()),
        "no endpoint is called {endpoint}; set OTP_LOGIN__WEBHOOKS__{}__URL and …__SECRET{}",
        endpoint.as_str().to_uppercase(),
        if known.is_empty() { String::new() } else { format!(", or name one of {}", known.join(", ")) }
    );
    let id = SystemSecrets.id(SystemClock.now());
    let sent = wiring::webhook_sender(settings)?.test(endpoint, id).await;
    sent.with_context(|| format!("{endpoint} did not take the test event {id}"))?;
    Ok(format!("{endpoint} took the test event {id}."))
}

fn filter(which: &DeadDeliveries) -> DeadFilter {
    DeadFilter { endpoint: which.endpoint.clone(), event: which.event }
}
