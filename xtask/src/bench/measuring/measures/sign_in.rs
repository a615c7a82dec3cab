//! Sign-ins against the `bcrypt` crate alone, which hashes one password at a time, on
//! `SQLite`.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::bench::measuring::figures::Figures;
use crate::bench::measuring::hashing::{Cores, Hashing};
use crate::bench::measuring::load::{Crowd, Samples};
use crate::bench::measuring::people::Person;
use crate::bench::measuring::service::Service;
use crate::bench::measuring::site::{BCRYPT_COST, Site, WARM_UP};
use crate::bench::measuring::statistics::Rounds;

const CLIENTS: u32 = 64;
/// The least of which the 99th percentile is not the worst.
const LONE_SIGN_INS: u32 = 100;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let bcrypt = Hashing::by_bcrypt_crate(BCRYPT_COST)?;
    let service = site.launch_for_load()?.start().await?;
    let people = site.people(&service, CLIENTS).await?;
    everybody(site, &service, &people, bcrypt, figures).await?;
    one_alone(&service, people.first().context("nobody signed up")?, bcrypt, figures).await
}

/// 64 clients that sign in again as soon as they have, against hashes on all cores.
async fn everybody(
    site: &Site,
    service: &Service,
    people: &[Person],
    bcrypt: Hashing,
    figures: &mut Figures,
) -> Result<()> {
    let (mut sign_ins, mut hashes, mut ratios) = (Rounds::new(), Rounds::new(), Rounds::new());
    for _ in site.rounds() {
        let alone = bcrypt.per_second(Cores::All, site.round() / 2)?;
        let mut crowd = Crowd::gather(service.port(), people.iter().map(Person::login_request)).await?;
        let begin = Instant::now() + WARM_UP;
        let end = begin + site.round();
        let signed_in = crowd.ask_until(end).await?.rate_between(begin, end);
        hashes.push(alone);
        sign_ins.push(signed_in);
        ratios.push(signed_in / alone);
    }
    figures.add_median("storm_ratio", &ratios)?;
    figures.add_median("signin_per_s", &sign_ins)?;
    figures.add_median("bcrypt_per_s", &hashes)
}

/// How long a sign-in takes when nothing else is asked, against one hash on one core.
async fn one_alone(service: &Service, person: &Person, bcrypt: Hashing, figures: &mut Figures) -> Result<()> {
    let mut alone = Crowd::gather(service.port(), [person.login_request()].into_iter()).await?;
    let (mut sign_ins, mut hashes) = (Samples::default(), Rounds::new());
    for _ in 0..LONE_SIGN_INS {
        hashes.push(bcrypt.once_ms()?);
        sign_ins.merge(alone.ask_once().await?);
    }
    figures.add("lone_ratio", sign_ins.p50_ms()? / hashes.median()?);
    figures.add("lone_p99_ratio", sign_ins.p99_ms()? / hashes.p99()?);
    figures.add("login_p50_ms", sign_ins.p50_ms()?);
    figures.add("login_p99_ms", sign_ins.p99_ms()?);
    figures.add_median("bcrypt_hash_ms", &hashes)?;
    figures.add("bcrypt_hash_p99_ms", hashes.p99()?);
    Ok(())
}
