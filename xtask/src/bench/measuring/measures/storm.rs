//! How late `GET /me` is while everybody signs in.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::load::{Crowd, Metronome, Samples};
use crate::bench::measuring::people::Person;
use crate::bench::measuring::service::Service;
use crate::bench::measuring::site::{Site, WARM_UP};
use crate::bench::measuring::statistics::Rounds;

const CLIENTS: usize = 64;
/// More than may wait for a hash on a few cores: some are refused, and go on.
const TOO_MANY_CLIENTS: usize = 256;
/// Far from what the service can do, so that waiting is the storm's doing.
const ME_PER_SECOND: u32 = 200;
const ME_CONNECTIONS: usize = 4;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let on_sqlite = site.launch_for_load()?.start().await?;
    let Weather { quiet, storms: [storm, worst] } =
        Weather::watch(site, &on_sqlite, [CLIENTS, TOO_MANY_CLIENTS]).await?;
    figures.add_median("me_p99_storm_ratio", &storm.p99_ratio)?;
    figures.add_median("me_p99_storm_256_ratio", &worst.p99_ratio)?;
    figures.add_median("me_p99_quiet_ms", &quiet.p99)?;
    figures.add_median("me_p99_storm_ms", &storm.lateness.p99)?;
    figures.add_median("me_p99_storm_256_ms", &worst.lateness.p99)?;
    figures.add_median("me_p50_quiet_ms", &quiet.p50)?;
    figures.add_median("me_p50_storm_ms", &storm.lateness.p50)?;
    figures.add_median("me_p50_storm_256_ms", &worst.lateness.p50)?;
    drop(on_sqlite);

    let url = site.postgres.make_database("storm")?;
    let on_postgres = site.launch_for_load()?.set("database.url", url).start().await?;
    let Weather { quiet, storms: [storm] } = Weather::watch(site, &on_postgres, [CLIENTS]).await?;
    figures.add_median("me_p99_storm_postgres_ratio", &storm.p99_ratio)?;
    figures.add_median("me_p99_quiet_postgres_ms", &quiet.p99)?;
    figures.add_median("me_p99_storm_postgres_ms", &storm.lateness.p99)
}

/// Quiet and storms, in turns.
struct Weather<const STORMS: usize> {
    quiet: Lateness,
    storms: [Storm; STORMS],
}

struct Storm {
    clients: usize,
    lateness: Lateness,
    /// Against the quiet before it.
    p99_ratio: Rounds,
}

struct Lateness {
    p99: Rounds,
    p50: Rounds,
}

impl<const STORMS: usize> Weather<STORMS> {
    async fn watch(site: &Site, service: &Service, clients: [usize; STORMS]) -> Result<Self> {
        let most = clients.into_iter().max().unwrap_or_default();
        let people = site.people(service, u32::try_from(most)?).await?;
        let me: Vec<Vec<u8>> = people.iter().map(Person::me_request).take(ME_CONNECTIONS).collect();
        let mut weather = Self { quiet: Lateness::new(), storms: clients.map(Storm::of) };
        for _ in site.rounds() {
            let quiet = Watch::start(service, &me, site.round()).metronome.finish()?;
            weather.quiet.add(&quiet)?;
            for storm in &mut weather.storms {
                let requests = people.iter().map(Person::login_request).take(storm.clients);
                let mut crowd = Crowd::gather_stubborn(service.port(), requests).await?;
                let stormy = Watch::start(service, &me, site.round());
                crowd.ask_until(stormy.end).await?;
                storm.add(&quiet, &stormy.metronome.finish()?)?;
            }
        }
        Ok(weather)
    }
}

impl Storm {
    fn of(clients: usize) -> Self {
        Self { clients, lateness: Lateness::new(), p99_ratio: Rounds::new() }
    }

    fn add(&mut self, quiet: &Samples, stormy: &Samples) -> Result<()> {
        self.p99_ratio.push(stormy.p99_ms()? / quiet.p99_ms()?);
        self.lateness.add(stormy)
    }
}

impl Lateness {
    fn new() -> Self {
        Self { p99: Rounds::new(), p50: Rounds::new() }
    }

    fn add(&mut self, me: &Samples) -> Result<()> {
        self.p99.push(me.p99_ms()?);
        self.p50.push(me.p50_ms()?);
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
