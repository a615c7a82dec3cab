//! Resident memory on `SQLite`, in units of 1024² bytes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::free_port;
use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::load::Crowd;
use crate::bench::measuring::people::Person;
use crate::bench::measuring::service::Service;
use crate::bench::measuring::site::Site;
use crate::bench::measuring::statistics::as_f64;

const IDLE: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 256;
const SIGN_INS: u32 = 64;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    idle(site, figures).await?;
    under_load(site, figures).await
}

/// After five seconds and one whole sign-in, at the cost that is the default.
async fn idle(site: &Site, figures: &mut Figures) -> Result<()> {
    let alone = site.launch()?.set("otp.resend_cooldown_seconds", 0).start().await?;
    let simulator = free_port()?;
    let with_simulator = site.launch_as_it_comes()?.set("otp.resend_cooldown_seconds", 0);
    let with_simulator = with_simulator.set("simulator.port", simulator).start().await?;
    figures.add("start_rss_mb", alone.memory()?.now);
    tokio::time::sleep(IDLE).await;
    sign_in_once(site, &alone, site.simulator_port()).await?;
    sign_in_once(site, &with_simulator, simulator).await?;
    figures.add("idle_rss_mb", alone.memory()?.now);
    figures.add("idle_with_simulator_rss_mb", with_simulator.memory()?.now);
    Ok(())
}

async fn sign_in_once(site: &Site, service: &Service, simulator: u16) -> Result<()> {
    let people = site.people_with(service, simulator, 1).await?;
    people.first().context("nobody signed up")?.sign_in(service.port(), simulator).await
}

/// With 256 connections that have asked for `GET /me` without a break, and are
/// still open, and 64 sign-ins that began with them. Hashing threads come last, so
/// sign-ins may end only after the load.
async fn under_load(site: &Site, figures: &mut Figures) -> Result<()> {
    let service = site.launch_for_load()?.start().await?;
    let people = site.people(&service, SIGN_INS).await?;
    let signing_in = Crowd::gather(service.port(), people.iter().map(Person::login_request)).await?;
    let me = people.iter().map(Person::me_request).cycle().take(CONNECTIONS);
    let mut asking = Crowd::gather(service.port(), me).await?;

    let end = Instant::now() + site.length();
    let signing_in = tokio::spawn(async move {
        let mut signing_in = signing_in;
        let signed_in = signing_in.ask_once().await;
        (signing_in, signed_in)
    });
    let asked = asking.ask_until(end).await?;
    let (_still_connected, signed_in) = signing_in.await?;
    let signed_in = signed_in?;
    let memory = service.memory()?;

    figures.add("rss_256_mb", memory.now);
    figures.add("rss_256_peak_mb", memory.peak);
    figures.add("me_256_per_s", asked.rate_until(end)?);
    figures.add("me_256_p99_ms", asked.p99_ms()?);
    figures.add("sign_ins_during_me_256", as_f64(signed_in.count_until(end)));
    Ok(())
}
