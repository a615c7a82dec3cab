//! Notices: what the owner of an account is told when something changes that guards it.

use std::fmt;

use crate::{EventName, Locale};

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// The signed-in user chose another password.
    PasswordChanged,
    /// Another password was chosen after a proof of the phone.
    PasswordReset,
    /// Codes go to another number from now on.
    PhoneChanged,
    /// A factor, or the set of recovery codes, was added, replaced or removed, or such a code used.
    FactorsChanged,
    /// A session or a remembered device ended because a copy of its token came back.
    AccessCopied,
    /// The account is gone.
    AccountDeleted,
}

impl NoticeKind {
    /// Every kind there is.
    pub const ALL: [Self; 6] = [
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PhoneChanged,
        Self::FactorsChanged,
        Self::AccessCopied,
        Self::AccountDeleted,
    ];

    /// What the owner reads: who writes, what happened and what to do. Never a code, a link
    /// or anything that somebody typed. One text message of 160 septets (GSM 03.38) in every
    /// language; in English where the language is not known.
    pub fn text(self, product: &ProductName, locale: Option<&Locale>) -> String {
        let language = locale.map_or_else(|| "en".to_owned(), Locale::language);
        let words = match language.as_str() {
            "de" => self.german(),
            "es" => self.spanish(),
            "fr" => self.french(),
            "sv" => self.swedish(),
            _ => self.english(),
        };
        format!("{product}: {words}")
    }

    const fn english(self) -> &'static str {
        match self {
            Self::PasswordChanged => {
                "the password of your account was changed. If this was not you, reset your password at once."
            }
            Self::PasswordReset => {
                "the password of your account was reset and all sessions have ended. If this was not you, contact us at once."
            }
            Self::PhoneChanged => {
                "the phone number of your account was changed; codes no longer come here. If this was not you, contact us at once."
            }
            Self::FactorsChanged => {
                "a way to sign in to your account was added, changed or removed. If this was not you, reset your password at once."
            }
            Self::AccessCopied => {
                "we closed an access to your account because its key may have been copied. If anything looks wrong, change your password."
            }
            Self::AccountDeleted => "your account was deleted. If this was not you, contact us at once.",
        }
    }

    const fn swedish(self) -> &'static str {
        match self {
            Self::PasswordChanged => {
                "lösenordet till ditt konto har ändrats. Om det inte var du, återställ lösenordet genast."
            }
            Self::PasswordReset => {
                "lösenordet till ditt konto har återställts och alla sessioner avslutats. Om det inte var du, kontakta oss genast."
            }
            Self::PhoneChanged => {
                "telefonnumret till ditt konto har ändrats; hit kommer inga fler koder. Om det inte var du, kontakta oss genast."
            }
            Self::FactorsChanged => {
                "ett sätt att logga in på ditt konto har lagts till, ändrats eller tagits bort. Om det inte var du, byt lösenord genast."
            }
            Self::AccessCopied => {
                "vi har stängt en åtkomst till ditt konto, för dess nyckel kan ha kopierats. Om något verkar fel, byt lösenord."
            }
            Self::AccountDeleted => "ditt konto har raderats. Om det inte var du, kontakta oss genast.",
        }
    }

    const fn german(self) -> &'static str {
        match self {
            Self::PasswordChanged => {
                "Das Passwort Ihres Kontos wurde geändert. Waren Sie das nicht, setzen Sie es sofort zurück."
            }
            Self::PasswordReset => {
                "Das Passwort Ihres Kontos wurde zurückgesetzt, alle Sitzungen sind beendet. Waren Sie das nicht, melden Sie sich sofort."
            }
            Self::PhoneChanged => {
                "Die Telefonnummer Ihres Kontos wurde geändert; hierher kommen keine Codes mehr. Waren Sie das nicht, melden Sie sich sofort."
            }
            Self::FactorsChanged => {
                "Ein Anmeldeverfahren Ihres Kontos kam hinzu, wurde geändert oder entfernt. Waren Sie das nicht, ändern Sie sofort Ihr Passwort."
            }
            Self::AccessCopied => {
                "Wir haben einen Zugang zu Ihrem Konto beendet, sein Schlüssel kann kopiert worden sein. Wirkt etwas falsch, ändern Sie Ihr Passwort."
            }
            Self::AccountDeleted => "Ihr Konto wurde gelöscht. Waren Sie das nicht, melden Sie sich sofort.",
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::PasswordChanged => {
                "le mot de passe de votre compte a été modifié. Si ce n'était pas vous, réinitialisez-le tout de suite."
            }
            Self::PasswordReset => {
                "le mot de passe de votre compte a été réinitialisé, toutes les sessions sont fermées. Si ce n'était pas vous, contactez-nous."
            }
            Self::PhoneChanged => {
                "le numéro de téléphone de votre compte a été modifié ; les codes n'arrivent plus ici. Si ce n'était pas vous, contactez-nous."
            }
            Self::FactorsChanged => {
                "un moyen de connexion de votre compte a été ajouté, modifié ou retiré. Si ce n'était pas vous, changez de mot de passe."
            }
            Self::AccessCopied => {
                "un accès à votre compte a été fermé, car sa clé a pu fuiter. En cas de doute, changez de mot de passe."
            }
            Self::AccountDeleted => "votre compte a été supprimé. Si ce n'était pas vous, contactez-nous.",
        }
    }

    /// GSM 03.38 has no á, í, ó and ú, so these words do without.
    const fn spanish(self) -> &'static str {
        match self {
            Self::PasswordChanged => {
                "la contraseña de su cuenta ha cambiado. Si no lo hizo usted, restablezca la contraseña de inmediato."
            }
            Self::PasswordReset => {
                "la contraseña de su cuenta se ha restablecido y todo acceso se ha cerrado. Si no lo hizo usted, contacte con nosotros."
            }
            Self::PhoneChanged => {
                "su cuenta usa ahora otro tel. y a este ya no llegan claves. Si no lo hizo usted, contacte con nosotros de inmediato."
            }
            Self::FactorsChanged => {
                "se ha agregado, cambiado o quitado un modo de acceso a su cuenta. Si no lo hizo usted, cambie la contraseña."
            }
            Self::AccessCopied => {
                "hemos cerrado un acceso a su cuenta, pues su clave pudo copiarse. Si algo le parece raro, cambie la contraseña."
            }
            Self::AccountDeleted => {
                "su cuenta se ha borrado. Si no lo hizo usted, contacte con nosotros de inmediato."
            }
        }
    }
}

