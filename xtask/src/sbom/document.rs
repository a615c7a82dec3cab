//! The document: `CycloneDX` 1.6 in JSON (ECMA-424).

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cargo_metadata::Package;
use serde::{Deserialize, Serialize};
use spdx::Expression;

use super::linked::{Crate, Linked};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: About,
    components: Vec<Component>,
    dependencies: Vec<Dependencies>,
}

#[derive(Serialize)]
struct About {
    component: Component,
}

#[derive(Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    licenses: Vec<Licence>,
    purl: String,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Licence {
    expression: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependencies {
    #[serde(rename = "ref")]
    reference: String,
    depends_on: Vec<String>,
}

/// `Cargo.lock`, as far as checksums go.
#[derive(Deserialize)]
struct LockFile {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// SHA-256 of what the registry serves; crates of this workspace have none.
    checksum: Option<String>,
}

impl Document {
    /// # Errors
    /// A crate without a licence, or that Cargo does not know.
    pub(super) fn new(linked: &Linked, packages: &[Package], lock_file: &str) -> Result<Self> {
        let licences: BTreeMap<Crate, Option<&str>> = packages
            .iter()
            .map(|package| {
                let (name, version) = (package.name.to_string(), package.version.to_string());
                (Crate { name, version }, package.license.as_deref())
            })
            .collect();
        Self::describing(linked, &licences, lock_file)
    }

    fn describing(
        linked: &Linked,
        licences: &BTreeMap<Crate, Option<&str>>,
        lock_file: &str,
    ) -> Result<Self> {
        let lock_file: LockFile = toml::from_str(lock_file).context("Cargo.lock")?;
        let checksums = lock_file
            .package
            .into_iter()
            .filter_map(|Locked { name, version, checksum }| Some((Crate { name, version }, checksum?)));
        let checksums: BTreeMap<Crate, String> = checksums.collect();
        let component = |kind, linked: &Crate| -> Result<Component> {
            let licence = licences.get(linked).copied().flatten().and_then(expression);
            let expression = licence.with_context(|| format!("`{}` has no licence", linked.name))?;
            Ok(Component {
                kind,
                reference: purl(linked),
                name: linked.name.clone(),
                version: linked.version.clone(),
                hashes: checksums.get(linked).map(|content| sha256(content)).into_iter().collect(),
                licenses: vec![Licence { expression }],
                purl: purl(linked),
            })
        };
        let libraries = linked.crates().keys().filter(|library| **library != linked.root);
        Ok(Self {
            bom_format: "CycloneDX",
            spec_version: "1.6",
            version: 1,
            metadata: About { component: component("application", &linked.root)? },
            components: libraries.map(|library| component("library", library)).collect::<Result<_>>()?,
            dependencies: linked
                .crates()
                .iter()
                .map(|(user, needs)| Dependencies {
                    reference: purl(user),
                    depends_on: needs.iter().map(purl).collect(),
                })
                .collect(),
        })
    }
}

/// As SPDX writes it; old crates write `MIT/Apache-2.0` for OR.
fn expression(licence: &str) -> Option<String> {
    let canonical = Expression::canonicalize(licence).ok()?;
    Some(canonical.unwrap_or_else(|| licence.to_owned()))
}

fn sha256(content: &str) -> Hash {
    Hash { alg: "SHA-256", content: content.to_owned() }
}

/// The package URL. Only build metadata of a version has a character to be encoded.
fn purl(Crate { name, version }: &Crate) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TREE: &str = "0 service v0.1.0 (/src)\n1 old v1.0.0+build.7\n";
    const LOCK_FILE: &str = "version = 4\n[[package]]\nname = \"old\"\nversion = \"1.0.0+build.7\"\n\
                             checksum = \"00ff\"\n[[package]]\nname = \"service\"\nversion = \"0.1.0\"\n";

    fn described(licence_of_old: Option<&str>) -> Result<Value> {
        let krate = |name: &str, version: &str| Crate { name: name.into(), version: version.into() };
        let licences = BTreeMap::from([
            (krate("service", "0.1.0"), Some("MIT OR Apache-2.0")),
            (krate("old", "1.0.0+build.7"), licence_of_old),
            (krate("old", "2.0.0"), Some("ISC")),
        ]);
        let document = Document::describing(&Linked::read(TREE)?, &licences, LOCK_FILE)?;
        Ok(serde_json::to_value(document)?)
    }

    #[test]
    fn asvs_15_1_1_the_document_names_what_is_linked_with_licence_and_checksum() {
        let old = "pkg:cargo/old@1.0.0%2Bbuild.7";
        let expected = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
            "metadata": {"component": {
                "type": "application", "bom-ref": "pkg:cargo/service@0.1.0", "name": "service",
                "version": "0.1.0", "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "purl": "pkg:cargo/service@0.1.0",
            }},
            "components": [{
                "type": "library", "bom-ref": old, "name": "old", "version": "1.0.0+build.7",
                "hashes": [{"alg": "SHA-256", "content": "00ff"}],
                "licenses": [{"expression": "MIT OR Zlib"}], "purl": old,
            }],
            "dependencies": [
                {"ref": old, "dependsOn": []},
                {"ref": "pkg:cargo/service@0.1.0", "dependsOn": [old]},
            ],
        });
        assert_eq!(described(Some("MIT/Zlib")).unwrap(), expected);
    }

    #[test]
    fn asvs_15_1_1_a_crate_without_a_licence_is_told_and_not_left_out() {
        assert!(described(None).unwrap_err().to_string().contains("`old` has no licence"));
    }
}
