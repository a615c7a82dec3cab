//! How a password becomes what bcrypt hashes.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{Email, Password, PasswordHash};
use zeroize::Zeroizing;

use super::stored::{Digest, PepperId, Salt, Scheme, StoredHash};
use crate::{DataKey, Pepper, secrets::sha256};

/// What bcrypt gives, of which 23 bytes are the digest: `bcrypt::bcrypt`, or
/// what a test puts in its place.
pub(super) type RawDigest = [u8; 24];

/// bcrypt reads no more.
const BCRYPT_BYTES: usize = 72;

/// The key of a bcrypt computation: ended by NUL where that is before byte 72.
pub(super) type BcryptKey = Zeroizing<Vec<u8>>;

/// How passwords are hashed now, and the older ways that are still verified.
pub(super) struct Recipe {
    pub(super) cost: u32,
    current: PepperKey,
    previous: Vec<PepperKey>,
    salt_key: hmac::Key,
}

struct PepperKey {
    id: PepperId,
    key: hmac::Key,
}

impl Recipe {
    pub(super) fn new(cost: u32, pepper: &Pepper, previous: &[Pepper], data_key: &DataKey) -> Self {
        Self {
            cost,
            current: PepperKey::new(pepper),
            previous: previous.iter().map(PepperKey::new).collect(),
            salt_key: hmac::Key::new(hmac::HMAC_SHA256, data_key.derive("password salt").as_slice()),
        }
    }

    /// The scheme of new hashes.
    pub(super) fn scheme(&self) -> Scheme {
        Scheme::Peppered(self.current.id)
    }

    /// The salt of an owner: the same for every password, so that all of an
    /// owner's hashes are compared for the price of one; unknown without the key.
    pub(super) fn salt(&self, owner: &Email) -> Salt {
        let tag = hmac::sign(&self.salt_key, owner.canonical().as_bytes());
        let mut salt = Salt::default();
        salt.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        salt
    }

    /// The bytes for bcrypt under `scheme`; `None` under a pepper we do not have.
    pub(super) fn prepare(&self, scheme: Scheme, password: &Password) -> Option<BcryptKey> {
        match scheme {
            Scheme::Foreign => Some(ended_by_nul(password.expose_typed().as_bytes())),
            Scheme::Peppered(id) => self.pepper(id).map(|pepper| pepper.prepare(password)),
        }
    }

    /// Whether we can hash under `scheme` at all.
    pub(super) fn knows(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::Foreign => true,
            Scheme::Peppered(id) => self.pepper(id).is_some(),
        }
    }

    /// The bytes for bcrypt as new hashes are made.
    pub(super) fn prepare_now(&self, password: &Password) -> BcryptKey {
        self.current.prepare(password)
    }

    /// The hash of a chosen password.
    pub(super) fn hash(
        &self,
        password: &Password,
        owner: &Email,
        bcrypt: impl FnOnce(u32, Salt, &[u8]) -> RawDigest,
    ) -> PasswordHash {
        let salt = self.salt(owner);
        let digest = digest(bcrypt(self.cost, salt, &self.prepare_now(password)));
        PasswordHash::new(StoredHash { scheme: self.scheme(), cost: self.cost, salt, digest }.to_string())
    }

    fn pepper(&self, id: PepperId) -> Option<&PepperKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|pepper| pepper.id == id)
    }
}

impl PepperKey {
    fn new(pepper: &Pepper) -> Self {
        let mut labelled = Zeroizing::new(b"otp-login pepper id:".to_vec());
        labelled.reserve_exact(pepper.expose().len());
        labelled.extend_from_slice(pepper.expose());
        let [a, b, c, d, ..] = sha256(&labelled);
        Self {
            id: PepperId(u32::from_be_bytes([a, b, c, d])),
            key: hmac::Key::new(hmac::HMAC_SHA384, pepper.expose()),
        }
    }

    /// base64(HMAC-SHA-384(pepper, NFC password)): 64 ASCII bytes, so that
    /// nothing of a long password is cut and no NUL ends it early.
    #[expect(clippy::expect_used, reason = "an HMAC-SHA-384 has 48 bytes, which are 64 in base64")]
    fn prepare(&self, password: &Password) -> BcryptKey {
        let mut tag = Zeroizing::new([0; 48]);
        let mut text = Zeroizing::new([0; 64]);
        hmac::sign_to_buffer(&self.key, password.expose_nfc().as_bytes(), tag.as_mut_slice())
            .expect("the buffer has the length of the tag");
        BASE64_STANDARD
            .encode_slice(tag.as_slice(), text.as_mut_slice())
            .expect("the buffer has the length of the text");
        ended_by_nul(text.as_slice())
    }
}

