//! `GET /me` on `PostgreSQL` against pgbench on the same server: both select rows by
//! key over 16 connections.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::load::Crowd;
use crate::bench::measuring::people::Person;
use crate::bench::measuring::process_usage::processor_time;
use crate::bench::measuring::service::Service;
use crate::bench::measuring::site::{Site, WARM_UP};
use crate::bench::measuring::statistics::{Rounds, as_f64};

const CONNECTIONS: u32 = 16;
/// Passwords play no part here.
const CHEAPEST_COST: u32 = 4;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    site.postgres.prepare_pgbench()?;
    let url = site.postgres.make_database("me")?;
    let launch = |log_filter: &str| {
        let launch = site.launch_for_load()?.set("password.bcrypt_cost", CHEAPEST_COST);
        anyhow::Ok(
            launch
                .set("database.url", &url)
                .set("database.max_connections", CONNECTIONS)
                .set("log.filter", log_filter),
        )
    };
    let logging = launch("info")?.start().await?;
    let quiet = launch("warn")?.start().await?;
    // Two replicas: what one has signed, the other accepts.
    let people = site.people(&logging, CONNECTIONS).await?;
    let mut logging = Asked::by(logging, &people);
    let mut quiet = Asked::by(quiet, &people);

    let (mut pgbench, mut ratios, mut quiet_ratios) = (Rounds::new(), Rounds::new(), Rounds::new());
    for _ in site.rounds() {
        let selects = site.postgres.pgbench_per_second(site.round())?;
        pgbench.push(selects);
        ratios.push(logging.ask(site.round()).await? / selects);
        quiet_ratios.push(quiet.ask(site.round()).await? / selects);
    }
    figures.add_median("me_pgbench_ratio", &ratios)?;
    figures.add_median("me_pgbench_quiet_log_ratio", &quiet_ratios)?;
    figures.add_median("pgbench_per_s", &pgbench)?;
    figures.add_median("me_per_s", &logging.per_second)?;
    figures.add_median("me_quiet_log_per_s", &quiet.per_second)?;
    figures.add_median("me_service_cpu_us", &logging.service_micros)?;
    figures.add_median("me_quiet_log_service_cpu_us", &quiet.service_micros)?;
    figures.add_median("me_client_cpu_us", &logging.client_micros)
}

/// A service, those who ask it, and what came of it.
struct Asked {
    service: Service,
    requests: Vec<Vec<u8>>,
    per_second: Rounds,
    /// Processor time for each answer: of the service without its database, and ours.
    service_micros: Rounds,
    client_micros: Rounds,
}

impl Asked {
    fn by(service: Service, people: &[Person]) -> Self {
        let requests = people.iter().map(Person::me_request).collect();
        let (per_second, service_micros, client_micros) = (Rounds::new(), Rounds::new(), Rounds::new());
        Self { service, requests, per_second, service_micros, client_micros }
    }

    /// Answers a second in one more round.
    async fn ask(&mut self, length: Duration) -> Result<f64> {
        let mut crowd = Crowd::gather(self.service.port(), self.requests.iter().cloned()).await?;
        crowd.ask_until(Instant::now() + WARM_UP).await?;
        let before = (self.service.processor_time()?, processor_time(std::process::id())?);
        let end = Instant::now() + length;
        let answers = crowd.ask_until(end).await?;
        let after = (self.service.processor_time()?, processor_time(std::process::id())?);

        let count = as_f64(answers.len());
        let micros_each = |before, after: Duration| after.saturating_sub(before).as_secs_f64() * 1e6 / count;
        self.service_micros.push(micros_each(before.0, after.0));
        self.client_micros.push(micros_each(before.1, after.1));
        let rate = answers.rate_until(end)?;
        self.per_second.push(rate);
        Ok(rate)
    }
}
