//! Every account, page by page.

use std::sync::Arc;

use domain::UserId;
use ports::{Account, AccountDirectory};

use crate::Fault;

/// Reads all accounts.
pub struct ExportAccounts {
    pub directory: Arc<dyn AccountDirectory>,
}

impl ExportAccounts {
    /// Accounts of one page.
    pub const PAGE: u32 = 1000;

    /// The accounts after `after`, or the first ones; none after the last.
    pub async fn page(&self, after: Option<UserId>) -> Result<Vec<Account>, Fault> {
        Ok(self.directory.list_accounts(after, Self::PAGE).await?)
    }
}
