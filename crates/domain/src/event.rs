//! Security events: what happened to an account, for its owner and for auditors.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Client, SessionId};

/// The id of an event: a `UUIDv7`, so that ids are in the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub Uuid);

/// What happened, by the names of the OWASP Logging Vocabulary Cheat Sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventName {
    /// `user_created`: a phone was proven and the account exists.
    UserCreated,
    /// `user_updated`: what is told about the account changed.
    UserUpdated,
    /// `user_deleted`: the account is gone.
    UserDeleted,
    /// `user_exists_disclosed`: somebody who proved a phone learnt that the account exists, for
    /// its e-mail or number was to be registered or made the number of another account.
    UserExistsDisclosed,
    /// `authn_login_success`: all factors were proven, or the password on a remembered device.
    LoginSuccess,
    /// `authn_login_fail`: the password was wrong.
    LoginFail,
    /// `authn_factor_fail`: the password was right, the code that had to follow was wrong.
    FactorFail,
    /// `authn_factor_enrolled`: an authenticator app was enrolled.
    FactorEnrolled,
    /// `authn_factor_removed`: the authenticator app was removed.
    FactorRemoved,
    /// `authn_recovery_codes_created`: a set of recovery codes took the place of any before.
    RecoveryCodesCreated,
    /// `authn_recovery_code_used`: a recovery code opened a session.
    RecoveryCodeUsed,
    /// `authn_login_lock`: an operator locked the account, which ended its sessions.
    LoginLock,
    /// `authn_login_unlock`: an operator took the lock away. The vocabulary knows only the lock.
    LoginUnlock,
    /// `authn_step_up`: a signed-in user proved all factors again.
    StepUp,
    /// `authn_password_change`: the password is another one.
    PasswordChange,
    /// `authn_password_change_fail`: the current password was wrong.
    PasswordChangeFail,
    /// `authn_password_reset`: the owner of the phone chose another password.
    PasswordReset,
    /// `authn_password_reset_start`: an operator had a code for a reset sent to the owner.
    PasswordResetStart,
    /// `authn_phone_change`: another number was proven, and gets the codes from now on.
    PhoneChange,
    /// `authn_token_revoked`: a session was ended by its user.
    TokenRevoked,
    /// `authn_token_reuse`: a spent refresh token came back, which ended its session.
    TokenReuse,
    /// `authn_device_remembered`: a device may leave out the code from now on.
    DeviceRemembered,
    /// `authn_device_revoked`: a device was forgotten by its user, or after too many wrong
    /// passwords.
    DeviceRevoked,
    /// `authn_device_token_reuse`: a spent device token came back, so the device was forgotten.
    DeviceTokenReuse,
    /// `authn_passkey_enrolled`: a passkey was added.
    PasskeyEnrolled,
    /// `authn_passkey_removed`: a passkey was taken away.
    PasskeyRemoved,
    /// `authn_passkey_cloned`: a passkey was refused because its counter went back, as that of
    /// a copy does.
    PasskeyCloned,
}

impl EventName {
    /// Every name there is.
    pub const ALL: [Self; 27] = [
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDeleted,
        Self::UserExistsDisclosed,
        Self::LoginSuccess,
        Self::LoginFail,
        Self::FactorFail,
        Self::FactorEnrolled,
        Self::FactorRemoved,
        Self::RecoveryCodesCreated,
        Self::RecoveryCodeUsed,
        Self::LoginLock,
        Self::LoginUnlock,
        Self::StepUp,
        Self::PasswordChange,
        Self::PasswordChangeFail,
        Self::PasswordReset,
        Self::PasswordResetStart,
        Self::PhoneChange,
        Self::TokenRevoked,
        Self::TokenReuse,
        Self::DeviceRemembered,
        Self::DeviceRevoked,
        Self::DeviceTokenReuse,
        Self::PasskeyEnrolled,
        Self::PasskeyRemoved,
        Self::PasskeyCloned,
    ];

    /// The name in the API, the database and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::UserExistsDisclosed => "user_exists_disclosed",
            Self::LoginSuccess => "authn_login_success",
            Self::LoginFail => "authn_login_fail",
            Self::FactorFail => "authn_factor_fail",
            Self::FactorEnrolled => "authn_factor_enrolled",
            Self::FactorRemoved => "authn_factor_removed",
            Self::RecoveryCodesCreated => "authn_recovery_codes_created",
            Self::RecoveryCodeUsed => "authn_recovery_code_used",
            Self::LoginLock => "authn_login_lock",
            Self::LoginUnlock => "authn_login_unlock",
            Self::StepUp => "authn_step_up",
            Self::PasswordChange => "authn_password_change",
            Self::PasswordChangeFail => "authn_password_change_fail",
            Self::PasswordReset => "authn_password_reset",
            Self::PasswordResetStart => "authn_password_reset_start",
            Self::PhoneChange => "authn_phone_change",
            Self::TokenRevoked => "authn_token_revoked",
            Self::TokenReuse => "authn_token_reuse",
            Self::DeviceRemembered => "authn_device_remembered",
            Self::DeviceRevoked => "authn_device_revoked",
            Self::DeviceTokenReuse => "authn_device_token_reuse",
            Self::PasskeyEnrolled => "authn_passkey_enrolled",
            Self::PasskeyRemoved => "authn_passkey_removed",
            Self::PasskeyCloned => "authn_passkey_cloned",
        }
    }

    /// The event with the name `text`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// An event that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    pub id: EventId,
    pub name: EventName,
    /// The session it happened to, if it happened to one.
    pub session_id: Option<SessionId>,
    /// Who caused it.
    pub client: Client,
    pub occurred_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_name() {
        for name in EventName::ALL {
            assert_eq!(EventName::find(name.as_str()), Some(name));
        }
        assert_eq!(EventName::find("authn_login"), None);
    }
}
