//! Guesses at codes: take an attempt → ask the provider → give back what a fault cost.

use domain::{ChallengePolicy, Code};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Attempt, ChallengeStore, CodeCheck, DecoyCodes, Guess, ProviderFault, Spent, StartedVerification, Taken,
    VerificationProvider,
};

use crate::Fault;

/// What it takes to judge a code.
pub(crate) struct Codes<'a> {
    pub(crate) challenges: &'a dyn ChallengeStore,
    pub(crate) provider: &'a dyn VerificationProvider,
    pub(crate) decoys: &'a dyn DecoyCodes,
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

impl Unproven {
    /// The answer was wrong; it cost its attempt.
    pub(crate) fn wrong(attempt: &Attempt) -> Self {
        let attempts_left = attempt.attempts_left;
        tracing::info!(event = "authn_login_fail", attempts_left, "wrong code");
        Self::InvalidCode { attempts_left }
    }
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
        if self.judge(&attempt, code).await? { Ok(attempt) } else { Err(Unproven::wrong(&attempt)) }
    }

    /// Asks the provider whether the code that was sent is this one. Who is not told gets
    /// the attempt back.
    pub(crate) async fn judge(&self, attempt: &Attempt, code: &Code) -> Result<bool, Unproven> {
        match self.check(attempt, code).await {
            Ok(CodeCheck::Accepted) => Ok(true),
            Ok(CodeCheck::Wrong) => Ok(false),
            Ok(CodeCheck::Gone) => {
                // Nothing was learnt about the code: a newer message replaced it,
                // perhaps one that a stranger caused.
                self.give_back(attempt.spent()).await?;
                tracing::info!(event = "authn_login_fail", "the code is no longer valid");
                Err(Unproven::InvalidCode { attempts_left: attempt.attempts_left + 1 })
            }
            Err(fault) => {
                self.give_back(attempt.spent()).await?;
                Err(Unproven::Fault(fault))
            }
        }
    }

    pub(crate) async fn give_back(&self, spent: Spent) -> Result<(), Fault> {
        Ok(self.challenges.give_back(spent, self.policy.max_given_back).await?)
    }

    /// Spends an attempt. One at a decoy has its answer at once: it is wrong.
    pub(crate) async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Attempt, Unproven> {
        match self.challenges.take_attempt(guess, now).await? {
            Taken::Attempt(attempt) => Ok(attempt),
            Taken::Decoy(spent) => Err(self.refuse_decoy(spent).await),
            Taken::Closed => Err(Unproven::Closed),
            Taken::OverQuota { retry_at } => {
                tracing::warn!(event = "authn_login_fail_max", limit = "guesses");
                Err(Unproven::RateLimited { retry_after: retry_at.duration_since(now) })
            }
        }
    }

    /// An answer that is wrong whatever it is. Who is not to know whether there was anybody to
    /// send a code to waits as for a decoy.
    pub(crate) async fn check_nothing(&self, attempt: &Attempt) -> Result<CodeCheck, Fault> {
        if attempt.purpose.is_blind() {
            self.decoys.check().await?;
        }
        Ok(CodeCheck::Wrong)
    }

    async fn refuse_decoy(&self, spent: Spent) -> Unproven {
        match self.decoys.check().await {
            Ok(()) => Unproven::InvalidCode { attempts_left: spent.attempts_left },
            Err(fault) => match self.give_back(spent).await {
                Ok(()) => Unproven::Fault(fault.into()),
                Err(fault) => Unproven::Fault(fault),
            },
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
        let Some(id) = found.or_else(|| attempt.provider_id.clone()) else {
            return self.check_nothing(attempt).await;
        };
        let verification = StartedVerification { id, phone: attempt.phone.clone(), channel: attempt.channel };
        self.provider.check(&verification, code).await.map_err(|fault: ProviderFault| fault.into())
    }
}