impl EventName {
    /// The notice that the owner of the account gets by a message to a phone, if any: of
    /// everything that changes what guards the account, for somebody else may have done it
    /// (OWASP ASVS 6.3.7, NIST SP 800-63B-4 §4.6).
    ///
    /// Sign-ins and what failed are in the record only: who is told of everything reads
    /// nothing.
    pub const fn notice(self) -> Option<NoticeKind> {
        match self {
            Self::PasswordChange => Some(NoticeKind::PasswordChanged),
            Self::PasswordReset => Some(NoticeKind::PasswordReset),
            Self::PhoneChange => Some(NoticeKind::PhoneChanged),
            Self::FactorEnrolled
            | Self::FactorRemoved
            | Self::RecoveryCodesCreated
            | Self::RecoveryCodeUsed
            | Self::PasskeyEnrolled
            | Self::PasskeyRemoved => Some(NoticeKind::FactorsChanged),
            Self::TokenReuse | Self::DeviceTokenReuse => Some(NoticeKind::AccessCopied),
            Self::UserDeleted => Some(NoticeKind::AccountDeleted),
            Self::UserCreated
            | Self::UserUpdated
            | Self::UserExistsDisclosed
            | Self::PasswordResetStart
            | Self::LoginSuccess
            | Self::LoginFail
            | Self::FactorFail
            // Nobody got in: it is in the record.
            | Self::PasskeyCloned
            // Often the phone itself is why: it may be in the wrong hands.
            | Self::LoginLock
            | Self::LoginUnlock
            | Self::StepUp
            | Self::PasswordChangeFail
            | Self::TokenRevoked
            // The code that proved it has just gone to the same number.
            | Self::DeviceRemembered
            | Self::DeviceRevoked => None,
        }
    }

    /// Whether there is such a notice.
    pub const fn notifies(self) -> bool {
        self.notice().is_some()
    }
}

/// What our messages call us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductName(String);

/// A name that may not stand in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write 1 to 20 letters from A to Z, digits, spaces, hyphens, apostrophes or ampersands")]
pub struct InvalidProductName;

