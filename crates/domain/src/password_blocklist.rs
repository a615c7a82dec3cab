//! The passwords that everybody tries first.

use std::sync::LazyLock;

use fst::Set;
use secrecy::zeroize::Zeroizing;
use unicode_normalization::UnicodeNormalization;

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
    let lower = Zeroizing::new(password.to_lowercase());
    let folded = Zeroizing::new(lower.nfc().collect::<String>());
    BLOCKLIST.contains(folded.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = include_str!("../data/common_passwords.txt");

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
