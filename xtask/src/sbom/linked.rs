//! The crates that are linked, and which needs which, as `cargo tree` lists them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

/// A version of a crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
}

/// A graph with one root.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) root: Crate,
    needs: BTreeMap<Crate, BTreeSet<Crate>>,
}

impl Linked {
    /// Reads lines of `<depth> <name> v<version> …`, each below whoever needs it. What a crate
    /// needs is listed where the crate appears first.
    pub(super) fn read(tree: &str) -> Result<Self> {
        let mut needs: BTreeMap<Crate, BTreeSet<Crate>> = BTreeMap::new();
        let mut above: Vec<Crate> = Vec::new();
        for line in tree.lines().filter(|line| !line.trim().is_empty()) {
            let (depth, linked) = parse(line).with_context(|| format!("cargo tree says: {line}"))?;
            above.truncate(depth);
            if let Some(user) = above.last() {
                needs.entry(user.clone()).or_default().insert(linked.clone());
            }
            needs.entry(linked.clone()).or_default();
            above.push(linked);
        }
        let root = above.into_iter().next().context("cargo tree lists nothing")?;
        Ok(Self { root, needs })
    }

    /// All of them in their order, with what each needs.
    pub(super) fn crates(&self) -> &BTreeMap<Crate, BTreeSet<Crate>> {
        &self.needs
    }
}

fn parse(line: &str) -> Option<(usize, Crate)> {
    let mut words = line.split_whitespace();
    let (depth, name, version) = (words.next()?, words.next()?, words.next()?);
    let version = version.strip_prefix('v')?.to_owned();
    Some((depth.parse().ok()?, Crate { name: name.to_owned(), version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0 service v0.1.0 (/src/service)\n1 a v1.0.0\n2 c v2.0.0\n3 d v1.0.0\n1 b v1.0.0\n\
                        2 c v2.0.0 (*)\n2 c v1.0.0\n";

    fn krate(name: &str, version: &str) -> Crate {
        Crate { name: name.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn each_crate_is_listed_once_with_what_it_needs() {
        let linked = Linked::read(TREE).unwrap();
        assert_eq!(linked.root, krate("service", "0.1.0"));
        let needs = |user| linked.crates()[&user].iter().cloned().collect::<Vec<_>>();
        assert_eq!(linked.crates().len(), 6);
        assert_eq!(needs(krate("service", "0.1.0")), [krate("a", "1.0.0"), krate("b", "1.0.0")]);
        assert_eq!(needs(krate("b", "1.0.0")), [krate("c", "1.0.0"), krate("c", "2.0.0")]);
        assert_eq!(needs(krate("c", "2.0.0")), [krate("d", "1.0.0")]);
        assert_eq!(needs(krate("d", "1.0.0")), []);
    }

    #[test]
    fn a_line_that_is_not_understood_is_no_crate_to_leave_out() {
        assert!(Linked::read("0 service v0.1.0\n1 a\n").unwrap_err().to_string().contains("1 a"));
        assert!(Linked::read("\n").is_err());
    }
}
