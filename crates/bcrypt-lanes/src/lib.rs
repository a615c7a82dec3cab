//! bcrypt for several passwords at once, on one core.
//!
//! # Why this is faster
//!
//! A round of Blowfish looks up four words in tables that it keeps changing, and the
//! next round needs the sum: each waits for the loads of the one before. One hash keeps a
//! core busy with waiting, about eleven cycles a round in which the core could have
//! done three to four times the work. Hashes of different passwords do not wait for
//! each other, so several in lockstep fill each other's gaps. No SIMD, no `unsafe`:
//! the processor reorders on its own what stands side by side in the program.
//!
//! Every lane has 4 KiB of tables. Eight lanes are more than the 32 KiB that first
//! level caches commonly have; beyond that there is nothing to gain.
//!
//! On one core of an AMD EPYC (Zen 4), hashes a second against the `bcrypt` crate at the
//! optimisation level that suits it best:
//!
//! | lanes | 1 | 2 | 3 | 4 | 6 | 8 |
//! |---|---|---|---|---|---|---|
//! | ratio | 1.0 | 1.8 | 2.5 | 2.9 | 3.3 | 3.3 |
//!
//! Compile this crate with `opt-level = 2` (`[profile.release.package.bcrypt-lanes]`): at
//! level 3 one lane is 3 % slower, and the others are as fast.
//!
//! # What is hashed
//!
//! What every bcrypt since OpenBSD 5.5 hashes (`$2b$`, the same as `$2y$` elsewhere): the
//! bytes of the password and a NUL, and of these no more than the first 72. The key so
//! made is repeated, so a password that holds a NUL can have the hash of a shorter one.
//! Passwords that may be longer or hold NULs want a preparation before bcrypt, such as a keyed
//! digest in Base64.
//!
//! `$2a$` is read as the same thing. It is not, for passwords that the makers of such
//! hashes got wrong on purpose or by mistake: of 255 bytes and more (OpenBSD before 5.5),
//! or with certain bytes beyond ASCII (crypt\_blowfish 1.1 and later tell these `$2a$`
//! apart, to keep `$2x$` hashes from being guessed). Such passwords are refused, never
//! taken for others.
//!
//! # Several costs at once
//!
//! Each cost doubles the rounds of the one before, so a hash of cost 12 has been a hash of cost
//! 10 on its way. [`Costs`] asks for both in one lane: whoever raised the cost can compare with
//! an old hash in exactly the time of a new one, and time does not tell which it was.
//!
//! # Examples
//!
//! ```
//! use bcrypt_lanes::{Cost, Hash, Job, hash, verify};
//!
//! let cost = Cost::new(4).ok_or("4 to 31")?;
//! // Salts come from a random source, one for each password.
//! let jobs = [
//!     Job::new(b"correct horse", [1; 16], cost),
//!     Job::new(b"battery staple", [2; 16], cost),
//! ];
//! let [horse, staple] = hash(jobs);
//!
//! let stored: Hash = horse.to_string().parse()?;
//! assert_eq!(verify([(b"correct horse", &stored), (b"tr0ub4dor", &staple)]), [true, false]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blowfish;
mod format;
mod initial_state;
mod lanes;

pub use format::{Cost, Costs, Hash, Malformed, Version};
pub use lanes::{Job, MOST_LANES, hash, hash_all, verify};

/// What bcrypt mixes into a password.
pub type Salt = [u8; 16];

/// What bcrypt makes of a password: 23 bytes of the 24, as it was ever written down.
pub type Digest = [u8; 23];
