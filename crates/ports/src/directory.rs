//! Accounts, as operators see and handle them.

use async_trait::async_trait;
use domain::{AccountLock, AccountQuery, EventId, LockReason, SecurityEvent, User, UserId};
use jiff::Timestamp;

use crate::{Account, NewEvent, StoreError};

/// An account in a list: never with its password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    pub user: User,
    pub lock: Option<AccountLock>,
}

/// An event and whose account it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvent {
    pub user_id: UserId,
    pub event: SecurityEvent,
}

/// What became of the wish to lock or unlock an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// It was done, and recorded.
    Done,
    /// The account was so already; nothing happened.
    AlreadySo,
    /// There is no such account.
    NotFound,
}

/// What operators find and do.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AccountDirectory: Send + Sync {
    /// At most `most` accounts that `query` means, in the order of their ids; only those after
    /// `after`, if given: one round trip. Parts of addresses match literally. A name is found
    /// by an index, a part by looking at every account.
    async fn find_accounts(
        &self,
        query: &AccountQuery,
        after: Option<UserId>,
        most: u32,
    ) -> Result<Vec<AccountEntry>, StoreError>;

    /// At most `most` accounts with their password hashes, in the order of their ids; only
    /// those after `after`, if given. No account that stays is missed or repeated over the pages,
    /// whatever happens to others meanwhile.
    async fn list_accounts(&self, after: Option<UserId>, most: u32) -> Result<Vec<Account>, StoreError>;

    /// Locks an account, ends its sessions and closes its challenges. Atomic: a right code that
    /// is used at the same time opens no session that lives on, and none opens one later.
    /// Of any number of concurrent calls one is [`LockChange::Done`], and its reason stays.
    async fn lock_account(
        &self,
        user_id: UserId,
        reason: &LockReason,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError>;

    /// Takes the lock away. What it ended stays ended.
    async fn unlock_account(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<LockChange, StoreError>;

    /// Ends all sessions of an account; how many were alive, or `None` when there is no such
    /// account. The event is recorded once, without a session, if any ended.
    async fn end_all_sessions(
        &self,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError>;

    /// Events of all accounts, the newest first, at most `most`; only those older than `before`,
    /// if given: one round trip.
    async fn list_all_events(
        &self,
        before: Option<EventId>,
        most: u32,
    ) -> Result<Vec<AccountEvent>, StoreError>;
}
