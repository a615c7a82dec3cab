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
    /// `authn_login_success`: all factors were proven.
    LoginSuccess,
    /// `authn_login_fail`: the password was wrong.
    LoginFail,
    /// `authn_step_up`: a signed-in user proved all factors again.
    StepUp,
    /// `authn_password_change`: the password is another one.
    PasswordChange,
    /// `authn_password_change_fail`: the current password was wrong.
    PasswordChangeFail,
    /// `authn_password_reset`: the owner of the phone chose another password.
    PasswordReset,
    /// `authn_phone_change`: another number was proven, and gets the codes from now on.
    PhoneChange,
    /// `authn_token_revoked`: a session was ended by its user.
    TokenRevoked,
    /// `authn_token_reuse`: a spent refresh token came back, which ended its session.
    TokenReuse,
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
    pub const ALL: [Self; 15] = [
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDeleted,
        Self::LoginSuccess,
        Self::LoginFail,
        Self::StepUp,
        Self::PasswordChange,
        Self::PasswordChangeFail,
        Self::PasswordReset,
        Self::PhoneChange,
        Self::TokenRevoked,
        Self::TokenReuse,
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
            Self::LoginSuccess => "authn_login_success",
            Self::LoginFail => "authn_login_fail",
            Self::StepUp => "authn_step_up",
            Self::PasswordChange => "authn_password_change",
            Self::PasswordChangeFail => "authn_password_change_fail",
            Self::PasswordReset => "authn_password_reset",
            Self::PhoneChange => "authn_phone_change",
            Self::TokenRevoked => "authn_token_revoked",
            Self::TokenReuse => "authn_token_reuse",
            Self::PasskeyEnrolled => "authn_passkey_enrolled",
            Self::PasskeyRemoved => "authn_passkey_removed",
            Self::PasskeyCloned => "authn_passkey_cloned",
        }
    }

    /// Whether the owner of the account is told by a message to a phone: of everything that
    /// changes what guards the account, for somebody else may have done it.
    ///
    /// Sign-ins and what failed are in the record only: who is told of everything reads
    /// nothing.
    pub const fn notifies(self) -> bool {
        match self {
            Self::PasswordChange
            | Self::PasswordReset
            | Self::PhoneChange
            | Self::TokenReuse
            | Self::UserDeleted
            | Self::PasskeyEnrolled
            | Self::PasskeyRemoved => true,
            Self::UserCreated
            | Self::UserUpdated
            | Self::LoginSuccess
            | Self::LoginFail
            | Self::StepUp
            | Self::PasswordChangeFail
            | Self::TokenRevoked
            // Whose it is, is known to the store only, and the answer was refused.
            | Self::PasskeyCloned => false,
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

    #[test]
    fn asvs_6_3_7_owners_are_told_of_what_changes_the_guard_of_their_account_and_of_nothing_else() {
        let told = EventName::ALL.into_iter().filter(|name| name.notifies()).map(EventName::as_str);
        let expected = [
            "user_deleted",
            "authn_password_change",
            "authn_password_reset",
            "authn_phone_change",
            "authn_token_reuse",
        ];
        assert!(told.eq(expected));
    }
}
