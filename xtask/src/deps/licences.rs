//! Every dependency's licence against `xtask/licences.toml`.

use anyhow::{Result, anyhow};
use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::cargo::read_policy;

#[derive(Deserialize)]
struct Policy {
    allowed: Vec<String>,
    #[serde(default)]
    exception: Vec<Exception>,
}

/// A crate that may be used under a licence that others may not have.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    licence: String,
    /// For the reader of the file; required, so that nobody adds one in silence.
    #[expect(dead_code, reason = "read by people")]
    reason: String,
}

/// A dependency as far as its licence goes.
struct Licensed<'a> {
    name: &'a str,
    version: String,
    licence: Option<&'a str>,
}

pub(super) fn complaints(graph: &Metadata) -> Result<Vec<String>> {
    let policy = read_policy("licences.toml")?;
    let theirs = graph.packages.iter().filter(|package| package.source.is_some());
    complaints_about(&theirs.map(licensed).collect::<Vec<_>>(), &policy)
}

fn licensed(package: &Package) -> Licensed<'_> {
    Licensed {
        name: package.name.as_str(),
        version: package.version.to_string(),
        licence: package.license.as_deref(),
    }
}

fn complaints_about(packages: &[Licensed<'_>], policy: &Policy) -> Result<Vec<String>> {
    let allowed = parse_all(policy.allowed.iter())?;
    let mut complaints = Vec::new();
    for package in packages {
        let excepted = policy.exception.iter().filter(|exception| exception.name == package.name);
        let excepted = parse_all(excepted.map(|exception| &exception.licence))?;
        if !is_acceptable(package.licence, &[allowed.as_slice(), &excepted].concat()) {
            complaints.push(refusal(package));
        }
    }
    let stale = policy.exception.iter().filter(|exception| {
        let used = packages.iter().any(|package| package.name == exception.name);
        !used
    });
    complaints.extend(stale.map(|exception| {
        format!("`{}` is not used any more: remove its exception from xtask/licences.toml", exception.name)
    }));
    Ok(complaints)
}

fn parse_all<'a>(licences: impl Iterator<Item = &'a String>) -> Result<Vec<Licensee>> {
    let parsed = licences.map(|text| {
        Licensee::parse(text)
            .map_err(|error| anyhow!("xtask/licences.toml: `{text}` is no SPDX licence: {error}"))
    });
    parsed.collect()
}

/// Whether holding `accepted` satisfies the SPDX expression. Old crates write
/// `MIT/Apache-2.0` for OR, which the lax mode understands.
fn is_acceptable(licence: Option<&str>, accepted: &[Licensee]) -> bool {
    let expression = licence.and_then(|text| Expression::parse_mode(text, ParseMode::LAX).ok());
    expression.is_some_and(|expression| {
        expression.evaluate(|required| accepted.iter().any(|licensee| licensee.satisfies(required)))
    })
}

fn refusal(package: &Licensed<'_>) -> String {
    let Licensed { name, version, licence } = package;
    let licence = licence.unwrap_or("no SPDX expression");
    format!(
        "`{name}` {version} has a licence we do not take ({licence}): use another crate, or, if the licence lets \
         us distribute under MIT OR Apache-2.0, add it to xtask/licences.toml"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            allowed: vec!["MIT".into(), "Unicode-3.0".into(), "Apache-2.0".into()],
            exception: vec![Exception {
                name: "limiter".into(),
                licence: "GPL-3.0-or-later".into(),
                reason: String::new(),
            }],
        }
    }

    fn complaints_for(crates: &[(&str, Option<&str>)]) -> Vec<String> {
        let limiter = ("limiter", Some("GPL-3.0-or-later"));
        let packages = crates.iter().chain([&limiter]).map(|(name, licence)| Licensed {
            name,
            version: "1.0.0".into(),
            licence: *licence,
        });
        complaints_about(&packages.collect::<Vec<_>>(), &policy()).unwrap()
    }

    #[test]
    fn one_allowed_side_of_or_is_enough_and_both_sides_of_and_are_needed() {
        assert!(complaints_for(&[("a", Some("MIT OR GPL-2.0-only"))]).is_empty());
        assert!(complaints_for(&[("a", Some("(MIT OR Apache-2.0) AND Unicode-3.0"))]).is_empty());
        assert!(complaints_for(&[("a", Some("Zlib/MIT"))]).is_empty());
        assert_eq!(complaints_for(&[("a", Some("MIT AND GPL-2.0-only"))]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_licence_is_refused() {
        assert!(complaints_for(&[("a", None)])[0].contains("no SPDX expression"));
    }

    #[test]
    fn an_exception_holds_for_its_crate_alone() {
        assert_eq!(complaints_for(&[("other", Some("GPL-3.0-or-later"))]).len(), 1);
    }

    #[test]
    fn an_exception_for_a_crate_that_is_gone_is_stale() {
        let found = complaints_about(&[], &policy()).unwrap();
        assert!(matches!(found.as_slice(), [one] if one.contains("`limiter` is not used any more")));
    }
}
