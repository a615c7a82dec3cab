//! What answers a challenge besides the password.

use crate::{Code, Method, Purpose, RecoveryCode};

/// What an account has to prove itself with, besides the password and the phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// Whether an authenticator app is enrolled (RFC 6238).
    pub totp: bool,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u32,
    /// Whether the password was reset by text since another factor was last used.
    pub text_barred: bool,
}

impl SecondFactors {
    /// Whether a code sent to the phone opens the account.
    ///
    /// After a reset by text it does not while an app is enrolled: or a stolen number alone
    /// would open what two factors guard (ASVS 5.0, 6.4.3). Without an app nothing is barred,
    /// because nothing but the phone could lift the bar.
    pub const fn accept_text(&self) -> bool {
        !(self.text_barred && self.totp)
    }

    /// Whether the account can be opened when no message can be sent.
    pub const fn can_do_without_text(&self) -> bool {
        self.totp || self.recovery_codes_left > 0
    }

    /// The ways to answer a challenge for `purpose`. Only who gave the right password sees
    /// more than the phone, which everybody has.
    pub fn methods(&self, purpose: Purpose) -> Vec<Method> {
        let after_the_password = purpose.follows_password();
        let ways = [
            (Method::Sms, !after_the_password || self.accept_text()),
            (Method::Totp, after_the_password && self.totp),
            (Method::RecoveryCode, after_the_password && self.recovery_codes_left > 0),
        ];
        ways.into_iter().filter_map(|(method, there)| there.then_some(method)).collect()
    }
}

/// What a challenge is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The code that was sent.
    SentCode(Code),
    /// The code that an authenticator app shows.
    Totp(Code),
    RecoveryCode(RecoveryCode),
}

impl Answer {
    /// What kind of answer it is.
    pub const fn kind(&self) -> AnswerKind {
        match self {
            Self::SentCode(_) => AnswerKind::SentCode,
            Self::Totp(_) => AnswerKind::Totp,
            Self::RecoveryCode(_) => AnswerKind::RecoveryCode,
        }
    }
}

/// The factor that an answer is about. All kinds share the attempts of a challenge and the
/// quota of an account; a right answer forgets the wrong ones of its own kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    SentCode,
    Totp,
    RecoveryCode,
}

impl AnswerKind {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SentCode => "sent",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: SecondFactors = SecondFactors { totp: true, recovery_codes_left: 10, text_barred: false };

    #[test]
    fn a_challenge_offers_what_the_user_has() {
        use Method::{RecoveryCode, Sms, Totp};
        let cases: [(SecondFactors, &[Method]); 4] = [
            (SecondFactors::default(), &[Sms]),
            (APP, &[Sms, Totp, RecoveryCode]),
            (SecondFactors { recovery_codes_left: 0, ..APP }, &[Sms, Totp]),
            (SecondFactors { totp: false, ..APP }, &[Sms, RecoveryCode]),
        ];
        for (factors, offered) in cases {
            for purpose in [Purpose::Login, Purpose::StepUp] {
                assert_eq!(factors.methods(purpose), offered);
            }
        }
    }

    #[test]
    fn en_05_before_a_right_password_everybody_has_a_phone_and_no_more() {
        for factors in [SecondFactors::default(), APP, SecondFactors { text_barred: true, ..APP }] {
            for purpose in [Purpose::Registration, Purpose::PasswordReset, Purpose::PhoneChange] {
                assert_eq!(factors.methods(purpose), [Method::Sms]);
            }
        }
    }

    #[test]
    fn asvs_6_4_3_after_a_reset_by_text_only_an_app_or_a_recovery_code_opens_the_account() {
        let barred = SecondFactors { text_barred: true, ..APP };
        assert!(APP.accept_text() && !barred.accept_text());
        assert_eq!(barred.methods(Purpose::Login), [Method::Totp, Method::RecoveryCode]);
        let last = SecondFactors { recovery_codes_left: 0, ..barred };
        assert_eq!(last.methods(Purpose::StepUp), [Method::Totp]);
    }

    #[test]
    fn an_account_without_an_app_is_never_locked_by_a_reset() {
        for recovery_codes_left in [0, 10] {
            let factors = SecondFactors { totp: false, recovery_codes_left, text_barred: true };
            assert!(factors.accept_text());
            assert_eq!(factors.methods(Purpose::Login).first(), Some(&Method::Sms));
        }
    }

    #[test]
    fn either_an_app_or_a_recovery_code_does_without_messages() {
        assert!(!SecondFactors::default().can_do_without_text());
        assert!(SecondFactors { recovery_codes_left: 0, ..APP }.can_do_without_text());
        assert!(SecondFactors { totp: false, recovery_codes_left: 1, ..APP }.can_do_without_text());
    }
}
