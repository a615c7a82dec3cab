//! A simulated pumping attack on the whole store.
#![expect(clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use adapters_sqlite::{SqliteStore, SqliteUrl};
use domain::{RuleMode, Shield};
use jiff::SignedDuration;
use ports::contract::{
    Stores,
    pumping::{Attack, Damage, simulate},
};

async fn stores() -> Stores {
    let store = SqliteStore::connect(&SqliteUrl::Memory).await.expect("connect");
    store.migrate_up().await.expect("migrate");
    Stores::of(Arc::new(store))
}

fn attack(hours: i64, mode: RuleMode) -> Attack {
    Attack {
        seed: 1,
        numbers: 10_000,
        prefixes: 50,
        honest: 500,
        lasts: SignedDuration::from_hours(hours),
        in_order: false,
        shield: Shield::with_every_rule(mode),
    }
}

async fn played(attack: &Attack) -> Damage {
    let damage = simulate(&stores().await, attack).await;
    println!("{damage:?} stopped {:.4} served {:.4}", damage.fraud_stopped(), damage.honest_served());
    damage
}

#[tokio::test]
async fn sm_07_a_pumping_attack_earns_next_to_nothing_and_honest_people_get_their_codes() {
    let damage = played(&attack(2, RuleMode::Block)).await;
    assert_eq!((damage.fraud_asked, damage.honest), (10_000, 500));
    assert!(damage.fraud_stopped() >= 0.99, "{damage:?}");
    assert!(damage.honest_served() >= 0.99, "{damage:?}");
}

#[tokio::test]
async fn sm_07_an_attack_that_takes_its_time_or_one_prefix_after_the_other_earns_no_more() {
    let slow = played(&Attack { seed: 2, ..attack(24, RuleMode::Block) }).await;
    assert!(slow.fraud_stopped() >= 0.99 && slow.honest_served() >= 0.99, "{slow:?}");
    let in_order = played(&Attack { seed: 2, in_order: true, ..attack(2, RuleMode::Block) }).await;
    assert!(in_order.fraud_stopped() >= 0.99 && in_order.honest_served() >= 0.99, "{in_order:?}");
}

#[tokio::test]
async fn sm_07_without_the_shield_every_message_of_an_attack_is_paid_for() {
    let damage = played(&Attack { numbers: 1_000, honest: 50, ..attack(2, RuleMode::Observe) }).await;
    assert_eq!(damage.fraud_sent, 1_000);
    assert!(damage.honest_served() >= 0.98, "{damage:?}");
}
