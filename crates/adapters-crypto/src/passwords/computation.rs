//! One run of bcrypt, as data: so that several can share a core's time.

use bcrypt_lanes::{Costs, Hash, Job, Salt, hash_all};
use zeroize::Zeroizing;

/// What bcrypt is given; wiped when it goes.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// Hashes to compute of one key and salt, in the time that the dearest takes.
pub(super) struct Computation {
    pub(super) key: Key,
    pub(super) salt: Salt,
    pub(super) costs: Costs,
}

/// What a computation gives: a hash for each of its costs.
pub(super) type Computed = Vec<Hash>;

impl Computation {
    /// Rounds of bcrypt.
    pub(super) fn rounds(&self) -> u64 {
        self.costs.highest().rounds()
    }
}

/// What computations give, at most `lanes` at once, in their order.
pub(super) fn compute<'a>(
    computations: impl Iterator<Item = &'a Computation>,
    lanes: usize,
) -> Vec<Computed> {
    let jobs: Vec<Job<'_>> = computations.map(|one| Job::new(&one.key, one.salt, one.costs)).collect();
    hash_all(&jobs, lanes)
}
