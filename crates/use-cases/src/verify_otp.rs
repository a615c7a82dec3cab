//! The second half of a sign-in or registration: the code.

use std::sync::Arc;

use domain::{
    AuthenticationMethod, ChallengeId, ChallengePolicy, Channel, Client, Code, DevicePolicy, EventName,
    Purpose, Quotas, SessionPolicy, UserId,
};
use jiff::SignedDuration;
use ports::{
    AccessTokens, Attempt, ChallengeStore, Clock, DecoyCodes, Guess, Redeemed, SecretGenerator,
    VerificationProvider,
};

use crate::{
    Fault, SignedIn,
    codes::{Codes, Unproven},
    open_session::PreparedSession,
};

/// What this opens a session for. Other challenges have routes of their own.
const PURPOSES: &[Purpose] = &[Purpose::Registration, Purpose::Login, Purpose::PhoneLogin, Purpose::StepUp];

/// Checks the code of a registration, a sign-in or a step-up and opens a session.
pub struct VerifyOtp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub decoys: Arc<dyn DecoyCodes>,
    pub policy: ChallengePolicy,
    pub sessions: SessionPolicy,
    /// `None` when devices are not remembered.
    pub devices: Option<DevicePolicy>,
    pub quotas: Quotas,
}

/// A guess at the code of a challenge.
#[derive(Debug)]
pub struct VerifyOtpRequest {
    pub challenge_id: ChallengeId,
    pub code: Code,
    /// Whether the device shall be remembered.
    pub remember_device: bool,
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
        let guess = Guess { id: request.challenge_id, purposes: PURPOSES, quotas: self.quotas, asker: None };
        let codes = Codes {
            challenges: &*self.challenges,
            provider: &*self.provider,
            decoys: &*self.decoys,
            policy: &self.policy,
        };
        let attempt = codes.prove(&guess, &request.code, self.clock.now()).await?;
        self.redeem(&attempt, request.remember_device, request.client).await
    }

    async fn redeem(
        &self,
        attempt: &Attempt,
        remember_device: bool,
        client: Client,
    ) -> Result<SignedIn, VerifyOtpError> {
        let now = self.clock.now();
        let event = match attempt.purpose {
            Purpose::Registration => EventName::UserCreated,
            Purpose::StepUp => EventName::StepUp,
            Purpose::Login | Purpose::PhoneLogin | Purpose::PasswordReset | Purpose::PhoneChange => {
                EventName::LoginSuccess
            }
        };
        let methods = methods(attempt);
        let mut prepared = PreparedSession::new(&*self.secrets, &self.sessions, methods, client, event, now);
        // What no password opened must not stand for one later.
        let remembers = remember_device && attempt.purpose != Purpose::PhoneLogin;
        if let Some(policy) = self.devices.as_ref().filter(|_| remembers) {
            prepared = prepared.remembering(&*self.secrets, policy);
        }
        let redeemed = match attempt.purpose {
            Purpose::Registration => {
                let user_id = UserId(self.secrets.id(now));
                self.challenges.redeem_registration(attempt, user_id, &prepared.session).await
            }
            Purpose::Login => self.challenges.redeem_login(attempt, &prepared.session).await,
            Purpose::PhoneLogin => self.challenges.redeem_phone_login(attempt, &prepared.session).await,
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

impl From<Unproven> for VerifyOtpError {
    fn from(reason: Unproven) -> Self {
        match reason {
            Unproven::InvalidCode { attempts_left } => Self::InvalidCode { attempts_left },
            Unproven::Closed => Self::Closed,
            Unproven::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Unproven::Fault(fault) => Self::Fault(fault),
        }
    }
}

fn methods(attempt: &Attempt) -> Vec<AuthenticationMethod> {
    let possession = match attempt.channel {
        Channel::Sms | Channel::Whatsapp => AuthenticationMethod::Sms,
        Channel::Voice | Channel::Flashcall => AuthenticationMethod::Telephone,
    };
    match attempt.purpose {
        // Nobody asked for a password.
        Purpose::PhoneLogin => vec![possession],
        _ => vec![AuthenticationMethod::Password, possession, AuthenticationMethod::MultiFactor],
    }
}
