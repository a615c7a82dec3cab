//! How late `GET /me` is while everybody signs in.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::figures::Figures;
use crate::bench::load::{Crowd, Metronome, Samples};
use crate::bench::people::Person;
use crate::bench::service::Service;
use crate::bench::site::{Site, WARM_UP};
use crate::bench::statistics::Rounds;

const CLIENTS: u32 = 64;
/// Far from what the service can do, so that waiting is the storm's doing.
const ME_PER_SECOND: u32 = 200;
const ME_CONNECTIONS: usize = 4;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let on_sqlite = site.launch_for_load()?.start().await?;
    let storm = Storm::watch(site, &on_sqlite).await?;
    figures.add_median("me_p99_storm_ratio", &storm.ratios)?;
    figures.add_median("me_p99_quiet_ms", &storm.quiet_p99)?;
    figures.add_median("me_p99_storm_ms", &storm.p99)?;
    figures.add_median("me_p50_quiet_ms", &storm.quiet_p50)?;
    figures.add_median("me_p50_storm_ms", &storm.p50)?;
    drop(on_sqlite);

    let url = site.postgres.make_database("storm")?;
    let on_postgres = site.launch_for_load()?.set("database.url", url).start().await?;
    let storm = Storm::watch(site, &on_postgres).await?;
    figures.add_median("me_p99_storm_postgres_ratio", &storm.ratios)?;
    figures.add_median("me_p99_quiet_postgres_ms", &storm.quiet_p99)?;
    figures.add_median("me_p99_storm_postgres_ms", &storm.p99)
}

/// Quiet and storm, in turns.
struct Storm {
    ratios: Rounds,
    quiet_p99: Rounds,
    quiet_p50: Rounds,
    p99: Rounds,
    p50: Rounds,
}

impl Storm {
    async fn watch(site: &Site, service: &Service) -> Result<Self> {
        let people = site.people(service, CLIENTS).await?;
        let me: Vec<Vec<u8>> = people.iter().map(Person::me_request).take(ME_CONNECTIONS).collect();
        let rounds = Rounds::new;
        let mut storm =
            Self { ratios: rounds(), quiet_p99: rounds(), quiet_p50: rounds(), p99: rounds(), p50: rounds() };
        for _ in site.rounds() {
            let quiet = Watch::start(service, &me, site.round()).metronome.finish()?;
            let mut crowd = Crowd::gather(service.port(), people.iter().map(Person::login_request)).await?;
            let stormy = Watch::start(service, &me, site.round());
            crowd.ask_until(stormy.end).await?;
            storm.add(&quiet, &stormy.metronome.finish()?)?;
        }
        Ok(storm)
    }

    fn add(&mut self, quiet: &Samples, stormy: &Samples) -> Result<()> {
        let (quiet_p99, p99) = (quiet.p99_ms()?, stormy.p99_ms()?);
        self.ratios.push(p99 / quiet_p99);
        self.quiet_p99.push(quiet_p99);
        self.quiet_p50.push(quiet.p50_ms()?);
        self.p99.push(p99);
        self.p50.push(stormy.p50_ms()?);
        Ok(())
    }
}

/// `GET /me` at a fixed rate, once a storm has had time to rise.
struct Watch {
    metronome: Metronome,
    end: Instant,
}

impl Watch {
    fn start(service: &Service, me: &[Vec<u8>], length: Duration) -> Self {
        let begin = Instant::now() + WARM_UP;
        let end = begin + length;
        Self { metronome: Metronome::start(service.port(), me, ME_PER_SECOND, begin, end), end }
    }
}
