//! Installs the `PostgreSQL` server from the system's packages.

use anyhow::Result;

use crate::packages::install;

/// Debian's package makes a cluster `main` and starts it, unless told before not
/// to: a test run must leave nothing running. The setting stays, as does the package.
const SCRIPT: &str = "
set -e
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/no-main-cluster.conf
apt-get update
apt-get install -y --no-install-recommends postgresql
";

const REMEDY: &str = "PostgreSQL's server is missing: install it (Debian: `sudo apt-get install postgresql`; elsewhere \
                      put the folder with `initdb` in PATH), or set TEST_DATABASE_URL to a server where databases may be made";

pub(crate) fn install_postgresql() -> Result<()> {
    install("PostgreSQL's server", "the package `postgresql`, without a cluster of its own", SCRIPT, REMEDY)
}
