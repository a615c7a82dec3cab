//! Crates linked into the service in two versions, against `xtask/duplicate-versions.toml`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;
use serde::Deserialize;

use crate::cargo::{read_policy, service_tree};

#[derive(Deserialize)]
struct Policy {
    #[serde(default)]
    duplicate: Vec<Reviewed>,
}

/// A duplicate that somebody looked at and let be.
#[derive(Deserialize)]
struct Reviewed {
    #[serde(rename = "crate")]
    name: String,
    versions: BTreeSet<String>,
    /// For the reader of the file; required, so that nobody adds one in silence.
    #[expect(dead_code, reason = "read by people")]
    reason: String,
}

/// Crate name → version → the crates that use it.
type Linked = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

pub(super) fn complaints() -> Result<Vec<String>> {
    let policy: Policy = read_policy("duplicate-versions.toml")?;
    let tree = service_tree("--all-features")?;
    let linked = linked(&tree).context("cargo tree printed what we do not understand")?;
    Ok(complaints_about(&linked, &policy.duplicate))
}

/// Everything that is linked into the service, from lines such as
/// `2 base64 v0.22.1 (*)`, which stand deeper than, and below, their user's.
fn linked(tree: &str) -> Option<Linked> {
    let mut linked = Linked::new();
    let mut path: Vec<String> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        let depth: usize = words.next()?.parse().ok()?;
        let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
        let range = compatible_range(&Version::parse(version).ok()?);
        path.truncate(depth);
        let users = linked.entry(name.into()).or_default().entry(range).or_default();
        users.extend(path.last().cloned());
        path.push(format!("{name} {version}"));
    }
    Some(linked)
}

/// The part of a version that two crates have to agree on to share it. Cargo
/// never links two versions within it, and an update within it changes nothing here.
fn compatible_range(version: &Version) -> String {
    match (version.major, version.minor) {
        (0, 0) => format!("0.0.{}", version.patch),
        (0, minor) => format!("0.{minor}"),
        (major, _) => major.to_string(),
    }
}

fn complaints_about(linked: &Linked, reviewed: &[Reviewed]) -> Vec<String> {
    let duplicates = linked.iter().filter(|(_, versions)| versions.len() > 1);
    let unreviewed =
        duplicates.filter(|(name, versions)| !reviewed.iter().any(|entry| covers(entry, name, versions)));
    let stale = reviewed.iter().filter(|entry| {
        let versions = linked.get(&entry.name);
        !versions.is_some_and(|versions| covers(entry, &entry.name, versions))
    });
    let unreviewed = unreviewed.map(|(name, versions)| describe(name, versions));
    let stale = stale.map(|entry| {
        format!(
            "`{}` is not linked in exactly the versions {:?} any more: correct or remove its entry in \
             xtask/duplicate-versions.toml",
            entry.name, entry.versions
        )
    });
    unreviewed.chain(stale).collect()
}

fn covers(entry: &Reviewed, name: &str, versions: &BTreeMap<String, BTreeSet<String>>) -> bool {
    entry.name == name && entry.versions.iter().eq(versions.keys())
}

fn describe(name: &str, versions: &BTreeMap<String, BTreeSet<String>>) -> String {
    let users = versions.iter().map(|(version, users)| {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        format!("    {version} by {}\n", users.join(", "))
    });
    let users: String = users.collect();
    let ranges: Vec<&String> = versions.keys().collect();
    format!(
        "`{name}` is linked in {} versions:\n{users}  bring the users to one version, or, if you cannot, add to \
         xtask/duplicate-versions.toml:\n    [[duplicate]]\n    crate = \"{name}\"\n    versions = {ranges:?}\n    \
         reason = \"…\"",
        versions.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_versions(crates: &[(&str, &[&str])]) -> Linked {
        let mut linked = Linked::new();
        for (name, versions) in crates {
            let users = BTreeSet::from(["user 1.0.0".to_owned()]);
            let versions = versions.iter().map(|version| ((*version).to_owned(), users.clone()));
            linked.insert((*name).to_owned(), versions.collect());
        }
        linked
    }

    fn reviewed(name: &str, versions: &[&str]) -> Reviewed {
        Reviewed {
            name: name.into(),
            versions: versions.iter().map(ToString::to_string).collect(),
            reason: String::new(),
        }
    }

    #[test]
    fn one_version_of_each_and_a_reviewed_duplicate_are_fine() {
        let linked = in_versions(&[("toml", &["0.9", "1"]), ("serde", &["1"])]);
        assert!(complaints_about(&linked, &[reviewed("toml", &["0.9", "1"])]).is_empty());
    }

    #[test]
    fn a_new_duplicate_is_named_with_its_users_and_the_lines_to_add() {
        let found = complaints_about(&in_versions(&[("toml", &["0.9", "1"])]), &[]);
        assert!(found[0].contains("0.9 by user 1.0.0"), "{found:?}");
        assert!(found[0].contains(r#"versions = ["0.9", "1"]"#), "{found:?}");
    }

    #[test]
    fn a_third_version_needs_another_review() {
        let found = complaints_about(
            &in_versions(&[("toml", &["0.8", "0.9", "1"])]),
            &[reviewed("toml", &["0.9", "1"])],
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn an_entry_for_a_duplicate_that_is_gone_is_stale() {
        for linked in [in_versions(&[("toml", &["1"])]), in_versions(&[])] {
            let found = complaints_about(&linked, &[reviewed("toml", &["0.9", "1"])]);
            assert!(found[0].contains("correct or remove"), "{found:?}");
        }
    }

    #[test]
    fn who_uses_what_is_read_from_the_tree() {
        let tree = "0 otp-login v0.1.0 (/src)\n1 a v2.0.0\n2 toml v0.9.1\n3 b v1.0.0\n1 toml v1.2.0+spec\n2 b v1.0.0 (*)";
        let linked = linked(tree).unwrap();
        assert_eq!(linked["toml"]["0.9"], BTreeSet::from(["a 2.0.0".to_owned()]));
        assert_eq!(linked["toml"]["1"], BTreeSet::from(["otp-login 0.1.0".to_owned()]));
        assert_eq!(linked["b"]["1"].len(), 2);
    }

    #[test]
    fn versions_are_told_apart_by_what_is_compatible() {
        let range = |text| compatible_range(&Version::parse(text).unwrap());
        assert_eq!([range("1.2.3"), range("0.9.12"), range("0.0.4")], ["1", "0.9", "0.0.4"]);
    }
}
