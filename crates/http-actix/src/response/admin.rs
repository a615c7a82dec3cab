//! What operators are answered.

use domain::{PasswordFailures, SessionEntry, UserAgent};
use jiff::Timestamp;
use serde::Serialize;
use use_cases::{AccountDetails, AccountEntry, AccountEvent};
use utoipa::ToSchema;

use super::{EventBody, EventsAnswer, UserBody};

/// An account, and its lock.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    #[serde(flatten)]
    user: UserBody,
    /// Since when nobody may sign in, or null.
    #[schema(required = true)]
    locked_at: Option<Timestamp>,
    /// Why, or null.
    #[schema(required = true, examples("phone stolen"))]
    lock_reason: Option<String>,
}

impl From<AccountEntry> for AccountBody {
    fn from(entry: AccountEntry) -> Self {
        Self {
            user: entry.user.into(),
            locked_at: entry.lock.as_ref().map(|lock| lock.since),
            lock_reason: entry.lock.map(|lock| lock.reason.as_str().to_owned()),
        }
    }
}

/// Accounts in the order of their ids.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountsAnswer {
    users: Vec<AccountBody>,
}

impl From<Vec<AccountEntry>> for AccountsAnswer {
    fn from(entries: Vec<AccountEntry>) -> Self {
        Self { users: entries.into_iter().map(AccountBody::from).collect() }
    }
}

/// Everything about an account but its password hash.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountDetails)]
pub(crate) struct AccountDetailsBody {
    #[serde(flatten)]
    account: AccountBody,
    email_failures: FailuresBody,
    phone_failures: FailuresBody,
    /// The live ones, the most recently used first.
    sessions: Vec<AccountSessionBody>,
    /// The newest first.
    events: Vec<EventBody>,
}

impl From<AccountDetails> for AccountDetailsBody {
    fn from(details: AccountDetails) -> Self {
        Self {
            account: details.entry.into(),
            email_failures: details.email_failures.into(),
            phone_failures: details.phone_failures.into(),
            sessions: details.sessions.into_iter().map(AccountSessionBody::from).collect(),
            events: EventsAnswer::from(details.events).events,
        }
    }
}

/// Wrong passwords for one name of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordFailures)]
pub(crate) struct FailuresBody {
    /// Since the last right one.
    count: u32,
    /// The last of them, or null.
    #[schema(required = true)]
    last_at: Option<Timestamp>,
}

impl From<PasswordFailures> for FailuresBody {
    fn from(failures: PasswordFailures) -> Self {
        Self { count: failures.count, last_at: failures.last_at }
    }
}

/// A session of somebody else.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountSession)]
pub(crate) struct AccountSessionBody {
    /// A `UUIDv7`.
    #[schema(value_type = uuid::Uuid)]
    id: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// The address that signed in, or null.
    #[schema(required = true, examples("203.0.113.7"))]
    ip: Option<String>,
    /// What the client called itself, or null.
    #[schema(required = true)]
    user_agent: Option<String>,
}

impl From<SessionEntry> for AccountSessionBody {
    fn from(session: SessionEntry) -> Self {
        Self {
            id: session.id.0.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            ip: session.client.address.map(|address| address.to_string()),
            user_agent: session.client.user_agent.as_ref().map(UserAgent::as_str).map(str::to_owned),
        }
    }
}

/// Something that happened to an account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountEvent)]
pub(crate) struct AccountEventBody {
    /// Whose account it was.
    #[schema(value_type = uuid::Uuid)]
    user_id: String,
    #[serde(flatten)]
    event: EventBody,
}

/// What happened to all accounts, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountEventsAnswer {
    events: Vec<AccountEventBody>,
}

impl From<Vec<AccountEvent>> for AccountEventsAnswer {
    fn from(events: Vec<AccountEvent>) -> Self {
        let body = |AccountEvent { user_id, event }| AccountEventBody {
            user_id: user_id.0.to_string(),
            event: event.into(),
        };
        Self { events: events.into_iter().map(body).collect() }
    }
}
