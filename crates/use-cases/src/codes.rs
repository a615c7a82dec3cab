//! Guesses at codes: take an attempt → ask the provider → give back what a fault cost.

use domain::{ChallengePolicy, Code};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Attempt, ChallengeStore, CodeCheck, Guess, ProviderFault, StartedVerification, Taken,
    VerificationProvider,
};

use crate::Fault;

/// What it takes to judge a code.
pub(crate) struct Codes<'a> {
    pub(crate) challenges: &'a dyn ChallengeStore,
    pub(crate) provider: &'a dyn VerificationProvider,
    pub(crate) policy: &'a ChallengePolicy,
}

/// Why a code proves nothing.
#[derive(Debug)]
pub(crate) enum Unproven {
    InvalidCode {
        attempts_left: u32,
    },
    /// Unknown, expired, used or exhausted: one answer.
    Closed,
    RateLimited {
        retry_after: SignedDuration,
    },
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Unproven {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Codes<'_> {
    /// Spends an attempt and asks the provider; the attempt, when the code was right.
    ///
    /// A crash after the attempt was taken costs that attempt; a crash after
    /// the provider said yes costs the code, and the user asks for another.
    /// Neither lets anyone in.
    pub(crate) async fn prove(
        &self,
        guess: &Guess,
        code: &Code,
        now: Timestamp,
    ) -> Result<Attempt, Unproven> {
        let attempt = self.take_attempt(guess, now).await?;
        match self.check(&attempt, code).await {
            Ok(CodeCheck::Accepted) => Ok(attempt),
            Ok(CodeCheck::Gone) => {
                // Nothing was learnt about the code: a newer message replaced it,
                // perhaps one that a stranger caused.
                self.give_back(&attempt).await?;
                tracing::info!(event = "authn_login_fail", "the code is no longer valid");
                Err(Unproven::InvalidCode { attempts_left: attempt.attempts_left + 1 })
            }
            Ok(CodeCheck::Wrong) => {
                let attempts_left = attempt.attempts_left;
                tracing::info!(event = "authn_login_fail", attempts_left, "wrong code");
                Err(Unproven::InvalidCode { attempts_left })
            }
            Err(fault) => {
                self.give_back(&attempt).await?;
                Err(Unproven::Fault(fault))
            }
        }
    }

    async fn give_back(&self, attempt: &Attempt) -> Result<(), Fault> {
        Ok(self.challenges.give_back(attempt, self.policy.max_given_back).await?)
    }

    async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Attempt, Unproven> {
        match self.challenges.take_attempt(guess, now).await? {
            Taken::Attempt(attempt) => Ok(attempt),
            Taken::Closed => Err(Unproven::Closed),
            Taken::OverQuota { retry_at } => {
                tracing::warn!(event = "authn_login_fail_max", limit = "guesses");
                Err(Unproven::RateLimited { retry_after: retry_at.duration_since(now) })
            }
        }
    }

    async fn check(&self, attempt: &Attempt, code: &Code) -> Result<CodeCheck, Fault> {
        let found = match attempt.unsettled {
            Some(reference) => self.provider.find(reference, &attempt.phone, attempt.channel).await?,
            None => None,
        };
        if let (Some(reference), Some(id)) = (attempt.unsettled, &found) {
            self.challenges.settle_sent(reference, id).await?;
        }
        // No message ever left: there is no code, so every code is wrong.
        let Some(id) = found.or_else(|| attempt.provider_id.clone()) else { return Ok(CodeCheck::Wrong) };
        let verification = StartedVerification { id, phone: attempt.phone.clone(), channel: attempt.channel };
        self.provider.check(&verification, code).await.map_err(|fault: ProviderFault| fault.into())
    }
}
