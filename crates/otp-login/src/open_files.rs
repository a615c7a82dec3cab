//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A connection's own descriptor, the second one that watches it, and a third while its
/// password waits to be hashed.
const FOR_EACH_CONNECTION: u64 = 3;

/// The database, the provider, the log.
const FOR_ALL_ELSE: u64 = 256;

/// Raises the soft limit as far as `connections` need and the hard one allows. The usual
/// soft limit is for programs that use `select`, which this one does not.
pub(crate) fn allow_for(connections: usize) {
    let needed = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_mul(FOR_EACH_CONNECTION)
        .saturating_add(FOR_ALL_ELSE);
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.current.unwrap_or(u64::MAX);
    if allowed >= needed {
        return;
    }
    let raised = limit.maximum.map_or(needed, |hard| needed.min(hard)).max(allowed);
    let set = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit });
    let allowed = if set.is_ok() { raised } else { allowed };
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "too few open files are allowed for server.max_connections: raise the hard limit (ulimit -Hn), \
             or lower the setting"
        );
    }
}
