//! A simulated pumping attack on the store, with the fraud shield and without it.

use std::sync::Arc;

use adapters_sqlite::{SqliteStore, SqliteUrl};
use anyhow::{Result, ensure};
use domain::{RuleMode, Shield};
use jiff::SignedDuration;
use ports::contract::{
    Stores,
    pumping::{Attack, Damage, simulate},
};

use crate::bench::measuring::figures::Figures;

/// What happens by chance in one story does not in all.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Plays each attack within two hours, and with the first seed also over a day, and prefix after
/// prefix. Says the worst of them.
pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let mut attacks: Vec<Attack> = SEEDS.into_iter().map(|seed| attack(seed, RuleMode::Block)).collect();
    attacks.push(Attack { lasts: SignedDuration::from_hours(24), ..attack(1, RuleMode::Block) });
    attacks.push(Attack { in_order: true, ..attack(1, RuleMode::Block) });
    let (mut stopped, mut served) = (1.0_f64, 1.0_f64);
    for attack in &attacks {
        let damage = play(attack).await?;
        stopped = stopped.min(damage.fraud_stopped());
        served = served.min(damage.honest_served());
    }
    figures.add("shield_fraud_stopped", stopped);
    figures.add("shield_honest_served", served);

    let unshielded = play(&attack(1, RuleMode::Off)).await?;
    ensure!(unshielded.fraud_sent == unshielded.fraud_asked, "without the shield everything is sent");
    figures.add("unshielded_fraud_stopped", unshielded.fraud_stopped());
    figures.add("unshielded_honest_served", unshielded.honest_served());
    Ok(())
}

fn attack(seed: u64, mode: RuleMode) -> Attack {
    let shield = Shield::with_every_rule(mode);
    let lasts = SignedDuration::from_hours(2);
    Attack { seed, numbers: 10_000, prefixes: 50, honest: 500, lasts, in_order: false, shield }
}

async fn play(attack: &Attack) -> Result<Damage> {
    let store = SqliteStore::connect(&SqliteUrl::Memory).await?;
    store.migrate_up().await?;
    let stores = Stores::of(Arc::new(store));
    let damage = simulate(&stores, attack).await;
    eprintln!(
        "           {} of {} fraudulent messages sent, {} of {} honest people served",
        damage.fraud_sent, damage.fraud_asked, damage.honest_served, damage.honest
    );
    Ok(damage)
}
