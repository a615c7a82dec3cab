//! Blowfish with bcrypt's key schedule, for several keys in lockstep.
//!
//! Niels Provos and David Mazières, *A Future-Adaptable Password Scheme*, USENIX 1999,
//! §4 (`EksBlowfishSetup`); Bruce Schneier, *Description of a New Variable-Length Key,
//! 64-Bit Block Cipher*, 1993.

#![expect(clippy::indexing_slicing, reason = "every index is bounded by the length of its array")]
#![expect(clippy::inline_always, reason = "a call between two rounds of the lanes would end their overlap")]

use zeroize::Zeroize;

use crate::initial_state::PI;

/// Words of a key or salt, repeated as often as the schedule reads them.
pub(crate) type KeyWords = [u32; SUBKEYS];

const SUBKEYS: usize = 18;
const BOX: usize = 256;

/// The tables of one key.
struct Lane {
    subkeys: [u32; SUBKEYS],
    boxes: [[u32; BOX]; 4],
}

impl Lane {
    fn initial() -> Self {
        Self {
            subkeys: std::array::from_fn(|i| PI[i]),
            boxes: std::array::from_fn(|table| std::array::from_fn(|i| PI[SUBKEYS + table * BOX + i])),
        }
    }

    #[inline(always)]
    fn f(&self, half: u32) -> u32 {
        let [first, second, third, fourth] = &self.boxes;
        // Shifts are 5 % faster than `to_be_bytes`, which turns the word around first.
        let byte = |shift: u32| (half >> shift & 0xff) as usize;
        (first[byte(24)].wrapping_add(second[byte(16)]) ^ third[byte(8)]).wrapping_add(fourth[byte(0)])
    }
}

/// The tables of `N` keys, wiped when they go.
pub(crate) struct Blowfish<const N: usize>([Lane; N]);

impl<const N: usize> Drop for Blowfish<N> {
    fn drop(&mut self) {
        for lane in &mut self.0 {
            lane.subkeys.zeroize();
            lane.boxes.zeroize();
        }
    }
}

/// A block of each lane: its left and its right half.
pub(crate) type Blocks<const N: usize> = ([u32; N], [u32; N]);

/// One round of every lane, and the next one, which swaps the halves' parts. The
/// subkey is added first, so that nothing waits for it behind the loads.
macro_rules! two_rounds {
    ($lanes:expr, $left:ident, $right:ident, $subkey:expr) => {
        for i in 0..N {
            $right[i] = ($right[i] ^ $lanes[i].subkeys[$subkey]) ^ $lanes[i].f($left[i]);
        }
        for i in 0..N {
            $left[i] = ($left[i] ^ $lanes[i].subkeys[$subkey + 1]) ^ $lanes[i].f($right[i]);
        }
    };
}

impl<const N: usize> Blowfish<N> {
    /// Tables that salts and keys were mixed into once.
    pub(crate) fn new(keys: &[KeyWords; N], salts: &[KeyWords; N]) -> Self {
        let mut tables = Self(std::array::from_fn(|_| Lane::initial()));
        tables.add(keys);
        tables.replace(|word, lane| salts[lane][word % 4]);
        tables
    }

    /// Mixes a key into each lane's tables.
    #[inline(never)]
    pub(crate) fn expand(&mut self, keys: &[KeyWords; N]) {
        self.add(keys);
        self.replace(|_, _| 0);
    }

    #[inline(always)]
    fn add(&mut self, keys: &[KeyWords; N]) {
        for (lane, key) in self.0.iter_mut().zip(keys) {
            lane.subkeys.iter_mut().zip(key).for_each(|(subkey, word)| *subkey ^= word);
        }
    }

    /// Encrypts the tables block after block into themselves, each block chained to
    /// the last. `mixed` gives what is added to the nth word of a lane before.
    #[inline(always)]
    fn replace(&mut self, mixed: impl Fn(usize, usize) -> u32) {
        let mut blocks = ([0; N], [0; N]);
        for at in (0..SUBKEYS).step_by(2) {
            self.chain(&mut blocks, at, &mixed);
            for (i, lane) in self.0.iter_mut().enumerate() {
                lane.subkeys[at] = blocks.0[i];
                lane.subkeys[at + 1] = blocks.1[i];
            }
        }
        for table in 0..4 {
            for at in (0..BOX).step_by(2) {
                self.chain(&mut blocks, SUBKEYS + table * BOX + at, &mixed);
                for (i, lane) in self.0.iter_mut().enumerate() {
                    lane.boxes[table][at] = blocks.0[i];
                    lane.boxes[table][at + 1] = blocks.1[i];
                }
            }
        }
    }

    #[inline(always)]
    fn chain(&self, blocks: &mut Blocks<N>, at: usize, mixed: &impl Fn(usize, usize) -> u32) {
        for i in 0..N {
            blocks.0[i] ^= mixed(at, i);
            blocks.1[i] ^= mixed(at + 1, i);
        }
        self.encrypt(blocks);
    }

    /// Encrypts a block with each lane's tables.
    #[inline(always)]
    pub(crate) fn encrypt(&self, (left, right): &mut Blocks<N>) {
        let lanes = &self.0;
        for i in 0..N {
            left[i] ^= lanes[i].subkeys[0];
        }
        if N == 1 {
            // One lane waits anyway; a short loop is 3 % faster than a long row.
            for subkey in (1..17).step_by(2) {
                two_rounds!(lanes, left, right, subkey);
            }
        } else {
            // Subkeys at fixed places leave a register more for the lanes, which are
            // worth 8 % with four of them.
            two_rounds!(lanes, left, right, 1);
            two_rounds!(lanes, left, right, 3);
            two_rounds!(lanes, left, right, 5);
            two_rounds!(lanes, left, right, 7);
            two_rounds!(lanes, left, right, 9);
            two_rounds!(lanes, left, right, 11);
            two_rounds!(lanes, left, right, 13);
            two_rounds!(lanes, left, right, 15);
        }
        for i in 0..N {
            (left[i], right[i]) = (right[i] ^ lanes[i].subkeys[17], left[i]);
        }
    }
}
