//! Sessions and their refresh tokens.

use async_trait::async_trait;
use domain::{
    AuthenticationMethod, Client, RefreshTokenHash, SessionEntry, SessionId, SessionPolicy, SessionTimes,
    User, UserId,
};
use jiff::Timestamp;

use crate::{NewDevice, NewEvent, StoreError};

/// A session to be opened together with what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub id: SessionId,
    pub refresh_token: RefreshTokenHash,
    pub times: SessionTimes,
    pub methods: Vec<AuthenticationMethod>,
    pub client: Client,
    /// Live sessions of the user after this one; the least recently used end.
    pub max_per_user: u32,
    /// Recorded when the session is opened.
    pub event: NewEvent,
    /// Remembered with it, if the user wishes so.
    pub device: Option<NewDevice>,
}

/// A session that is alive, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    pub id: SessionId,
    pub user: User,
    pub authenticated_at: Timestamp,
    pub methods: Vec<AuthenticationMethod>,
    pub expires_at: Timestamp,
    pub absolute_expires_at: Timestamp,
}

/// What became of a presented refresh token.
#[expect(clippy::large_enum_variant, reason = "one is made for each refresh and soon taken apart")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The presented token is spent, the successor stored.
    Rotated(LiveSession),
    /// Unknown, or its session is over, or it was spent a moment ago and its
    /// successor is spent already. No session ended.
    Refused,
    /// Spent longer ago than the leeway: somebody copied it. The session with
    /// all its tokens has ended (RFC 9700 §4.14.2).
    Reused { session_id: SessionId, user_id: UserId },
}

/// Where sessions are kept. An ended session is gone at once for every replica.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session, if it lives and belongs to `user_id`: one round trip.
    async fn find_live(
        &self,
        id: SessionId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, StoreError>;

    /// Spends `presented` and stores `successor` in its place.
    ///
    /// Atomic: of any number of concurrent calls with one token, one spends
    /// it; the others find it spent within `policy.reuse_leeway` and replace
    /// the successor if that is itself unspent, or are refused, so that there
    /// is at most one live successor. A replaced successor counts as spent. The leeway runs from the first use and is never
    /// stretched. A token spent longer ago ends the session, and only then is
    /// `reuse` recorded. Nobody knows before whose token it is, so the store itself gives
    /// `reuse` the number of the account to be told, if the event is one that owners are told of.
    async fn rotate(
        &self,
        presented: RefreshTokenHash,
        successor: RefreshTokenHash,
        policy: &SessionPolicy,
        reuse: &NewEvent,
        now: Timestamp,
    ) -> Result<Rotation, StoreError>;

    /// The live sessions of a user, the most recently used first: one round trip.
    async fn list_sessions(&self, user_id: UserId, now: Timestamp) -> Result<Vec<SessionEntry>, StoreError>;

    /// Ends a live session of `user_id`; `false`, and no event, when there is none such.
    async fn end(
        &self,
        id: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Ends all live sessions of `user_id` but one; returns how many ended. The event
    /// is recorded once, without a session, if any did.
    async fn end_others(
        &self,
        kept: SessionId,
        user_id: UserId,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
