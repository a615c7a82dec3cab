//! How a password becomes what bcrypt hashes.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use bcrypt_lanes::{Cost, Hash, Salt};
use domain::{Email, Password, PasswordHash};
use zeroize::Zeroizing;

use super::{
    computation::{Computation, Key},
    stored::{PepperId, Scheme, StoredHash},
};
use crate::{DataKey, Pepper, secrets::sha256};

/// bcrypt reads no more of a password and its NUL.
const BCRYPT_BYTES: usize = 72;

/// How passwords are hashed now, and the older ways that are still verified.
pub(super) struct Recipe {
    pub(super) cost: Cost,
    current: PepperKey,
    previous: Vec<PepperKey>,
    salt_key: hmac::Key,
}

struct PepperKey {
    id: PepperId,
    key: hmac::Key,
}

impl Recipe {
    pub(super) fn new(cost: Cost, pepper: &Pepper, previous: &[Pepper], data_key: &DataKey) -> Self {
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
    pub(super) fn prepare(&self, scheme: Scheme, password: &Password) -> Option<Key> {
        match scheme {
            Scheme::Foreign => Some(Zeroizing::new(password.expose_typed().as_bytes().to_vec())),
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
    fn prepare_now(&self, password: &Password) -> Key {
        self.current.prepare(password)
    }

    /// What a new hash under `salt` takes.
    pub(super) fn computation(&self, password: &Password, salt: Salt) -> Computation {
        Computation { key: self.prepare_now(password), salt, costs: self.cost.into() }
    }

    /// The stored form of a hash that such a computation gave.
    pub(super) fn stored(&self, bcrypt: Hash) -> PasswordHash {
        PasswordHash::new(StoredHash { scheme: self.scheme(), bcrypt }.to_string())
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
    fn prepare(&self, password: &Password) -> Key {
        let mut tag = Zeroizing::new([0; 48]);
        let mut text = Zeroizing::new(vec![0; 64]);
        hmac::sign_to_buffer(&self.key, password.expose_nfc().as_bytes(), tag.as_mut_slice())
            .expect("the buffer has the length of the tag");
        BASE64_STANDARD
            .encode_slice(tag.as_slice(), text.as_mut_slice())
            .expect("the buffer has the length of the text");
        text
    }
}

/// Whether a foreign hash of `typed` could be the hash of a shorter password.
///
/// bcrypt repeats its NUL-ended key up to 72 bytes, so `abc` and `abc␀abc` are
/// one password to it. Only the shorter one can be typed by a person.
pub(super) fn is_repetition(typed: &[u8]) -> bool {
    let key: Vec<u8> = typed.iter().copied().chain([0]).take(BCRYPT_BYTES).collect();
    let key = Zeroizing::new(key);
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
        Recipe::new(
            Cost::new(4).unwrap(),
            &Pepper::from_bytes([pepper; 32]),
            &[],
            &DataKey::from_bytes([9; 32]),
        )
    }

    fn prepared(pepper: u8, text: &str) -> Vec<u8> {
        recipe(pepper).prepare_now(&Password::presented(text)).to_vec()
    }

    #[test]
    fn pw_01_bcrypt_gets_64_ascii_bytes_whatever_the_password() {
        for text in ["", "a", "nul\0nul", &"x".repeat(1000), &"🦀".repeat(128)] {
            let key = prepared(1, text);
            assert_eq!(key.len(), 64);
            assert!(key.iter().all(u8::is_ascii_graphic));
        }
    }

    #[test]
    fn pw_01_preparation_is_hmac_sha_384_in_base64() {
        // RFC 4231 §4.3 has a shorter key, so the expected value comes from
        // Python: base64(hmac(bytes([1]*32), b"correct horse", "sha384")).
        assert_eq!(prepared(1, "correct horse"), *EXPECTED.as_bytes());
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
            let (recipe, owner) = (recipe(1), Email::parse(email).unwrap());
            recipe.computation(&password, recipe.salt(&owner)).key
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
