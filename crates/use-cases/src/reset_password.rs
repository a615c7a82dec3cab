//! A new password by proof of the phone.

use std::sync::Arc;

use domain::{
    AnswerKind, ChallengeId, ChallengePolicy, Client, Code, EventName, NewPassword, Purpose, Quotas,
    RefusedPassword,
};
use jiff::SignedDuration;
use ports::{
    ChallengeStore, Clock, DecoyCodes, Guess, PasswordHasher, PasswordReset, SecretGenerator,
    VerificationProvider,
};

use crate::{
    Fault,
    codes::{Codes, Unproven},
    event::event,
};

/// Checks the code of a reset and replaces the password. Nobody is signed in by it.
pub struct ResetPassword {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub decoys: Arc<dyn DecoyCodes>,
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
}

/// The code that was sent, and the password that shall be.
#[derive(Debug)]
pub struct ResetPasswordRequest {
    pub challenge_id: ChallengeId,
    pub code: Code,
    pub new: NewPassword,
    pub client: Client,
}

/// Why the password stays.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    #[error("the code is wrong")]
    InvalidCode { attempts_left: u32 },
    /// Unknown, expired, used or exhausted: one answer.
    #[error("the challenge is closed")]
    Closed,
    /// Told before the code is looked at, which costs no attempt.
    #[error(transparent)]
    RefusedPassword(#[from] RefusedPassword),
    #[error("too many wrong codes")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ResetPassword {
    /// Spends an attempt, asks the provider, hashes the password and puts it in the place of
    /// the old one, which ends every session of the account.
    ///
    /// A crash after the provider said yes costs the code, and the user asks for another.
    #[tracing::instrument(name = "reset_password", skip_all, fields(challenge.id = ?request.challenge_id))]
    pub async fn execute(&self, request: ResetPasswordRequest) -> Result<(), ResetPasswordError> {
        let now = self.clock.now();
        let email = self.challenges.find_reset(&request.challenge_id, now).await.map_err(Fault::from)?;
        let email = email.ok_or(ResetPasswordError::Closed)?;
        let new = request.new.for_owner(&email)?;
        let guess = Guess {
            id: request.challenge_id,
            purposes: &[Purpose::PasswordReset],
            kind: AnswerKind::SentCode,
            quotas: self.quotas,
            asker: None,
        };
        let codes = Codes {
            challenges: &*self.challenges,
            provider: &*self.provider,
            decoys: &*self.decoys,
            policy: &self.policy,
        };
        let attempt = codes.prove(&guess, &request.code, now).await?;
        let new = self.hasher.hash(new.as_password(), &email).await.map_err(Fault::from)?;
        // The hash took its time: the reset counts, and is told of, from here.
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::PasswordReset, request.client, now);
        let reset = PasswordReset { new, event: event.notifying(&attempt.phone) };
        if !self.challenges.reset_password(&attempt, &reset, now).await.map_err(Fault::from)? {
            return Err(ResetPasswordError::Closed);
        }
        tracing::info!(event = "authn_password_reset", user.id = ?attempt.user_id.map(|id| id.0));
        Ok(())
    }
}

impl From<Unproven> for ResetPasswordError {
    fn from(reason: Unproven) -> Self {
        match reason {
            Unproven::InvalidCode { attempts_left } => Self::InvalidCode { attempts_left },
            Unproven::Closed => Self::Closed,
            Unproven::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Unproven::Fault(fault) => Self::Fault(fault),
        }
    }
}
