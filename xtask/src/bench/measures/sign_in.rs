//! Sign-ins against bcrypt alone, on `SQLite`.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::bench::figures::Figures;
use crate::bench::load::{Crowd, Samples};
use crate::bench::people::Person;
use crate::bench::reference::{hash_ms, hashes_per_second};
use crate::bench::service::Service;
use crate::bench::site::{Site, WARM_UP};
use crate::bench::statistics::Rounds;

const CLIENTS: u32 = 64;
const LONE_SIGN_INS: u32 = 20;

pub(crate) async fn measure(site: &Site, figures: &mut Figures) -> Result<()> {
    let service = site.launch_for_load()?.start().await?;
    let people = site.people(&service, CLIENTS).await?;
    everybody(site, &service, &people, figures).await?;
    one_alone(&service, people.first().context("nobody signed up")?, figures).await
}

/// 64 clients that sign in again as soon as they have.
async fn everybody(site: &Site, service: &Service, people: &[Person], figures: &mut Figures) -> Result<()> {
    let (mut sign_ins, mut hashes, mut ratios) = (Rounds::new(), Rounds::new(), Rounds::new());
    for _ in site.rounds() {
        let alone = hashes_per_second(site.round() / 2)?;
        let mut crowd = Crowd::gather(service.port(), people.iter().map(Person::login_request)).await?;
        let begin = Instant::now() + WARM_UP;
        let end = begin + site.round();
        let signed_in = crowd.ask_until(end).await?.since(begin).rate_until(end)?;
        hashes.push(alone);
        sign_ins.push(signed_in);
        ratios.push(signed_in / alone);
    }
    figures.add_median("signin_bcrypt_ratio", &ratios)?;
    figures.add_median("signin_per_s", &sign_ins)?;
    figures.add_median("bcrypt_per_s", &hashes)
}

/// How long a sign-in takes when nothing else is asked, against the hash in it.
async fn one_alone(service: &Service, person: &Person, figures: &mut Figures) -> Result<()> {
    let mut alone = Crowd::gather(service.port(), [person.login_request()].into_iter()).await?;
    let (mut sign_ins, mut hashes) = (Samples::default(), Rounds::new());
    for _ in 0..LONE_SIGN_INS {
        hashes.push(hash_ms()?);
        sign_ins.merge(alone.ask_once().await?);
    }
    figures.add("lone_login_ratio", sign_ins.p50_ms()? / hashes.median()?);
    figures.add("login_p50_ms", sign_ins.p50_ms()?);
    figures.add_median("bcrypt_hash_ms", &hashes)
}
