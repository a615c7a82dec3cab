//! How long a start takes, as the service comes: `SQLite`, with the simulator.

use anyhow::Result;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::service::Launch;
use crate::bench::measuring::site::Site;
use crate::bench::measuring::statistics::Rounds;

const STARTS: usize = 10;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let mut fresh = Rounds::new();
    for _ in 0..STARTS {
        fresh.push(start_ms(&site.launch_as_it_comes()?).await?);
    }
    figures.add_median("start_ms", &fresh)?;

    let again = site.launch_as_it_comes()?;
    start_ms(&again).await?;
    let mut existing = Rounds::new();
    for _ in 0..STARTS {
        existing.push(start_ms(&again).await?);
    }
    figures.add_median("start_existing_ms", &existing)
}

async fn start_ms(launch: &Launch) -> Result<f64> {
    Ok(launch.start().await?.started_in().as_secs_f64() * 1000.0)
}
