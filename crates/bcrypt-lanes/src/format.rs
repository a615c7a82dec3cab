//! Hashes as text: `$2b$12$` and 53 characters.

use std::{fmt, str::FromStr};

use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{Digest, Salt};

const WRITER: GeneralPurpose =
    GeneralPurpose::new(&BCRYPT, GeneralPurposeConfig::new().with_encode_padding(false));

/// Two characters carry more bits than the bytes they stand for; what programs of old left
/// there does not matter.
const READER: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

const SALT_CHARACTERS: usize = 22;
const DIGEST_CHARACTERS: usize = 31;

/// bcrypt's cost: a hash takes `2^cost` rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u32);

impl Cost {
    /// A cost of 4 to 31; `None` of any other.
    pub const fn new(cost: u32) -> Option<Self> {
        if matches!(cost, 4..=31) { Some(Self(cost)) } else { None }
    }

    /// The number that is written into hashes.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The rounds of a hash.
    pub const fn rounds(self) -> u64 {
        1 << self.0
    }
}

/// One cost or several: what a hash of the highest passes on its way are the hashes of
/// the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs(u32);

impl Costs {
    /// With one more.
    #[must_use]
    pub const fn and(self, cost: Cost) -> Self {
        Self(self.0 | 1 << cost.0)
    }

    pub const fn contains(self, cost: Cost) -> bool {
        self.0 >> cost.0 & 1 == 1
    }

    /// Of a set that is never empty.
    pub const fn highest(self) -> Cost {
        Cost(self.0.ilog2())
    }

    pub(crate) fn union(all: impl Iterator<Item = Self>) -> impl Iterator<Item = Cost> {
        let union = all.fold(0, |union, costs| union | costs.0);
        (4..=31).filter(move |cost| union >> cost & 1 == 1).map(Cost)
    }
}

impl From<Cost> for Costs {
    fn from(cost: Cost) -> Self {
        Self(1 << cost.0)
    }
}

/// Which program's mark a hash carries. All three are computed alike; see the crate's
/// documentation for what `$2a$` may also have meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `$2a$`: the first with NUL-ended keys.
    TwoA,
    /// `$2b$`: OpenBSD since 5.5. New hashes carry it.
    TwoB,
    /// `$2y$`: `crypt_blowfish` since 1.1, and PHP.
    TwoY,
}

impl Version {
    const ALL: [Self; 3] = [Self::TwoA, Self::TwoB, Self::TwoY];

    const fn mark(self) -> &'static str {
        match self {
            Self::TwoA => "$2a$",
            Self::TwoB => "$2b$",
            Self::TwoY => "$2y$",
        }
    }
}

/// A hash with all that is needed to verify a password. Its text form is that of
/// every bcrypt: `$2b$12$`, 22 characters of salt, 31 of digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash {
    pub version: Version,
    pub cost: Cost,
    pub salt: Salt,
    pub digest: Digest,
}

/// Why a text is no hash. Never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a hash begins with $2a$, $2b$ or $2y$")]
    Version,
    #[error("a cost is two digits, 04 to 31, and a dollar sign")]
    Cost,
    #[error("53 characters of ./A-Za-z0-9 follow the cost: 22 of salt and 31 of digest")]
    Digest,
}

impl FromStr for Hash {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let marked = |version: Version| text.strip_prefix(version.mark()).map(|rest| (version, rest));
        let (version, rest) = Version::ALL.into_iter().find_map(marked).ok_or(Malformed::Version)?;
        let (cost, rest) = rest.split_once('$').ok_or(Malformed::Cost)?;
        let cost = cost_of(cost).ok_or(Malformed::Cost)?;
        let (salt, digest) = rest.split_at_checked(SALT_CHARACTERS).ok_or(Malformed::Digest)?;
        if digest.len() != DIGEST_CHARACTERS {
            return Err(Malformed::Digest);
        }
        let (salt, digest) = read(salt).zip(read(digest)).ok_or(Malformed::Digest)?;
        Ok(Self { version, cost, salt, digest })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, cost) = (self.version.mark(), self.cost.get());
        write!(f, "{mark}{cost:02}${}{}", WRITER.encode(self.salt), WRITER.encode(self.digest))
    }
}

fn cost_of(text: &str) -> Option<Cost> {
    let two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    two_digits.then(|| text.parse().ok().and_then(Cost::new)).flatten()
}

fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    READER.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "$2b$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let text = TEXT.replacen("$2b$", version, 1);
            assert_eq!(text.parse::<Hash>().unwrap().to_string(), text);
        }
        for cost in 4..=31 {
            let text = TEXT.replacen("06", &format!("{cost:02}"), 1);
            assert_eq!(text.parse::<Hash>().unwrap().cost.get(), cost);
        }
    }

    #[test]
    fn unused_bits_of_old_programs_are_ignored() {
        let set = TEXT.replacen("zDGO", "zDGP", 1);
        assert_eq!(set.parse::<Hash>().unwrap().to_string(), TEXT);
    }

    #[test]
    fn a_malformed_hash_is_refused_with_what_is_wrong() {
        let with = |from: &str, to: &str| TEXT.replacen(from, to, 1);
        let wrong = [
            (String::new(), Malformed::Version),
            (with("$2b$", "$2x$"), Malformed::Version),
            (with("$2b$", "$2$"), Malformed::Version),
            (with("$2b$", "2b$"), Malformed::Version),
            (with("$06$", "$6$"), Malformed::Cost),
            (with("$06$", "$+6$"), Malformed::Cost),
            (with("$06$", "$03$"), Malformed::Cost),
            (with("$06$", "$32$"), Malformed::Cost),
            (with("$06$", "$006$"), Malformed::Cost),
            ("$2b$06".to_owned(), Malformed::Cost),
            (TEXT[..59].to_owned(), Malformed::Digest),
            (format!("{TEXT}a"), Malformed::Digest),
            (format!("{TEXT}\n"), Malformed::Digest),
            (with("m0C", "m0!"), Malformed::Digest),
            (with("m0C", "m0ä"), Malformed::Digest),
            (with("$06$m0C", "$06$$0C"), Malformed::Digest),
            (with("fxe", "fx="), Malformed::Digest),
        ];
        for (text, why) in wrong {
            assert_eq!(text.parse::<Hash>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn costs_are_a_set() {
        let cost = |cost| Cost::new(cost).unwrap();
        let costs = Costs::from(cost(12)).and(cost(4)).and(cost(31)).and(cost(12));
        let members: Vec<u32> = Costs::union([costs].into_iter()).map(Cost::get).collect();
        assert_eq!(members, [4, 12, 31]);
        assert_eq!(costs.highest(), cost(31));
        assert!(costs.contains(cost(12)) && !costs.contains(cost(5)));
    }

    #[test]
    fn a_cost_is_4_to_31() {
        let accepted: Vec<u32> = (0..=64).filter(|&cost| Cost::new(cost).is_some()).collect();
        assert_eq!(accepted, (4..=31).collect::<Vec<u32>>());
        assert_eq!(Cost::new(u32::MAX), None);
    }
}
