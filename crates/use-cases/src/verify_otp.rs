//! The second half of a sign-in or registration: the code.

use std::sync::Arc;

use domain::{
    AuthenticationMethod, ChallengeId, ChallengePolicy, Channel, Client, Code, EventName, Purpose, Quotas,
    SessionPolicy, UserId,
};
use jiff::SignedDuration;
use ports::{
    AccessTokens, Attempt, ChallengeStore, Clock, CodeCheck, Guess, ProviderFault, Redeemed, SecretGenerator,
    StartedVerification, Taken, VerificationProvider,
};

use crate::{Fault, SignedIn, open_session::PreparedSession};

/// What this opens a session for. Other challenges have routes of their own.
const PURPOSES: &[Purpose] = &[Purpose::Registration, Purpose::Login, Purpose::StepUp];

/// Checks the code of a registration, a sign-in or a step-up and opens a session.
pub struct VerifyOtp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub policy: ChallengePolicy,
    pub sessions: SessionPolicy,
    pub quotas: Quotas,
}

/// A guess at the code of a challenge.
#[derive(Debug)]
pub struct VerifyOtpRequest {
    pub challenge_id: ChallengeId,
    pub code: Code,
    pub client: Client,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum VerifyOtpError {
    #[error("the code is wrong")]
    InvalidCode { attempts_left: u32 },
    /// Unknown, expired, used or exhausted: one answer.
    #[error("the challenge is closed")]
    Closed,
    /// A registration of a number or e-mail that has an account; told only
    /// after the right code.
    #[error("there is an account already")]
    AccountExists,
    #[error("too many wrong codes")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl VerifyOtp {
    /// Spends an attempt, asks the provider, and opens a session for the right code.
    ///
    /// A crash after the attempt was taken costs that attempt; a crash after
    /// the provider said yes costs the code, and the user asks for another.
    /// Neither lets anyone in.
    #[tracing::instrument(name = "verify_otp", skip_all, fields(challenge.id = ?request.challenge_id))]
    pub async fn execute(&self, request: VerifyOtpRequest) -> Result<SignedIn, VerifyOtpError> {
        let attempt = self.take_attempt(request.challenge_id).await?;
        match self.check(&attempt, &request.code).await {
            Ok(CodeCheck::Accepted) => self.redeem(&attempt, request.client).await,
            Ok(CodeCheck::Gone) => {
                // Nothing was learnt about the code: a newer message replaced it,
                // perhaps one that a stranger caused.
                self.challenges.give_back(&attempt, self.policy.max_given_back).await.map_err(Fault::from)?;
                tracing::info!(event = "authn_login_fail", "the code is no longer valid");
                Err(VerifyOtpError::InvalidCode { attempts_left: attempt.attempts_left + 1 })
            }
            Ok(CodeCheck::Wrong) => {
                tracing::info!(
                    event = "authn_login_fail",
                    attempts_left = attempt.attempts_left,
                    "wrong code"
                );
                Err(VerifyOtpError::InvalidCode { attempts_left: attempt.attempts_left })
            }
            Err(fault) => {
                self.challenges.give_back(&attempt, self.policy.max_given_back).await.map_err(Fault::from)?;
                Err(fault.into())
            }
        }
    }

    async fn take_attempt(&self, id: ChallengeId) -> Result<Attempt, VerifyOtpError> {
        let now = self.clock.now();
        let guess = Guess { id, purposes: PURPOSES, quotas: self.quotas };
        match self.challenges.take_attempt(&guess, now).await.map_err(Fault::from)? {
            Taken::Attempt(attempt) => Ok(attempt),
            Taken::Closed => Err(VerifyOtpError::Closed),
            Taken::OverQuota { retry_at } => {
                tracing::warn!(event = "authn_login_fail_max", limit = "guesses");
                Err(VerifyOtpError::RateLimited { retry_after: retry_at.duration_since(now) })
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

    async fn redeem(&self, attempt: &Attempt, client: Client) -> Result<SignedIn, VerifyOtpError> {
        let now = self.clock.now();
        let event = match attempt.purpose {
            Purpose::Registration => EventName::UserCreated,
            Purpose::StepUp => EventName::StepUp,
            Purpose::Login | Purpose::PasswordReset | Purpose::PhoneChange => EventName::LoginSuccess,
        };
        let methods = methods(attempt.channel);
        let prepared = PreparedSession::new(&*self.secrets, &self.sessions, methods, client, event, now);
        let redeemed = match attempt.purpose {
            Purpose::Registration => {
                let user_id = UserId(self.secrets.id(now));
                self.challenges.redeem_registration(attempt, user_id, &prepared.session).await
            }
            Purpose::Login => self.challenges.redeem_login(attempt, &prepared.session).await,
            Purpose::StepUp => self.challenges.redeem_step_up(attempt, &prepared.session).await,
            // No attempt is taken for these.
            Purpose::PasswordReset | Purpose::PhoneChange => return Err(VerifyOtpError::Closed),
        };
        match redeemed.map_err(Fault::from)? {
            Redeemed::Done(user) => {
                tracing::info!(event = event.as_str(), user.id = %user.id.0, session.id = %prepared.session.id.0);
                Ok(prepared.opened_for(user, &*self.tokens, &self.sessions, now).map_err(Fault::from)?)
            }
            Redeemed::Closed => Err(VerifyOtpError::Closed),
            Redeemed::AccountExists => Err(VerifyOtpError::AccountExists),
        }
    }
}

fn methods(channel: Channel) -> Vec<AuthenticationMethod> {
    let possession = match channel {
        Channel::Sms | Channel::Whatsapp => AuthenticationMethod::Sms,
        Channel::Voice | Channel::Flashcall => AuthenticationMethod::Telephone,
    };
    vec![AuthenticationMethod::Password, possession, AuthenticationMethod::MultiFactor]
}
