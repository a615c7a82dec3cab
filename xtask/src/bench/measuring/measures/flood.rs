//! A thousand clients that sign in at once, more than can be: all have to be answered
//! soon, those in excess with a refusal.

use anyhow::Result;

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::load::{Flood, Outcome};
use crate::bench::measuring::people::Person;
use crate::bench::measuring::site::Site;
use crate::bench::measuring::statistics::as_f64;

const CLIENTS: usize = 1000;
/// Fewer, for everybody has to register first.
const PEOPLE: u32 = 125;
/// The service has three for a client whose sign-in waits, of which two watch whether
/// the client is still there; and it has its database and more.
pub(crate) const OPEN_FILES: u64 = 3 * 1000 + 250;
/// The default, so that it is seen to bound what the flood waits for.
const MAX_WAIT_MS: u32 = 3000;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let service = site.launch_for_load()?.set("password.max_wait_ms", MAX_WAIT_MS).start().await?;
    let people = site.people(&service, PEOPLE).await?;
    let requests = people.iter().map(Person::login_request).cycle().take(CLIENTS);
    let flood = Flood::rise(service.port(), requests, site.length() / 2).await?;
    if let Some(failure) = flood.failures.first() {
        eprintln!("           a client of the flood: {failure:#}");
    }

    let counted = |outcome| as_f64(flood.answers.of(outcome).len());
    figures.add("flood_answered", flood.answered());
    figures.add("flood_failures", as_f64(flood.failures.len()));
    figures.add("flood_200", counted(Outcome::Success));
    figures.add("flood_401", counted(Outcome::WrongPassword));
    figures.add("flood_429", counted(Outcome::TooManyRequests));
    figures.add("flood_503", counted(Outcome::Overloaded));
    figures.add("flood_p99_ms", flood.answers.p99_ms()?);
    figures.add("flood_200_p99_ms", flood.answers.of(Outcome::Success).p99_ms()?);
    figures.add("flood_peak_rss_mb", service.memory()?.peak);
    Ok(())
}