/// The first 72 bytes, with a NUL where they are fewer: what the makers of
/// foreign hashes gave to bcrypt.
fn ended_by_nul(bytes: &[u8]) -> BcryptKey {
    let mut key = Zeroizing::new(Vec::with_capacity(BCRYPT_BYTES));
    key.extend(bytes.iter().copied().chain([0]).take(BCRYPT_BYTES));
    key
}

/// The 23 bytes of bcrypt's 24 that were ever written down.
pub(super) fn digest(raw: RawDigest) -> Digest {
    let mut digest = [0; 23];
    digest.iter_mut().zip(raw).for_each(|(to, from)| *to = from);
    digest
}

/// Whether a foreign hash of `typed` could be the hash of a shorter password.
///
/// bcrypt repeats its NUL-ended key up to 72 bytes, so `abc` and `abc␀abc` are
/// one password to it. Only the shorter one can be typed by a person.
pub(super) fn is_repetition(typed: &[u8]) -> bool {
    let key = ended_by_nul(typed);
    let same_as_first = |length: usize| {
        let repeated = key.iter().take(length).cycle();
        key.iter().cycle().zip(repeated).take(BCRYPT_BYTES).all(|(ours, theirs)| ours == theirs)
    };
    (1..key.len()).filter(|&length| key.get(length - 1) == Some(&0)).any(same_as_first)
}

/// Whether a match of a foreign hash proves the whole typed password, so that
/// it may be hashed anew: nothing was cut, and nothing hid behind a NUL.
pub(super) fn is_proven_whole(typed: &[u8]) -> bool {
    typed.len() < BCRYPT_BYTES && !typed.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(pepper: u8) -> Recipe {
        Recipe::new(4, &Pepper::from_bytes([pepper; 32]), &[], &DataKey::from_bytes([9; 32]))
    }

    fn prepared(pepper: u8, text: &str) -> Vec<u8> {
        recipe(pepper).prepare_now(&Password::presented(text)).to_vec()
    }

    #[test]
    fn pw_01_bcrypt_gets_64_ascii_bytes_and_a_nul_whatever_the_password() {
        for text in ["", "a", "nul\0nul", &"x".repeat(1000), &"🦀".repeat(128)] {
            let key = prepared(1, text);
            assert_eq!(key.len(), 65);
            assert!(key[..64].iter().all(u8::is_ascii_graphic));
            assert_eq!(key[64], 0);
        }
    }

    #[test]
    fn pw_01_preparation_is_hmac_sha_384_in_base64() {
        // RFC 4231 §4.3 has a shorter key, so the expected value comes from
        // Python: base64(hmac(bytes([1]*32), b"correct horse", "sha384")).
        assert_eq!(prepared(1, "correct horse")[..64], *EXPECTED.as_bytes());
    }

    const EXPECTED: &str = "SFJbturshKcmN76b/t58YbTdO13V1iitnOVTMmUw6TS0V9E6QUMWDBK7QoL3n5Dk";

    #[test]
    fn pw_01_the_password_is_prepared_in_nfc_and_with_the_pepper() {
        assert_eq!(prepared(1, "pa\u{308}ss"), prepared(1, "p\u{e4}ss"));
        assert_ne!(prepared(1, "pass"), prepared(2, "pass"));
    }

    #[test]
    fn pw_04_nothing_but_the_password_enters_bcrypt() {
        let password = Password::presented("correct horse");
        let key_for = |email: &str| {
            let mut seen = Vec::new();
            recipe(1).hash(&password, &Email::parse(email).unwrap(), |_, _, key| {
                seen = key.to_vec();
                [0; 24]
            });
            seen
        };
        assert_eq!(key_for("a@example.com"), key_for("b@example.com"));
    }

    #[test]
    fn a_salt_belongs_to_an_owner_however_the_address_is_typed() {
        let salt = |email: &str| recipe(1).salt(&Email::parse(email).unwrap());
        assert_eq!(salt("Ann@Example.com"), salt("ann@example.com"));
        assert_ne!(salt("ann@example.com"), salt("bob@example.com"));
    }

    #[test]
    fn pw_02_what_bcrypt_takes_for_a_shorter_password_is_found() {
        for text in ["abc\0abc", "abc\0abc\0abc", "\0", &"abc\0".repeat(18), &"abc\0".repeat(30)] {
            assert!(is_repetition(text.as_bytes()), "{text:?}");
        }
        for text in ["", "abc", "abcabc", "abc\0abd", "abc\0ab", "a\0b", &"x".repeat(80)] {
            assert!(!is_repetition(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn pw_03_only_a_whole_password_is_proven() {
        assert!(is_proven_whole("x".repeat(71).as_bytes()));
        assert!(!is_proven_whole("x".repeat(72).as_bytes()));
        assert!(!is_proven_whole(b"a\0b"));
    }
}
