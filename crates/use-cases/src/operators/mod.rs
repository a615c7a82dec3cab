//! What operators do with accounts, from the command line or the admin API.
//!
//! Whoever calls these has made sure that an operator asks: none of them knows a user's session.

mod accounts;
mod events;
mod export;
mod fraud;
mod import;
mod locking;
mod messages;
mod removal;
mod reset;
mod sessions;

pub use accounts::{AccountDetails, FindAccounts, ShowAccount, ShowAccountError};
pub use events::{ListAccountEvents, ListAllEvents};
pub use export::ExportAccounts;
pub use fraud::{ExplainNumber, Explanation, ListBlocks, Unblock};
pub use import::{ImportAccounts, PersonToImport};
pub use locking::{LockAccount, LockAccountError, UnlockAccount};
pub use messages::{Figures, ShowFigures, TraceMessages, TraceMessagesError};
pub use removal::{RemoveAccount, RemoveAccountError};
pub use reset::{StartReset, StartResetError};
pub use sessions::{EndAllSessions, EndAllSessionsError};
