//! Passwords: what may become one, and what is kept of it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::{Email, PasswordBlocklist, password_blocklist};

/// A password as somebody presents it. Whether it is right is another matter.
#[derive(Clone)]
pub struct Password {
    typed: SecretString,
    nfc: SecretString,
}

impl Password {
    /// Takes any text: a sign-in with an impossible password is a wrong
    /// password, not a different answer.
    pub fn presented(text: &str) -> Self {
        let nfc: String = text.nfc().collect();
        Self { typed: text.to_owned().into(), nfc: nfc.into() }
    }

    /// The password in NFC (NIST SP 800-63B-4 §3.1.1.2): what we hash.
    pub fn expose_nfc(&self) -> &str {
        self.nfc.expose_secret()
    }

    /// The password as typed: what other programs hashed.
    pub fn expose_typed(&self) -> &str {
        self.typed.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password that the rules allow somebody to choose.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// The words that are no password here, besides those that are none anywhere.
#[derive(Clone, Debug, Default)]
pub struct PasswordPolicy {
    /// Names of the product, the host and the issuer.
    pub own_names: Vec<String>,
    /// Beside the most used ones, which are always refused.
    pub blocklist: Option<PasswordBlocklist>,
}

/// Why a password may not be chosen. NIST SP 800-63B-4 §3.1.1.2 asks that the
/// reason be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPassword {
    #[error("a password has at least {} characters", NewPassword::MIN_CHARS)]
    TooShort,
    #[error("a password has at most {} characters", NewPassword::MAX_CHARS)]
    TooLong,
    #[error(
        "this is one of the most used passwords and would be guessed first; choose another, such as a few unrelated words"
    )]
    TooCommon,
    #[error("this can be guessed from the e-mail address; choose another, such as a few unrelated words")]
    ContainsEmail,
    #[error(
        "this is the name of the service and would be guessed; choose another, such as a few unrelated words"
    )]
    OwnName,
}

impl NewPassword {
    /// Shortest, in code points.
    pub const MIN_CHARS: usize = 8;
    /// Longest, in code points.
    pub const MAX_CHARS: usize = 128;

    /// Applies the rules: length in code points after NFC; not one of the most
    /// used; not the whole of the e-mail, its local part or that part with
    /// digits; not the name of this service. No rule about kinds of
    /// characters. Comparisons are with the whole password, never with parts.
    pub fn parse(
        text: &str,
        email: Option<&Email>,
        policy: &PasswordPolicy,
    ) -> Result<Self, RefusedPassword> {
        let password = Password::presented(text);
        let chars = password.expose_nfc().chars().count();
        if chars < Self::MIN_CHARS {
            return Err(RefusedPassword::TooShort);
        }
        if chars > Self::MAX_CHARS {
            return Err(RefusedPassword::TooLong);
        }
        let folded: String = password.expose_nfc().to_lowercase();
        let is_listed = policy.blocklist.as_ref().is_some_and(|list| list.contains(&folded));
        if is_listed || password_blocklist::is_common(&folded) {
            return Err(RefusedPassword::TooCommon);
        }
        if policy.own_names.iter().any(|name| is_name(&folded, name)) {
            return Err(RefusedPassword::OwnName);
        }
        let chosen = Self(password);
        match email {
            Some(email) => chosen.for_owner(email),
            None => Ok(chosen),
        }
    }

    /// Refuses what is made of the e-mail of whoever chose it, for when that became known
    /// later than the password.
    pub fn for_owner(self, email: &Email) -> Result<Self, RefusedPassword> {
        let folded = self.0.expose_nfc().to_lowercase();
        if is_made_of(&folded, email) { Err(RefusedPassword::ContainsEmail) } else { Ok(self) }
    }

    /// The password that was chosen.
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

fn is_made_of(folded: &str, email: &Email) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let core = folded.trim_matches(is_digit);
    let local = email.local_part();
    folded == email.canonical()
        || folded == local
        || core == local
        || core == local.trim_matches(is_digit) && !core.is_empty()
}

fn is_name(folded: &str, name: &str) -> bool {
    let letters =
        |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let name = letters(name);
    !name.is_empty() && letters(folded).trim_matches(|c: char| c.is_ascii_digit()) == name
}

/// What is stored of a password: scheme, cost, salt and digest as one text.
///
/// Opaque to everything but the `PasswordHasher` that made it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a stored or freshly made hash.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<NewPassword, RefusedPassword> {
        let email = Email::parse("ann.smith@example.com").unwrap();
        let blocklist = PasswordBlocklist::of(["Tr0ub4dor and three"].into_iter());
        let policy = PasswordPolicy { own_names: vec!["Otp-Login".to_owned()], blocklist };
        NewPassword::parse(text, Some(&email), &policy)
    }

    #[test]
    fn asvs_6_2_1_length_is_counted_in_code_points() {
        assert_eq!(choose("zq7-Kfw").unwrap_err(), RefusedPassword::TooShort);
        assert!(choose("zq7-Kfw2").is_ok());
        assert!(choose(&"🦀".repeat(64)).is_ok());
        assert!(choose(&"ä".repeat(128)).is_ok());
        assert_eq!(choose(&"ä".repeat(129)).unwrap_err(), RefusedPassword::TooLong);
        let decomposed = "a\u{308}".repeat(128);
        assert!(choose(&decomposed).is_ok(), "two code points compose to one");
    }

    #[test]
    fn asvs_6_2_5_no_kind_of_character_is_demanded_or_refused() {
        for text in [
            "correct horse battery",
            "jfkqpwzu",
            "94638201756",
            "пароль-из-слов",
            "nul\0inside!!",
            "      x ",
        ] {
            assert!(choose(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn asvs_6_2_12_passwords_of_a_list_of_ones_own_are_refused_without_regard_to_case() {
        assert_eq!(choose("tr0UB4dor AND three").unwrap_err(), RefusedPassword::TooCommon);
        assert!(choose("Tr0ub4dor and four").is_ok());
    }

    #[test]
    fn asvs_6_2_4_common_passwords_are_refused_without_regard_to_case() {
        for text in ["password", "PassWord", "1234567890", "iloveyou", "qwertyuiop"] {
            assert_eq!(choose(text).unwrap_err(), RefusedPassword::TooCommon, "{text}");
        }
    }

    #[test]
    fn nb_03_the_e_mail_is_compared_with_the_whole_password_only() {
        for text in ["ann.smith@example.com", "Ann.Smith", "ann.smith1987", "1ann.smith99"] {
            assert_eq!(choose(text).unwrap_err(), RefusedPassword::ContainsEmail, "{text}");
        }
        assert!(choose("ann.smith likes tea").is_ok());
        assert!(choose("joanne-and-anna").is_ok());
    }

    #[test]
    fn asvs_6_1_2_the_name_of_the_service_is_no_password() {
        for text in ["otp-login", "OTPlogin", "otp login 2026"] {
            assert_eq!(choose(text).unwrap_err(), RefusedPassword::OwnName, "{text}");
        }
        assert!(choose("otp-login is nice").is_ok());
    }

    #[test]
    fn nb_02_a_password_is_compared_in_nfc() {
        assert_eq!(Password::presented("pa\u{308}ss").expose_nfc(), "p\u{e4}ss");
        assert_eq!(Password::presented("pa\u{308}ss").expose_typed(), "pa\u{308}ss");
    }

    #[test]
    fn a_password_never_prints_itself() {
        let shown =
            format!("{:?} {:?}", Password::presented("hunter2hunter2"), PasswordHash::new("$2b$12$x".into()));
        assert_eq!(shown, "Password(…) PasswordHash(…)");
    }
}
