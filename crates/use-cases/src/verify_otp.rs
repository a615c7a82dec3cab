//! The second half of a sign-in or registration: the code.

use std::sync::Arc;

use domain::{
    Answer, AuthenticationMethod, ChallengeId, ChallengePolicy, Channel, Client, Code, DevicePolicy,
    EventName, Purpose, Quotas, SessionPolicy, UserId,
};
use jiff::SignedDuration;
use ports::{
    AccessTokens, Attempt, ChallengeStore, Clock, DecoyCodes, Disclosure, FactorStore, Guess, Proof,
    Redeemed, Sealer, SecretGenerator, TotpCodes, VerificationProvider,
};

use crate::{
    Fault, SignedIn,
    app::App,
    codes::{Codes, Unproven},
    event::event,
    open_session::PreparedSession,
};

/// What this opens a session for. Other challenges have routes of their own.
const PURPOSES: &[Purpose] = &[Purpose::Registration, Purpose::Login, Purpose::PhoneLogin, Purpose::StepUp];

/// Checks the answer to a registration, a sign-in or a step-up and opens a session.
pub struct VerifyOtp {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub decoys: Arc<dyn DecoyCodes>,
    pub factors: Arc<dyn FactorStore>,
    pub sealer: Arc<dyn Sealer>,
    pub totp_codes: Arc<dyn TotpCodes>,
    pub policy: ChallengePolicy,
    pub sessions: SessionPolicy,
    /// `None` when devices are not remembered.
    pub devices: Option<DevicePolicy>,
    pub quotas: Quotas,
}

