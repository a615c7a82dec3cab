//! What became of messages, for operators.

use std::sync::Arc;

use domain::{AccountName, AccountQuery, FigureDimension, FigureLine, FigureWindow, PhoneNumber, SendTrace};
use ports::{AccountDirectory, Clock, FigureQuery, SendTraceStore};

use crate::Fault;

/// Shows what became of the messages to a number or an account.
pub struct TraceMessages {
    pub directory: Arc<dyn AccountDirectory>,
    pub traces: Arc<dyn SendTraceStore>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum TraceMessagesError {
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl TraceMessages {
    /// The newest first. A number needs no account; an id and an e-mail address stand for the number
    /// that their account has now.
    #[tracing::instrument(name = "trace_messages", skip_all)]
    pub async fn execute(&self, name: &AccountName, most: u32) -> Result<Vec<SendTrace>, TraceMessagesError> {
        let phone = match name {
            AccountName::Phone(phone) => phone.clone(),
            AccountName::Id(_) | AccountName::Email(_) => self.number_of(name).await?,
        };
        Ok(self.traces.list_traces(&phone, most).await.map_err(Fault::from)?)
    }

    async fn number_of(&self, name: &AccountName) -> Result<PhoneNumber, TraceMessagesError> {
        let query = AccountQuery::Named(name.clone());
        let found = self.directory.find_accounts(&query, None, 1).await.map_err(Fault::from)?;
        let entry = found.into_iter().next().ok_or(TraceMessagesError::NotFound)?;
        Ok(entry.user.phone)
    }
}

/// Shows how many messages were sent, came and were answered.
pub struct ShowFigures {
    pub clock: Arc<dyn Clock>,
    pub traces: Arc<dyn SendTraceStore>,
}

/// Figures of a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    pub window: FigureWindow,
    /// By what the lines are told apart.
    pub by: Vec<FigureDimension>,
    /// Those with the most messages first, at most [`ShowFigures::MOST`].
    pub lines: Vec<FigureLine>,
}

impl ShowFigures {
    /// The most lines.
    pub const MOST: u32 = 500;

    /// Of the last so many hours.
    #[tracing::instrument(name = "show_figures", skip_all)]
    pub async fn execute(&self, hours: u32, by: &[FigureDimension]) -> Result<Figures, Fault> {
        let window = FigureWindow::last_hours(hours, self.clock.now());
        let query = FigureQuery { window, by: by.to_vec(), most: Self::MOST };
        let cells = self.traces.list_figures(&query).await?;
        let cells = cells.into_iter().map(|cell| (cell.group, cell.point, cell.figures));
        Ok(Figures { window, by: query.by, lines: FigureLine::fold(cells, &window) })
    }
}