impl ProductName {
    /// Reads a name of at most 20 characters, short enough for one text message, and without
    /// the dots that phones make links of.
    pub fn parse(text: &str) -> Result<Self, InvalidProductName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -'&".contains(&byte);
        let accepted = (1..=20).contains(&text.len()) && text.bytes().all(plain) && text.trim() == text;
        if accepted { Ok(Self(text.to_owned())) } else { Err(InvalidProductName) }
    }
}

impl ProductName {
    /// The name of this program.
    pub fn ours() -> Self {
        Self("otp-login".to_owned())
    }
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The basic table of GSM 03.38; each of these is one septet.
    const GSM_7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                         ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

    fn texts() -> Vec<String> {
        let product = ProductName::parse(&"M".repeat(20)).unwrap();
        let languages =
            [None, Some("en-GB"), Some("sv-SE"), Some("de"), Some("fr-CA"), Some("es-419"), Some("ja")];
        let locales = languages.map(|tag| tag.map(|tag| Locale::parse(tag).unwrap()));
        let of = |locale: &Option<Locale>| NoticeKind::ALL.map(|kind| kind.text(&product, locale.as_ref()));
        locales.iter().flat_map(of).collect()
    }

    #[test]
    fn sc_03_every_notice_is_one_segment_in_every_language() {
        for text in texts() {
            let foreign: Vec<char> = text.chars().filter(|sign| !GSM_7.contains(*sign)).collect();
            assert!(foreign.is_empty(), "{foreign:?} in {text}");
            assert!(text.chars().count() <= 160, "{} in {text}", text.chars().count());
        }
    }

    #[test]
    fn sc_01_notices_name_us_and_hold_neither_code_nor_link() {
        for text in texts() {
            assert!(text.starts_with(&"M".repeat(20)), "{text}");
            assert!(!text.contains(|sign: char| sign.is_ascii_digit()), "{text}");
            for link in ["http", "www", "/", "@"] {
                assert!(!text.contains(link), "{text}");
            }
        }
    }

    #[test]
    fn notices_are_in_the_language_of_the_account_or_else_in_english() {
        let product = ProductName::parse("Acme").unwrap();
        let text = |tag: Option<&str>| {
            let locale = tag.map(|tag| Locale::parse(tag).unwrap());
            NoticeKind::AccountDeleted.text(&product, locale.as_ref())
        };
        let english = "Acme: your account was deleted. If this was not you, contact us at once.";
        for tag in [None, Some("en"), Some("ja-JP"), Some("svk")] {
            assert_eq!(text(tag), english);
        }
        for (tag, word) in
            [("sv-SE", "raderats"), ("DE-AT", "gelöscht"), ("fr", "supprimé"), ("es-419", "borrado")]
        {
            assert!(text(Some(tag)).contains(word), "{tag}");
        }
        let all = texts();
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), 5 * NoticeKind::ALL.len());
    }

    #[test]
    fn asvs_6_3_7_owners_are_told_of_what_changes_the_guard_of_their_account_and_of_nothing_else() {
        let told = EventName::ALL.into_iter().filter_map(|name| Some((name.as_str(), name.notice()?)));
        let expected = [
            ("user_deleted", NoticeKind::AccountDeleted),
            ("authn_factor_enrolled", NoticeKind::FactorsChanged),
            ("authn_factor_removed", NoticeKind::FactorsChanged),
            ("authn_recovery_codes_created", NoticeKind::FactorsChanged),
            ("authn_recovery_code_used", NoticeKind::FactorsChanged),
            ("authn_password_change", NoticeKind::PasswordChanged),
            ("authn_password_reset", NoticeKind::PasswordReset),
            ("authn_phone_change", NoticeKind::PhoneChanged),
            ("authn_token_reuse", NoticeKind::AccessCopied),
            ("authn_device_token_reuse", NoticeKind::AccessCopied),
            ("authn_passkey_enrolled", NoticeKind::FactorsChanged),
            ("authn_passkey_removed", NoticeKind::FactorsChanged),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_product_name_fits_a_message() {
        for good in ["a", "otp-login", "Ben & Jerry's", "12345678901234567890"] {
            assert_eq!(ProductName::parse(good).unwrap().to_string(), good);
        }
        for wrong in ["", " ", "Acme ", "123456789012345678901", "acme.example", "Åcme", "a\nb", "a/b"] {
            assert!(ProductName::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