/// A guess at the answer to a challenge.
#[derive(Debug)]
pub struct VerifyOtpRequest {
    pub challenge_id: ChallengeId,
    pub answer: Answer,
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
        let VerifyOtpRequest { challenge_id, answer, remember_device, client } = request;
        let kind = answer.kind();
        let guess = Guess { id: challenge_id, purposes: PURPOSES, kind, quotas: self.quotas, asker: None };
        let attempt = self.codes().take_attempt(&guess, self.clock.now()).await?;
        match self.judge(&attempt, &answer, &client).await? {
            Some(proof) => self.redeem(&attempt, &proof, remember_device, client).await,
            None => Err(self.refuse(&attempt, client).await),
        }
    }

    fn codes(&self) -> Codes<'_> {
        Codes {
            challenges: &*self.challenges,
            provider: &*self.provider,
            decoys: &*self.decoys,
            policy: &self.policy,
        }
    }

    /// What the answer proves, if it is right. A factor that the user does not have, or that
    /// this challenge does not take, is answered wrongly whatever is said.
    async fn judge(
        &self,
        attempt: &Attempt,
        answer: &Answer,
        client: &Client,
    ) -> Result<Option<Proof>, VerifyOtpError> {
        match answer {
            Answer::SentCode(_) if attempt.text_barred => self.judge_nothing(attempt).await,
            Answer::SentCode(code) => Ok(self.codes().judge(attempt, code).await?.then_some(Proof::SentCode)),
            Answer::Totp(_) | Answer::RecoveryCode(_) if !attempt.purpose.follows_password() => {
                self.judge_nothing(attempt).await
            }
            Answer::Totp(code) => self.judge_totp(attempt, code).await,
            Answer::RecoveryCode(code) => {
                let now = self.clock.now();
                let event = event(&*self.secrets, EventName::RecoveryCodeUsed, client.clone(), now)
                    .notifying(&attempt.phone);
                Ok(Some(Proof::RecoveryCode { hash: self.secrets.hash_recovery_code(code), event }))
            }
        }
    }

    async fn judge_nothing(&self, attempt: &Attempt) -> Result<Option<Proof>, VerifyOtpError> {
        match self.codes().check_nothing(attempt).await {
            Ok(_) => Ok(None),
            Err(fault) => {
                self.codes().give_back(attempt.spent()).await?;
                Err(fault.into())
            }
        }
    }

    async fn judge_totp(&self, attempt: &Attempt, code: &Code) -> Result<Option<Proof>, VerifyOtpError> {
        let Some(user_id) = attempt.user_id else { return Ok(None) };
        let app = App { factors: &*self.factors, sealer: &*self.sealer, codes: &*self.totp_codes };
        match app.find_step(user_id, code, self.clock.now()).await {
            Ok(step) => Ok(step.map(Proof::Totp)),
            Err(fault) => {
                self.codes().give_back(attempt.spent()).await?;
                Err(fault.into())
            }
        }
    }

    /// Tells that the answer was wrong, and the owner of the account too where a password came
    /// before it: anybody may ask for a code by a number, and time must not tell whose it is.
    async fn refuse(&self, attempt: &Attempt, client: Client) -> VerifyOtpError {
        if attempt.user_id.is_some() && attempt.purpose.follows_password() {
            let now = self.clock.now();
            let event = event(&*self.secrets, EventName::FactorFail, client, now);
            if let Err(error) = self.challenges.record_wrong_answer(attempt, &event, now).await {
                return Fault::from(error).into();
            }
        }
        Unproven::wrong(attempt).into()
    }

    async fn redeem(
        &self,
        attempt: &Attempt,
        proof: &Proof,
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
        let methods = methods(attempt, proof);
        let mut prepared =
            PreparedSession::new(&*self.secrets, &self.sessions, methods, client.clone(), event, now);
        // What no password opened must not stand for one later.
        let remembers = remember_device && attempt.purpose != Purpose::PhoneLogin;
        if let Some(policy) = self.devices.as_ref().filter(|_| remembers) {
            prepared = prepared.remembering(&*self.secrets, policy);
        }
        let redeemed = match attempt.purpose {
            Purpose::Registration => {
                let user_id = UserId(self.secrets.id(now));
                let disclosed = || {
                    crate::event::event(&*self.secrets, EventName::UserExistsDisclosed, client.clone(), now)
                };
                let disclosure = Disclosure { of_email: disclosed(), of_phone: disclosed() };
                self.challenges.redeem_registration(attempt, user_id, &prepared.session, &disclosure).await
            }
            Purpose::Login => self.challenges.redeem_login(attempt, proof, &prepared.session).await,
            Purpose::PhoneLogin => self.challenges.redeem_phone_login(attempt, &prepared.session).await,
            Purpose::StepUp => self.challenges.redeem_step_up(attempt, proof, &prepared.session).await,
            // No attempt is taken for these.
            Purpose::PasswordReset | Purpose::PhoneChange => return Err(VerifyOtpError::Closed),
        };
        match redeemed.map_err(Fault::from)? {
            Redeemed::Done(user) => {
                tracing::info!(event = event.as_str(), user.id = %user.id.0, session.id = %prepared.session.id.0);
                Ok(prepared.opened_for(user, &*self.tokens, &self.sessions, now).map_err(Fault::from)?)
            }
            Redeemed::Closed => Err(VerifyOtpError::Closed),
            Redeemed::Refused => Err(self.refuse(attempt, client).await),
            Redeemed::AccountExists => {
                tracing::warn!(event = "user_exists_disclosed", "after the right code of a registration");
                Err(VerifyOtpError::AccountExists)
            }
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

/// What the session says of how it was authenticated. RFC 8176 has no name for a saved code:
/// there it says the password, and that there was another factor.
fn methods(attempt: &Attempt, proof: &Proof) -> Vec<AuthenticationMethod> {
    let possession = match (proof, attempt.channel) {
        (Proof::SentCode, Channel::Sms | Channel::Whatsapp) => Some(AuthenticationMethod::Sms),
        (Proof::SentCode, Channel::Voice | Channel::Flashcall) => Some(AuthenticationMethod::Telephone),
        (Proof::Totp(_), _) => Some(AuthenticationMethod::OneTimePassword),
        (Proof::RecoveryCode { .. }, _) => None,
    };
    if attempt.purpose == Purpose::PhoneLogin {
        // Nobody asked for a password.
        return possession.into_iter().collect();
    }
    let password = [AuthenticationMethod::Password];
    password.into_iter().chain(possession).chain([AuthenticationMethod::MultiFactor]).collect()
}
