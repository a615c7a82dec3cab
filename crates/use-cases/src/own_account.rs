//! A user's own account: its language, its record, its end.

use std::sync::Arc;

use domain::{
    Client, DeviceEntry, EventId, EventName, Locale, Passkey, SecurityEvent, SendTrace, SessionEntry, User,
};
use jiff::Timestamp;
use ports::{
    AccountStore, Clock, DeviceStore, EventStore, FactorStore, PasskeyStore, SecretGenerator, SendTraceStore,
    SessionStore, TotpEnrolment,
};

use crate::{Fault, Principal, StepUpRequired, event::event};

/// Sets the language of an account.
pub struct ChangeLocale {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub accounts: Arc<dyn AccountStore>,
}

/// Why nothing was changed: the account is gone, or something failed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeLocaleError {
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ChangeLocale {
    /// Sets the language of messages, or forgets it.
    #[tracing::instrument(name = "change_locale", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        locale: Option<Locale>,
        client: Client,
    ) -> Result<User, ChangeLocaleError> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::UserUpdated, client, now);
        let user =
            self.accounts.set_locale(principal.user.id, locale, &event, now).await.map_err(Fault::from)?;
        user.ok_or(ChangeLocaleError::Gone)
    }
}

/// Deletes an account.
pub struct DeleteAccount {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub accounts: Arc<dyn AccountStore>,
}

/// Why the account stays, or is gone already.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("the account is gone already")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl DeleteAccount {
    /// Deletes the account with everything that hangs on it, for good.
    #[tracing::instrument(name = "delete_account", skip_all)]
    pub async fn execute(&self, principal: &Principal, client: Client) -> Result<(), DeleteAccountError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let User { id: user_id, phone, .. } = &principal.user;
        let event = event(&*self.secrets, EventName::UserDeleted, client, now).notifying(phone);
        if !self.accounts.delete_account(*user_id, &event, now).await.map_err(Fault::from)? {
            return Err(DeleteAccountError::Gone);
        }
        tracing::info!(event = "user_deleted", user.id = %user_id.0);
        Ok(())
    }
}

/// Lists what happened to an account.
pub struct ListEvents {
    pub events: Arc<dyn EventStore>,
}

impl ListEvents {
    /// The most events of one answer.
    pub const MOST: u32 = 100;

    /// The newest first; only those older than `before`, if given.
    #[tracing::instrument(name = "list_events", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        before: Option<EventId>,
    ) -> Result<Vec<SecurityEvent>, Fault> {
        Ok(self.events.list_events(principal.user.id, before, Self::MOST).await?)
    }
}

/// Gives a user everything that is held about him.
pub struct ExportAccount {
    pub clock: Arc<dyn Clock>,
    pub sessions: Arc<dyn SessionStore>,
    pub factors: Arc<dyn FactorStore>,
    pub devices: Arc<dyn DeviceStore>,
    pub events: Arc<dyn EventStore>,
    pub passkeys: Arc<dyn PasskeyStore>,
    pub traces: Arc<dyn SendTraceStore>,
}

/// Everything that is held about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountExport {
    pub user: User,
    pub totp: Option<EnrolledApp>,
    pub sessions: Vec<SessionEntry>,
    pub devices: Vec<DeviceEntry>,
    pub events: Vec<SecurityEvent>,
    pub passkeys: Vec<Passkey>,
    /// With codes, to the number that the account has.
    pub messages: Vec<SendTrace>,
}

/// What is held about an authenticator app, besides its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolledApp {
    pub begun_at: Timestamp,
    /// `None` while it waits to be confirmed.
    pub confirmed_at: Option<Timestamp>,
}

impl From<TotpEnrolment> for EnrolledApp {
    fn from(app: TotpEnrolment) -> Self {
        Self { begun_at: app.begun_at, confirmed_at: app.confirmed.map(|confirmed| confirmed.at) }
    }
}

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportAccountError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ExportAccount {
    /// More than housekeeping leaves of anybody's events.
    const MOST_EVENTS: u32 = 10_000;
    /// More than quotas let anybody be sent.
    const MOST_MESSAGES: u32 = 10_000;

    /// Reads it in six round trips.
    #[tracing::instrument(name = "export_account", skip_all)]
    pub async fn execute(&self, principal: &Principal) -> Result<AccountExport, ExportAccountError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user = principal.user.clone();
        let sessions = self.sessions.list_sessions(user.id, now).await.map_err(Fault::from)?;
        let totp = self.factors.find_totp(user.id).await.map_err(Fault::from)?.map(EnrolledApp::from);
        let devices = self.devices.list_devices(user.id, now).await.map_err(Fault::from)?;
        let events = self.events.list_events(user.id, None, Self::MOST_EVENTS).await.map_err(Fault::from)?;
        let passkeys = self.passkeys.list_passkeys(user.id).await.map_err(Fault::from)?;
        let messages =
            self.traces.list_traces(&user.phone, Self::MOST_MESSAGES).await.map_err(Fault::from)?;
        Ok(AccountExport { user, totp, sessions, devices, events, passkeys, messages })
    }
}
