//! Keeping up with signing keys that other processes add and retire.

use std::{collections::BTreeMap, time::Duration};

use domain::{SigningKeyId, SigningKeySet, SigningKeyState};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};
use use_cases::{KeepSigningKeys, KeysInForce};

/// Where each key is in its life.
type States = BTreeMap<SigningKeyId, SigningKeyState>;

/// Puts keys in force that were added, and out of it that were retired, until the process
/// ends. `in_force` are those of its start.
pub(crate) async fn watch(keep: KeepSigningKeys, in_force: KeysInForce) {
    let every = Duration::try_from(keep.policy.refresh_every).unwrap_or(Duration::from_secs(30));
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = tell_changes(&States::new(), &in_force.set, keep.clock.now());
    tell_outdated(&in_force.outdated);
    loop {
        ticks.tick().await;
        match keep.refresh().await {
            Ok(in_force) => known = tell_changes(&known, &in_force.set, keep.clock.now()),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the signing keys were not read; those that are known stay in force"
            ),
        }
    }
}

/// Logs what is new to those who `knew`, and returns what they know now.
fn tell_changes(knew: &States, set: &SigningKeySet, now: Timestamp) -> States {
    let mut known = States::new();
    for key in set.keys() {
        let (kid, state) = (key.id.as_str(), set.state(key, now));
        let (is_new, is_over) = (knew.get(&key.id) != Some(&state), state == SigningKeyState::Retired);
        known.insert(key.id.clone(), state);
        if !is_new || (is_over && knew.is_empty()) {
            continue;
        }
        let (algorithm, state) = (key.algorithm.as_str(), state.as_str());
        if key.retired_at.is_some() {
            tracing::warn!(event = "sys_signing_key_retired", kid, algorithm, "a key was taken out of use");
        } else {
            tracing::info!(event = "sys_signing_key", kid, algorithm, state);
        }
    }
    known
}

fn tell_outdated(keys: &[SigningKeyId]) {
    for kid in keys.iter().map(SigningKeyId::as_str) {
        tracing::warn!(
            kid,
            "a signing key is sealed with a previous data key: `otp-login keys rotate` before you remove that"
        );
    }
}
