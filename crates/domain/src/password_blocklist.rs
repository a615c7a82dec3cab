//! The passwords that everybody tries first.

use std::{
    fmt,
    hash::{DefaultHasher, Hasher},
    sync::{Arc, LazyLock},
};

use fst::Set;
use secrecy::zeroize::Zeroizing;
use unicode_normalization::UnicodeNormalization;

use crate::NewPassword;

/// `data/common_passwords.txt`, built by the example `build_password_blocklist`.
static COMMON_PASSWORDS: &[u8] = include_bytes!("../data/common_passwords.fst");

#[expect(clippy::expect_used, reason = "the bytes are part of the program, and a test reads all of them")]
static BLOCKLIST: LazyLock<Set<&[u8]>> =
    LazyLock::new(|| Set::new(COMMON_PASSWORDS).expect("the embedded list is a set"));

/// Whether the whole password is one of the most used, in any case and
/// normalisation form.
///
/// NIST SP 800-63B-4 §3.1.1.2: the list is compared with whole passwords,
/// never with parts of them. `data/README.md` says where it is from.
pub(crate) fn is_common(password: &str) -> bool {
    BLOCKLIST.contains(folded(password).as_bytes())
}

/// A password in the form in which two that differ by case or normalisation form are one.
fn folded(password: &str) -> Zeroizing<String> {
    if password.is_ascii() {
        // Most lines of large lists: tables of Unicode would take most of the start.
        return Zeroizing::new(password.to_ascii_lowercase());
    }
    let lower = Zeroizing::new(password.to_lowercase());
    Zeroizing::new(lower.nfc().collect())
}

/// Further passwords that nobody may choose, such as those of known breaches.
///
/// Eight bytes for each, whatever its length: a fingerprint is kept, by which one in 10¹³ other
/// passwords is refused where a million are listed, and none that is listed is let through.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordBlocklist(Arc<[u64]>);

impl PasswordBlocklist {
    /// Takes passwords one by one. Those that are too short or too long to be chosen anyway
    /// take no room. `None` when no other is there.
    pub fn of(passwords: impl Iterator<Item = impl AsRef<str>>) -> Option<Self> {
        let mut fingerprints: Vec<u64> =
            passwords.filter_map(|password| fingerprint(&folded(password.as_ref()))).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        (!fingerprints.is_empty()).then(|| Self(fingerprints.into()))
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the whole password is one of them, in any case and normalisation form.
    pub(crate) fn contains(&self, password: &str) -> bool {
        let found = fingerprint(&folded(password)).map(|fingerprint| self.0.binary_search(&fingerprint));
        matches!(found, Some(Ok(_)))
    }
}

impl fmt::Debug for PasswordBlocklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordBlocklist({})", self.len())
    }
}

/// The same in every process of one build: lists are read anew at each start. `None` of what has
/// no length of a password.
fn fingerprint(folded: &str) -> Option<u64> {
    let is_choosable = (NewPassword::MIN_CHARS..=NewPassword::MAX_CHARS).contains(&folded.chars().count());
    is_choosable.then(|| {
        let mut hasher = DefaultHasher::new();
        hasher.write(folded.as_bytes());
        hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = include_str!("../data/common_passwords.txt");

    #[test]
    fn asvs_6_2_12_listed_passwords_are_found_in_any_case_and_normalisation_form() {
        let listed = ["correct Horse battery", "o\u{308}verla\u{30a}ng", "short", "", &"x".repeat(129)];
        let list = PasswordBlocklist::of(listed.into_iter()).unwrap();
        assert_eq!(list.len(), 2, "the others could not be chosen anyway");
        for password in ["CORRECT HORSE BATTERY", "Överlång", "O\u{308}VERLÅNG"] {
            assert!(list.contains(password), "{password}");
        }
        for password in ["correct horse batter", "correct horse battery!", "short", ""] {
            assert!(!list.contains(password), "{password}");
        }
        assert_eq!(PasswordBlocklist::of(["short", ""].into_iter()), None);
        assert_eq!(format!("{list:?}"), "PasswordBlocklist(2)");
    }

    #[test]
    fn asvs_6_2_12_a_list_takes_eight_bytes_for_each_password() {
        let list = PasswordBlocklist::of((0..100_000).map(|number| format!("password {number}"))).unwrap();
        assert_eq!((list.len(), size_of_val(&*list.0)), (100_000, 800_000));
        let others = (100_000..200_000).filter(|number| list.contains(&format!("password {number}")));
        assert_eq!(others.count(), 0);
    }

    #[test]
    fn asvs_6_2_4_the_most_used_passwords_are_common_in_any_case() {
        for password in
            ["password", "12345678", "123456789", "qwertyuiop", "1q2w3e4r5t", "iloveyou", "football"]
        {
            assert!(is_common(password), "{password}");
            assert!(is_common(&password.to_uppercase()), "{password}");
        }
        assert!(is_common("PaSsWoRd1"));
        assert!(is_common("Sunshine"));
    }

    #[test]
    fn asvs_6_2_4_every_line_of_the_list_is_common() {
        for line in TEXT.lines() {
            assert!(is_common(line), "{line}");
            assert!(is_common(&line.to_uppercase()), "{line}");
        }
    }

    #[test]
    fn the_embedded_set_is_the_list_and_nothing_else() {
        let lines: BTreeSet<&str> = TEXT.lines().collect();
        assert_eq!(BLOCKLIST.len(), lines.len());
        assert_eq!(TEXT.lines().count(), lines.len(), "a line stands twice");
        assert_eq!(BLOCKLIST.as_fst().verify().ok(), Some(()));
    }

    #[test]
    fn asvs_6_2_4_the_list_holds_ten_thousand_passwords_of_allowed_length() {
        let allowed = TEXT.lines().filter(|line| (8..=128).contains(&line.chars().count())).count();
        assert!(allowed >= 10_000, "{allowed}");
        assert_eq!(allowed, TEXT.lines().count());
    }

    #[test]
    fn the_list_costs_little_memory() {
        assert!(COMMON_PASSWORDS.len() < 150_000, "{}", COMMON_PASSWORDS.len());
    }

    #[test]
    fn nb_03_parts_of_a_password_are_not_compared() {
        for password in
            ["password of the blue heron", "xpassword1y", "", "p", "passwor", "hunter2-hunter3-hunter4"]
        {
            assert!(!is_common(password), "{password}");
        }
    }

    proptest! {
        #[test]
        fn a_long_random_password_is_not_common(password in "[ -~]{16,40}") {
            prop_assume!(!TEXT.lines().any(|line| line == password.to_lowercase()));
            prop_assert!(!is_common(&password));
        }

        #[test]
        fn any_text_is_answered(password in any::<String>()) {
            let _ = is_common(&password);
        }
    }
}
