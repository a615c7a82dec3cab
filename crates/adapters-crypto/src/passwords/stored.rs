//! The text form of password hashes.

use std::fmt;

use bcrypt_lanes::{Cost, Hash, Version};

/// The mark of our own hashes: HMAC-SHA-384 with a pepper before bcrypt.
const OURS: &str = "$otp1$";

/// The dearest hash that is still computed: 2¹⁶ rounds are about four
/// seconds, and a hash that takes hours would stop everybody's sign-in.
const DEAREST: Option<Cost> = Cost::new(16);

/// Names a pepper without telling anything about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PepperId(pub(super) u32);

/// How the password was prepared before bcrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// By us, with a pepper.
    Peppered(PepperId),
    /// By another program: the bytes as typed.
    Foreign,
}

/// A password hash taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredHash {
    pub(super) scheme: Scheme,
    pub(super) bcrypt: Hash,
}

impl StoredHash {
    /// Reads `$otp1$<pepper id>$2b$…` or a bare `$2a$`, `$2b$` or `$2y$` hash.
    ///
    /// The three differ by name only, as far as today's programs go. `$2x$`
    /// marks hashes of a faulty program that took different passwords for the
    /// same; it is not read.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, bare) = match text.strip_prefix(OURS) {
            Some(ours) => {
                let (pepper, bare) = ours.split_at_checked(PepperId::CHARACTERS)?;
                (Scheme::Peppered(PepperId::parse(pepper)?), bare)
            }
            None => (Scheme::Foreign, text),
        };
        let bcrypt: Hash = bare.parse().ok()?;
        let is_well_marked = scheme == Scheme::Foreign || bcrypt.version == Version::TwoB;
        (is_well_marked && Some(bcrypt.cost) <= DEAREST).then_some(Self { scheme, bcrypt })
    }
}

impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Scheme::Peppered(PepperId(id)) = self.scheme {
            write!(f, "{OURS}{id:08x}")?;
        }
        self.bcrypt.fmt(f)
    }
}

impl PepperId {
    const CHARACTERS: usize = 8;

    fn parse(text: &str) -> Option<Self> {
        let hex =
            text.len() == Self::CHARACTERS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| u32::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "$2b$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        assert_eq!(StoredHash::parse(BARE).unwrap().to_string(), BARE);
        let ours = format!("$otp1$00c0ffee{BARE}");
        let read = StoredHash::parse(&ours).unwrap();
        assert_eq!(read.scheme, Scheme::Peppered(PepperId(0x00c0_ffee)));
        assert_eq!(read.to_string(), ours);
    }

    #[test]
    fn a_malformed_hash_is_not_read() {
        let with = |from: &str, to: &str| BARE.replacen(from, to, 1);
        let wrong = [
            (String::new(), "empty"),
            (BARE[..59].to_owned(), "too short"),
            (format!("{BARE}a"), "too long"),
            (format!("{BARE}\n"), "a line end"),
            (with("$2b$", "$2x$"), "2x"),
            (with("$2b$", "$2$"), "2"),
            (with("$2b$", "$2c$"), "unknown version"),
            (with("$06$", "$6$"), "one digit"),
            (with("$06$", "$+6$"), "a sign"),
            (with("$06$", "$03$"), "too cheap to be bcrypt"),
            (with("$06$", "$17$"), "takes too long"),
            (with("$06$", "$99$"), "beyond bcrypt"),
            (with("m0C", "m0!"), "another alphabet"),
            (with("m0C", "m0ä"), "not ASCII"),
            (format!("$otp1$00c0ffe{BARE}"), "a short pepper id"),
            (format!("$otp1$00C0FFEE{BARE}"), "a pepper id in capitals"),
            (format!("$otp1$+0c0ffee{BARE}"), "a pepper id with a sign"),
            (format!("$otp2$00c0ffee{BARE}"), "another scheme"),
            (format!("$otp1$00c0ffee{}", with("$2b$", "$2a$")), "ours is 2b"),
            ("$argon2id$v=19$m=16,t=2,p=1$YWFhYWFhYWE$YQ".to_owned(), "not bcrypt"),
        ];
        for (text, why) in wrong {
            assert!(StoredHash::parse(&text).is_none(), "{why}");
        }
    }
}
