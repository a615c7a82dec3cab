//! Finding accounts, and seeing one.

use std::sync::Arc;

use domain::{AccountName, AccountQuery, PasswordFailures, SecurityEvent, SessionEntry, SignInName, UserId};
use ports::{AccountDirectory, AccountEntry, AccountStore, Clock, EventStore, SessionStore};

use crate::Fault;

/// Finds accounts by what names them.
pub struct FindAccounts {
    pub directory: Arc<dyn AccountDirectory>,
}

impl FindAccounts {
    /// The most accounts of one answer.
    pub const MOST: u32 = 100;

    /// In the order of their ids; only those after `after`, if given.
    #[tracing::instrument(name = "find_accounts", skip_all)]
    pub async fn execute(
        &self,
        query: &AccountQuery,
        after: Option<UserId>,
    ) -> Result<Vec<AccountEntry>, Fault> {
        Ok(self.directory.find_accounts(query, after, Self::MOST).await?)
    }
}

/// Shows everything about one account but its password hash.
pub struct ShowAccount {
    pub clock: Arc<dyn Clock>,
    pub accounts: Arc<dyn AccountStore>,
    pub directory: Arc<dyn AccountDirectory>,
    pub sessions: Arc<dyn SessionStore>,
    pub events: Arc<dyn EventStore>,
}

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDetails {
    pub entry: AccountEntry,
    /// Wrong passwords by e-mail.
    pub email_failures: PasswordFailures,
    /// Wrong passwords by number.
    pub phone_failures: PasswordFailures,
    /// The live ones, the most recently used first.
    pub sessions: Vec<SessionEntry>,
    /// The newest first, at most [`ShowAccount::EVENTS`].
    pub events: Vec<SecurityEvent>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowAccountError {
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ShowAccount {
    /// The most events shown.
    pub const EVENTS: u32 = 20;

    /// Reads the account and what belongs to it.
    #[tracing::instrument(name = "show_account", skip_all)]
    pub async fn execute(&self, name: &AccountName) -> Result<AccountDetails, ShowAccountError> {
        let query = AccountQuery::Named(name.clone());
        let found = self.directory.find_accounts(&query, None, 1).await.map_err(Fault::from)?;
        let entry = found.into_iter().next().ok_or(ShowAccountError::NotFound)?;
        Ok(self.details(entry).await?)
    }

    async fn details(&self, entry: AccountEntry) -> Result<AccountDetails, Fault> {
        let now = self.clock.now();
        let user = &entry.user;
        let by_email = self.accounts.find_sign_in(&SignInName::Email(user.email.clone()), None, now).await?;
        let by_phone = self.accounts.find_sign_in(&SignInName::Phone(user.phone.clone()), None, now).await?;
        Ok(AccountDetails {
            email_failures: by_email.failures,
            phone_failures: by_phone.failures,
            sessions: self.sessions.list_sessions(user.id, now).await?,
            events: self.events.list_events(user.id, None, Self::EVENTS).await?,
            entry,
        })
    }
}
