//! bcrypt over lanes.

use std::array;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    Digest, Salt,
    blowfish::{Blocks, Blowfish, KeyWords},
    format::{Cost, Costs, Hash, Version},
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
    costs: Costs,
}

impl<'a> Job<'a> {
    /// Of the password the first 72 bytes count, or all and a NUL where there are fewer.
    ///
    /// Several costs take no longer than the highest of them. So a password can be
    /// compared with a hash of a lower cost in the time that one of today's takes.
    pub fn new(password: &'a [u8], salt: Salt, costs: impl Into<Costs>) -> Self {
        Self { password, salt, costs: costs.into() }
    }

    fn hash(&self, cost: Cost, digest: Digest) -> Hash {
        Hash { version: Version::TwoB, cost, salt: self.salt, digest }
    }
}

/// Hashes `N` passwords in lockstep on this thread, each at the highest of its costs.
///
/// Takes as long as the costliest of them: a lane that is done early is idle. Allocates
/// nothing. What depends on passwords is wiped.
pub fn hash<const N: usize>(jobs: [Job<'_>; N]) -> [Hash; N] {
    let mut hashes = jobs.each_ref().map(|job| job.hash(job.costs.highest(), Digest::default()));
    run(&jobs, |lane, _, digest| {
        if let Some(hash) = hashes.get_mut(lane) {
            hash.digest = digest;
        }
    });
    hashes
}

/// Hashes any number of passwords, at most `lanes` (1 to [`MOST_LANES`]) at once, and gives
/// for each the hashes of all its costs, in ascending order.
///
/// Neighbours share the lanes, so whoever mixes costs had better sort by them.
///
/// Unlike the functions over arrays this one is compiled with the options of this
/// crate, whatever those of the caller are.
pub fn hash_all(jobs: &[Job<'_>], lanes: usize) -> Vec<Vec<Hash>> {
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

fn extend<const N: usize>(hashes: &mut Vec<Vec<Hash>>, group: &[Job<'_>]) {
    let Ok(jobs) = <[Job<'_>; N]>::try_from(group) else { return };
    let mut of_group = [const { Vec::new() }; N];
    run(&jobs, |lane, cost, digest| {
        if let Some((job, hashes)) = jobs.get(lane).zip(of_group.get_mut(lane)) {
            hashes.push(job.hash(cost, digest));
        }
    });
    hashes.extend(of_group);
}

/// Whether each password has its hash; `N` in lockstep, like [`hash`].
///
/// Digests are compared in constant time.
pub fn verify<const N: usize>(candidates: [(&[u8], &Hash); N]) -> [bool; N] {
    let computed = hash(candidates.map(|(password, hash)| Job::new(password, hash.salt, hash.cost)));
    let mut matches =
        candidates.iter().zip(&computed).map(|((_, hash), computed)| hash.digest.ct_eq(&computed.digest));
    array::from_fn(|_| matches.next().is_some_and(bool::from))
}

/// Computes all jobs and tells the digest of each lane at each of its costs, lower ones first.
fn run<const N: usize>(jobs: &[Job<'_>; N], mut tell: impl FnMut(usize, Cost, Digest)) {
    let keys = Zeroizing::new(jobs.each_ref().map(|job| key_words(job.password)));
    let salts = jobs.each_ref().map(|job| repeated(job.salt));
    let mut blowfish = Blowfish::new(&keys, &salts);
    let mut rounds_done = 0;
    for cost in Costs::union(jobs.iter().map(|job| job.costs)) {
        for _ in rounds_done..cost.rounds() {
            blowfish.expand(&keys);
            blowfish.expand(&salts);
        }
        rounds_done = cost.rounds();
        for (lane, (job, digest)) in jobs.iter().zip(encrypt_text(&blowfish)).enumerate() {
            if job.costs.contains(cost) {
                tell(lane, cost, digest);
            }
        }
    }
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
