//! Looking after the keys that sign access tokens.

use std::fmt::Write;

use anyhow::{Context, bail};
use domain::{SigningKey, SigningKeyId, SigningKeyPolicy, SigningKeySet, SigningKeyState};
use jiff::{Timestamp, Unit};
use use_cases::{
    Haste, KeepSigningKeys, ListSigningKeys, RetireSigningKey, RotateSigningKey, RotateSigningKeyError,
};

use crate::{
    cli::Keys,
    commands::{runtime, stdout::print},
    settings::{Settings, SigningKeySource, variable},
    wiring::{self, Database},
};

const OUT_OF_REACH: &str = "the signing keys cannot be read (`otp-login migrate up` makes their table)";

pub(crate) fn run(settings: &Settings, command: Keys) -> anyhow::Result<()> {
    print(runtime()?.block_on(done(settings, command))?.trim_end())
}

async fn done(settings: &Settings, command: Keys) -> anyhow::Result<String> {
    if let SigningKeySource::Configured { setting, .. } = &settings.jwt.keys {
        let variable = variable(setting);
        bail!(
            "access tokens are signed with the key of {variable}, which is yours to replace: set another one \
             and restart every replica (clients get new tokens with their refresh tokens). Without \
             {variable}, and with EdDSA or ES256, the service keeps keys in the database and rotates them"
        );
    }
    let database = Database::open(&settings.database).await?;
    let Some(keep) = wiring::signing(settings, &database).keep else { bail!("no key is stored") };
    let now = keep.clock.now();
    let policy = keep.policy;
    match command {
        Keys::Generate { .. } => Ok(String::new()),
        Keys::List => {
            let list = ListSigningKeys { keys: keep.keys, policy };
            table(&list.execute().await.context(OUT_OF_REACH)?, now)
        }
        Keys::Rotate { now: hurry } => {
            let haste = if hurry { Haste::Now } else { Haste::None };
            let rotation = rotation(keep).execute(haste).await;
            let set = rotation.map_err(|error| match error {
                RotateSigningKeyError::Store(error) => anyhow::Error::new(error).context(OUT_OF_REACH),
                error => anyhow::Error::new(error).context("no key was added"),
            })?;
            rotated(&set, haste, now)
        }
        Keys::Retire { id } => {
            let set = retirement(keep).execute(&id).await;
            let set = set.context("no key was retired; `otp-login keys list` shows all there are")?;
            retired(&set, &id, policy, now)
        }
    }
}

fn rotation(keep: KeepSigningKeys) -> RotateSigningKey {
    let KeepSigningKeys { clock, keys, sealer, ring, policy, algorithm } = keep;
    RotateSigningKey { clock, keys, sealer, ring, policy, algorithm }
}

fn retirement(keep: KeepSigningKeys) -> RetireSigningKey {
    let KeepSigningKeys { clock, keys, sealer, ring, policy, algorithm } = keep;
    RetireSigningKey { clock, keys, sealer, ring, policy, algorithm }
}

fn table(set: &SigningKeySet, now: Timestamp) -> anyhow::Result<String> {
    if set.keys().is_empty() {
        return Ok("There is no signing key yet: the service makes the first one when it starts.".to_owned());
    }
    let mut text = String::new();
    let width = set.keys().iter().map(|key| key.id.as_str().len()).max().unwrap_or(0).max(3);
    writeln!(
        text,
        "{:width$}  {:9}  {:8}  {:20}  {:20}  ACCEPTED UNTIL",
        "KID", "ALGORITHM", "STATE", "CREATED", "SIGNS FROM"
    )?;
    for key in set.keys() {
        let (algorithm, state) = (key.algorithm.as_str(), set.state(key, now).as_str());
        let (created, begins) = (shown(key.created_at), shown(key.activates_at));
        let until = set.ends_at(key).map_or_else(|| "-".to_owned(), shown);
        let id = key.id.as_str();
        writeln!(text, "{id:width$}  {algorithm:9}  {state:8}  {created:20}  {begins:20}  {until}")?;
    }
    Ok(text)
}

fn rotated(set: &SigningKeySet, haste: Haste, now: Timestamp) -> anyhow::Result<String> {
    let newest = set.newest().context("the new key is gone")?;
    let mut text = String::new();
    let (id, algorithm, begins) = (newest.id.as_str(), newest.algorithm.as_str(), shown(newest.activates_at));
    writeln!(text, "Signing key {id} ({algorithm}) is published and signs from {begins} on.")?;
    for key in set.keys().iter().filter(|key| key.number < newest.number) {
        if let (true, Some(until)) = (set.state(key, now) != SigningKeyState::Retired, set.ends_at(key)) {
            writeln!(text, "Tokens of {} are accepted until {}.", key.id.as_str(), shown(until))?;
        }
    }
    if haste == Haste::Now {
        writeln!(
            text,
            "Warning: without the lead time, services that keep a copy of /.well-known/jwks.json may refuse \
             new tokens until they fetch it anew."
        )?;
    }
    writeln!(
        text,
        "Nobody is signed out, and nothing has to be restarted. `otp-login keys list` shows where it is."
    )?;
    Ok(text)
}

fn retired(
    set: &SigningKeySet,
    id: &SigningKeyId,
    policy: SigningKeyPolicy,
    now: Timestamp,
) -> anyhow::Result<String> {
    let signer: &SigningKey = set.signer(now).context("no key signs")?;
    let (id, signer, within) = (id.as_str(), signer.id.as_str(), policy.known_within().as_secs());
    Ok(format!(
        "Signing key {id} is out of use: every replica refuses its tokens within {within} seconds.\n\
         {signer} signs. Clients get new tokens with their refresh tokens, so nobody is signed out.\n\
         Services that check tokens by a copy of /.well-known/jwks.json accept the old key until they fetch it \
         anew: restart them, or wait 300 seconds."
    ))
}

/// To the second: nobody needs more.
fn shown(time: Timestamp) -> String {
    time.round(Unit::Second).unwrap_or(time).to_string()
}
