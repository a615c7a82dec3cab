//! actix-governor is GPL-3.0-or-later: only one feature of one crate may bring it in.
//!
//! Whoever distributes a binary under MIT or Apache-2.0 builds without that
//! feature, so everything on the way must leave it optional.

use anyhow::Result;
use cargo_metadata::{Metadata, Package};

use crate::cargo::service_tree;

const COPYLEFT: &str = "actix-governor";
const HOLDER: &str = "http-actix";
const FEATURE: &str = "governor";

pub(super) fn complaints(everything: &Metadata) -> Result<Vec<String>> {
    let mut complaints: Vec<String> = direct_users(&everything.packages)
        .filter(|user| *user != HOLDER)
        .map(|user| format!("`{user}` depends on `{COPYLEFT}` (GPL-3.0-or-later): only `{HOLDER}` may"))
        .collect();
    let holder = everything.packages.iter().find(|package| package.name == HOLDER);
    complaints.extend(holder.and_then(complaint_about_holder));
    if is_linked(&service_tree("--no-default-features")?) {
        complaints.push(format!(
            "`{COPYLEFT}` (GPL-3.0-or-later) is built even with --no-default-features: every crate on the way to \
             `{HOLDER}` has to name it with `default-features = false` and pass its feature `{FEATURE}` on as its own"
        ));
    }
    Ok(complaints)
}

fn direct_users(packages: &[Package]) -> impl Iterator<Item = &str> {
    let users = packages.iter().filter(|package| {
        let mut dependencies = package.dependencies.iter();
        dependencies.any(|dependency| dependency.name == COPYLEFT)
    });
    users.map(|package| package.name.as_str())
}

/// What is wrong with how the one allowed crate brings it in.
fn complaint_about_holder(holder: &Package) -> Option<String> {
    let dependency = holder.dependencies.iter().find(|dependency| dependency.name == COPYLEFT)?;
    let bringing: Vec<&str> = holder
        .features
        .iter()
        .filter(|(_, enabled)| enabled.iter().any(|item| brings_it_in(item)))
        .map(|(feature, _)| feature.as_str())
        .collect();
    if dependency.optional && bringing == [FEATURE] {
        return None;
    }
    Some(format!(
        "`{HOLDER}` has to name `{COPYLEFT}` as optional, brought in by its feature `{FEATURE}` alone (now: {})",
        if dependency.optional { bringing.join(", ") } else { "always".into() }
    ))
}

/// `dep:x`, `x` and `x/feature` bring `x` in; `x?/feature` does not.
fn brings_it_in(item: &str) -> bool {
    let item = item.strip_prefix("dep:").unwrap_or(item);
    item.split('/').next() == Some(COPYLEFT)
}

fn is_linked(tree: &str) -> bool {
    tree.lines().any(|line| line.split(' ').nth(1) == Some(COPYLEFT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn package(name: &str, dependencies: &Value, features: &Value) -> Package {
        serde_json::from_value(json!({
            "name": name, "version": "0.1.0", "id": name, "targets": [], "manifest_path": "/Cargo.toml",
            "dependencies": dependencies, "features": features,
        }))
        .unwrap()
    }

    fn copyleft(optional: bool) -> Value {
        json!([{ "name": COPYLEFT, "req": "*", "kind": null, "optional": optional,
                 "uses_default_features": true, "features": [] }])
    }

    #[test]
    fn brought_in_by_its_feature_alone_is_fine() {
        let features = json!({ "default": ["governor"], "governor": ["dep:actix-governor"] });
        assert_eq!(complaint_about_holder(&package(HOLDER, &copyleft(true), &features)), None);
        assert_eq!(complaint_about_holder(&package(HOLDER, &json!([]), &json!({}))), None);
    }

    #[test]
    fn brought_in_always_or_by_another_feature_is_not() {
        let always = package(HOLDER, &copyleft(false), &json!({}));
        assert!(complaint_about_holder(&always).unwrap().contains("now: always"));
        let by_two = json!({ "governor": ["dep:actix-governor"], "log": ["actix-governor/log"] });
        let by_two = package(HOLDER, &copyleft(true), &by_two);
        assert!(complaint_about_holder(&by_two).unwrap().contains("governor, log"));
    }

    #[test]
    fn it_is_found_in_what_is_linked() {
        assert!(is_linked("0 otp-login v0.1.0 (/src)\n1 http-actix v0.1.0\n2 actix-governor v0.10.0"));
        assert!(!is_linked("0 otp-login v0.1.0 (/src)\n1 governor v0.10.4"));
    }

    #[test]
    fn a_second_user_is_found() {
        let packages =
            [package(HOLDER, &copyleft(true), &json!({})), package("domain", &copyleft(true), &json!({}))];
        assert_eq!(direct_users(&packages).collect::<Vec<_>>(), [HOLDER, "domain"]);
    }
}
