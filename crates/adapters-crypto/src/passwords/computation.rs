//! One run of bcrypt, as data: so that several can share a core's time.

use bcrypt_lanes::{Cost, Digest, Job, Salt, hash_all};
use zeroize::Zeroizing;

/// What bcrypt is given; wiped when it goes.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// A hash to compute.
pub(super) struct Computation {
    pub(super) key: Key,
    pub(super) salt: Salt,
    pub(super) cost: Cost,
    /// How long it shall take: that of a dearer hash, where time would tell which it is.
    pub(super) work: Cost,
}

impl Computation {
    fn job(&self) -> Job<'_> {
        Job::new(&self.key, self.salt, self.cost).with_work_of(self.work)
    }

    /// Rounds of bcrypt.
    pub(super) fn rounds(&self) -> u64 {
        self.cost.max(self.work).rounds()
    }
}

/// The digests of computations, at most `lanes` at once, in their order.
pub(super) fn compute<'a>(computations: impl Iterator<Item = &'a Computation>, lanes: usize) -> Vec<Digest> {
    let jobs: Vec<Job<'_>> = computations.map(Computation::job).collect();
    hash_all(&jobs, lanes).into_iter().map(|hash| hash.digest).collect()
}
