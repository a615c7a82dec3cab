//! The programs that make and run a `PostgreSQL` cluster.

use std::cmp::Reverse;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::install::install_postgresql;

/// Where Debian and its kin keep `<version>/bin`, out of `PATH`.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// A folder with `initdb` and `postgres`.
pub(crate) struct ServerPrograms {
    folder: PathBuf,
}

impl ServerPrograms {
    /// The first in `PATH`, else Debian's newest, else a newly installed one.
    pub(crate) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install_postgresql()?;
        Self::find().context(
            "apt-get installed PostgreSQL, but not its server: set TEST_DATABASE_URL to one of yours",
        )
    }

    fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let in_path = env::split_paths(&path).collect::<Vec<_>>();
        let debian = newest_first(Path::new(DEBIAN_VERSIONS));
        let mut initdb = in_path.iter().chain(&debian).map(|folder| folder.join("initdb"));
        // Through the symbolic link, for its neighbours may not be linked.
        let initdb = initdb.find_map(|initdb| fs::canonicalize(initdb).ok())?;
        let folder = initdb.parent()?.to_owned();
        Some(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl fmt::Display for ServerPrograms {
    /// `PostgreSQL 15.1 (/usr/lib/postgresql/15/bin)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = Command::new(self.folder.join("postgres")).arg("--version").output();
        let answer = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let version = answer.unwrap_or_default();
        write!(f, "{version} in {}", self.folder.display())
    }
}

/// The `bin` folders of all versions below `root`, 17 before 9.6.
fn newest_first(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .map(|entry| (version_of(&entry.file_name().to_string_lossy()), entry.path().join("bin")))
        .collect();
    versions.sort_by_key(|(version, _)| Reverse(version.clone()));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn version_of(name: &str) -> Vec<u32> {
    name.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let root = env::temp_dir().join(format!("server-programs-{}", std::process::id()));
        for version in ["9.6", "17", "15"] {
            fs::create_dir_all(root.join(version)).unwrap();
        }
        let found = newest_first(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, ["17", "15", "9.6"].map(|version| root.join(version).join("bin")));
    }
}
