//! Starting a reset of a password for somebody.

use std::sync::Arc;

use domain::{Client, EventName, UserId};
use jiff::SignedDuration;
use ports::{AccountStore, Clock, EventStore, SecretGenerator, Subject};

use crate::{
    Fault,
    blind_challenges::{BlindChallengeError, BlindChallenges, Start},
    event::event,
};

/// Sends the code of a reset to the owner of an account on behalf of an operator, who sees
/// neither the code nor the challenge.
///
/// The challenge is the one that `ForgotPassword` finds for the e-mail of the account: its owner
/// asks there, gets it without a second message, and goes on alone.
pub struct StartReset {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub accounts: Arc<dyn AccountStore>,
    pub events: Arc<dyn EventStore>,
    pub blind: Arc<BlindChallenges>,
}

/// Why no reset was started.
#[derive(Debug, thiserror::Error)]
pub enum StartResetError {
    #[error("there is no such account")]
    NotFound,
    /// Nobody signs in to it with whatever password, so no code is sent.
    #[error("the account is locked")]
    Locked,
    /// Too many messages for resets of this account.
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartReset {
    /// Records that an operator asks, then starts the reset, or finds the same one alive. The
    /// message goes out in the background, if the number may get one now.
    #[tracing::instrument(name = "start_reset", skip_all)]
    pub async fn execute(&self, user_id: UserId) -> Result<(), StartResetError> {
        let now = self.clock.now();
        let found = self.accounts.find_account(user_id).await.map_err(Fault::from)?;
        let account = found.ok_or(StartResetError::NotFound)?;
        if account.lock.is_some() {
            return Err(StartResetError::Locked);
        }
        let name = EventName::PasswordResetStart;
        let event = event(&*self.secrets, name, Client::default(), now);
        if !self.events.record_event(user_id, &event, now).await.map_err(Fault::from)? {
            return Err(StartResetError::NotFound);
        }
        tracing::warn!(event = name.as_str(), user.id = %user_id.0, "by an operator");
        let email = account.user.email;
        let subject = |user_id| Subject::PasswordReset { email: email.clone(), user_id };
        let start = Start { request_locale: None, client: Client::default() };
        self.blind.open(subject, Some(user_id), start, now).await?;
        Ok(())
    }
}

impl From<BlindChallengeError> for StartResetError {
    fn from(error: BlindChallengeError) -> Self {
        match error {
            BlindChallengeError::RateLimited { retry_after } => Self::RateLimited { retry_after },
            BlindChallengeError::Fault(fault) => Self::Fault(fault),
        }
    }
}
