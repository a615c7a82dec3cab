//! The architecture as a check: each crate's direct dependencies against what its layer may use.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Result;
use cargo_metadata::{DependencyKind, MetadataCommand};
use serde::Deserialize;

use crate::cargo::{conclude, read_policy};

type Crates = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct Policy {
    may_use: Crates,
}

pub(crate) fn run() -> Result<ExitCode> {
    let policy: Policy = read_policy("layers.toml")?;
    let complaints = complaints(&direct_dependencies()?, &policy.may_use);
    let fine = format!("{} crates use only what their layer may", policy.may_use.len());
    Ok(conclude(&fine, &complaints))
}

/// What each of our crates names under `[dependencies]`, behind a feature or not.
fn direct_dependencies() -> Result<Crates> {
    let workspace = MetadataCommand::new().no_deps().exec()?;
    let ours = workspace.packages.into_iter().map(|package| {
        let normal = package.dependencies.into_iter();
        let normal = normal.filter(|dependency| dependency.kind == DependencyKind::Normal);
        let names = normal.map(|dependency| dependency.name).collect();
        (package.name.to_string(), names)
    });
    Ok(ours.collect())
}

fn complaints(used: &Crates, may_use: &Crates) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, dependencies) in used {
        let Some(allowed) = may_use.get(name) else {
            complaints.push(format!(
                "`{name}` has no layer: add `{name} = [what it may use]` to xtask/layers.toml"
            ));
            continue;
        };
        complaints.extend(dependencies.difference(allowed).map(|dependency| {
            format!(
                "`{name}` uses `{dependency}`, which its layer may not: move what needs it to an adapter behind \
                 a port, or, if the architecture is to change, allow it in xtask/layers.toml and say why"
            )
        }));
    }
    let gone = may_use.keys().filter(|name| !used.contains_key(*name));
    complaints
        .extend(gone.map(|name| format!("`{name}` is no crate of ours: remove it from xtask/layers.toml")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(list: &[(&str, &[&str])]) -> Crates {
        let owned = list.iter().map(|(name, dependencies)| {
            let dependencies = dependencies.iter().map(ToString::to_string).collect();
            ((*name).to_owned(), dependencies)
        });
        owned.collect()
    }

    #[test]
    fn using_less_than_allowed_is_fine() {
        let used = crates(&[("domain", &["jiff"])]);
        assert!(complaints(&used, &crates(&[("domain", &["jiff", "uuid"])])).is_empty());
    }

    #[test]
    fn a_dependency_that_the_layer_may_not_use_is_named() {
        let found = complaints(&crates(&[("domain", &["jiff", "tokio"])]), &crates(&[("domain", &["jiff"])]));
        assert!(matches!(found.as_slice(), [one] if one.contains("`domain` uses `tokio`")), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_layer_and_a_layer_without_a_crate_are_named() {
        let found = complaints(&crates(&[("new", &[])]), &crates(&[("old", &[])]));
        assert!(found[0].contains("`new` has no layer"), "{found:?}");
        assert!(found[1].contains("`old` is no crate of ours"), "{found:?}");
    }

    #[test]
    fn the_policy_file_is_well_formed_and_keeps_the_domain_free_of_machines() {
        let policy: Policy = read_policy("layers.toml").unwrap();
        for machine in ["tokio", "serde", "serde_json", "diesel", "actix-web", "reqwest"] {
            assert!(!policy.may_use["domain"].contains(machine), "{machine}");
            assert!(!policy.may_use["ports"].contains(machine), "{machine}");
        }
    }
}
