//! bcrypt over lanes.

use std::{array, hint::black_box};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    Digest, Salt,
    blowfish::{Blocks, Blowfish, KeyWords},
    format::{Cost, Hash, Version},
};

/// The most lanes that [`hash_all`] uses: more do not fit into a first level cache.
pub const MOST_LANES: usize = 8;

/// bcrypt reads no more of a password and its NUL.
const KEY_BYTES: usize = 72;

/// How often the text is encrypted.
const ENCRYPTIONS: usize = 64;

/// `OrpheanBeholderScryDoubt`, in three blocks.
const TEXT: [[u32; 2]; 3] =
    [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

/// A password to hash.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    password: &'a [u8],
    salt: Salt,
    cost: Cost,
    work: Cost,
}

impl<'a> Job<'a> {
    /// Of the password the first 72 bytes count, or all and a NUL where there are fewer.
    pub const fn new(password: &'a [u8], salt: Salt, cost: Cost) -> Self {
        Self { password, salt, cost, work: cost }
    }

    /// Lets the job take as long as one of cost `work`, if that is more than its own: by time, the
    /// two can then not be told apart.
    #[must_use]
    pub const fn with_work_of(self, work: Cost) -> Self {
        Self { work, ..self }
    }
}

/// Hashes `N` passwords in lockstep on this thread.
///
/// Takes as long as the costliest of them: a lane that is done early is idle. Allocates
/// nothing. What depends on passwords is wiped.
pub fn hash<const N: usize>(jobs: [Job<'_>; N]) -> [Hash; N] {
    let digests = digests(&jobs);
    array::from_fn(|i| finished(&jobs, &digests, i))
}

#[expect(clippy::indexing_slicing, reason = "both arrays have N items, and i is below N")]
fn finished<const N: usize>(jobs: &[Job<'_>; N], digests: &[Digest; N], i: usize) -> Hash {
    Hash { version: Version::TwoB, cost: jobs[i].cost, salt: jobs[i].salt, digest: digests[i] }
}

/// Hashes any number of passwords, at most `lanes` (1 to [`MOST_LANES`]) at once.
///
/// Neighbours share the lanes, so whoever mixes costs had better sort by them.
///
/// Unlike the functions over arrays this one is compiled with the options of this
/// crate, whatever those of the caller are.
pub fn hash_all(jobs: &[Job<'_>], lanes: usize) -> Vec<Hash> {
    let mut hashes = Vec::with_capacity(jobs.len());
    for group in jobs.chunks(lanes.clamp(1, MOST_LANES)) {
        match group.len() {
            1 => extend::<1>(&mut hashes, group),
            2 => extend::<2>(&mut hashes, group),
            3 => extend::<3>(&mut hashes, group),
            4 => extend::<4>(&mut hashes, group),
            5 => extend::<5>(&mut hashes, group),
            6 => extend::<6>(&mut hashes, group),
            7 => extend::<7>(&mut hashes, group),
            _ => extend::<8>(&mut hashes, group),
        }
    }
    hashes
}

fn extend<const N: usize>(hashes: &mut Vec<Hash>, group: &[Job<'_>]) {
    if let Ok(jobs) = <[Job<'_>; N]>::try_from(group) {
        hashes.extend(hash(jobs));
    }
}

/// Whether each password has its hash; `N` in lockstep, like [`hash`].
///
/// Digests are compared in constant time.
pub fn verify<const N: usize>(candidates: [(&[u8], &Hash); N]) -> [bool; N] {
    let jobs = candidates.map(|(password, hash)| Job::new(password, hash.salt, hash.cost));
    let digests = digests(&jobs);
    let mut matches = candidates.iter().zip(&digests).map(|((_, hash), digest)| hash.digest.ct_eq(digest));
    array::from_fn(|_| matches.next().is_some_and(bool::from))
}

fn digests<const N: usize>(jobs: &[Job<'_>; N]) -> [Digest; N] {
    let keys = Zeroizing::new(jobs.each_ref().map(|job| key_words(job.password)));
    let salts = jobs.each_ref().map(|job| repeated(job.salt));
    let mut blowfish = Blowfish::new(&keys, &salts);
    let mut costs = jobs.each_ref().map(|job| job.cost);
    costs.sort_unstable();

    let mut digests = [[0; 23]; N];
    let mut rounds_done = 0;
    for cost in costs {
        if rounds_done == cost.rounds() {
            continue;
        }
        for _ in rounds_done..cost.rounds() {
            blowfish.expand(&keys);
            blowfish.expand(&salts);
        }
        rounds_done = cost.rounds();
        let finished = encrypt_text(&blowfish);
        for ((digest, job), finished) in digests.iter_mut().zip(jobs).zip(finished) {
            if job.cost == cost {
                *digest = finished;
            }
        }
    }
    let work = jobs.iter().map(|job| job.work.rounds()).max().unwrap_or_default();
    for _ in rounds_done..work {
        blowfish.expand(&keys);
        blowfish.expand(&salts);
    }
    // Else the compiler may find that nobody reads what the work for time's sake left.
    black_box(&blowfish);
    digests
}

fn encrypt_text<const N: usize>(blowfish: &Blowfish<N>) -> [Digest; N] {
    let encrypted = TEXT.map(|[left, right]| {
        let mut blocks: Blocks<N> = ([left; N], [right; N]);
        for _ in 0..ENCRYPTIONS {
            blowfish.encrypt(&mut blocks);
        }
        blocks
    });
    array::from_fn(|lane| {
        let words =
            encrypted.iter().flat_map(|(left, right)| [left, right]).filter_map(|half| half.get(lane));
        let mut bytes = words.flat_map(|word| word.to_be_bytes());
        array::from_fn(|_| bytes.next().unwrap_or_default())
    })
}

/// The words of a password with its NUL, cut at 72 bytes and repeated.
fn key_words(password: &[u8]) -> KeyWords {
    let key = password.iter().copied().chain([0]).take(KEY_BYTES);
    words(key.cycle())
}

fn repeated(salt: Salt) -> KeyWords {
    words(salt.into_iter().cycle())
}

fn words(mut bytes: impl Iterator<Item = u8>) -> KeyWords {
    array::from_fn(|_| u32::from_be_bytes(array::from_fn(|_| bytes.next().unwrap_or_default())))
}
