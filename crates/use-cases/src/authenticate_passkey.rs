//! Signing in with a passkey: alone, or as the second factor of a challenge.

use std::sync::Arc;

use domain::{
    AnswerKind, CeremonyId, ChallengeId, ChallengePolicy, Client, EventName, Purpose, Quotas, SessionPolicy,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccessTokens, Admitted, Assertion, Attempt, CeremonyAnswer, CeremonyKind, ChallengeStore, Clock,
    CredentialRefused, Guess, NewCeremony, PasskeyCeremonies, PasskeyStore, PasskeyUse, PresentedCredential,
    SecretGenerator, StoredCredential, Taken, UserVerification,
};

use crate::{BegunCeremony, Fault, SignedIn, event::event, open_session::PreparedSession};

/// What a passkey may answer. Other challenges prove a phone.
const PURPOSES: &[Purpose] = &[Purpose::Login, Purpose::StepUp];

/// Begins a sign-in with a passkey.
pub struct StartPasskeyAuthentication {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub passkeys: Arc<dyn PasskeyStore>,
}

/// Why no ceremony was begun.
#[derive(Debug, thiserror::Error)]
pub enum StartPasskeyAuthenticationError {
    /// Unknown, expired, used, exhausted, or for something else: one answer.
    #[error("the challenge is closed")]
    Closed,
    /// Told to whoever has proven the password.
    #[error("the account has no passkey")]
    NoPasskey,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartPasskeyAuthentication {
    /// With a challenge: asks for a passkey of its user. Without: for anybody's, whose
    /// authenticator has to know its user.
    #[tracing::instrument(name = "start_passkey_authentication", skip_all)]
    pub async fn execute(
        &self,
        challenge_id: Option<ChallengeId>,
    ) -> Result<BegunCeremony, StartPasskeyAuthenticationError> {
        let now = self.clock.now();
        let (kind, started) = match challenge_id {
            None => {
                let started = self.ceremonies.start_authentication(&[], UserVerification::Required);
                (CeremonyKind::SignIn, started)
            }
            Some(challenge_id) => {
                let found = self.passkeys.find_answerable(&challenge_id, now).await.map_err(Fault::from)?;
                let asked = found.ok_or(StartPasskeyAuthenticationError::Closed)?;
                if asked.credentials.is_empty() {
                    return Err(StartPasskeyAuthenticationError::NoPasskey);
                }
                let verification = UserVerification::Preferred;
                let started = self.ceremonies.start_authentication(&asked.credentials, verification);
                (CeremonyKind::Answer { user_id: asked.user_id, challenge_id }, started)
            }
        };
        let started = started.map_err(Fault::from)?;
        let id = self.secrets.ceremony_id();
        let expires_at = CeremonyId::expires_at(now);
        let ceremony = NewCeremony { id, kind, state: started.state, expires_at };
        self.passkeys.begin_ceremony(&ceremony).await.map_err(Fault::from)?;
        Ok(BegunCeremony { id: ceremony.id, options: started.options })
    }
}

/// Finishes a sign-in with a passkey.
pub struct FinishPasskeyAuthentication {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub passkeys: Arc<dyn PasskeyStore>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub policy: ChallengePolicy,
    pub sessions: SessionPolicy,
    pub quotas: Quotas,
}

/// The answer of an authenticator.
#[derive(Debug)]
pub struct FinishPasskeyAuthenticationRequest {
    pub ceremony_id: CeremonyId,
    /// The challenge that the ceremony was begun for.
    pub challenge_id: Option<ChallengeId>,
    pub credential: PresentedCredential,
    pub client: Client,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum FinishPasskeyAuthenticationError {
    /// The ceremony is over, the passkey unknown, or its answer wrong: one answer.
    #[error("the passkey is not accepted")]
    Refused {
        /// Of the challenge, if there is one.
        attempts_left: Option<u32>,
    },
    /// The challenge is unknown, expired, used or exhausted.
    #[error("the challenge is closed")]
    Closed,
    #[error("too many wrong answers")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an answer proves nothing.
enum Unproven {
    Refused(&'static str),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Unproven {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl FinishPasskeyAuthentication {
    /// Spends an attempt of the challenge, if there is one, uses up the ceremony, judges the
    /// answer, and opens a session.
    #[tracing::instrument(name = "finish_passkey_authentication", skip_all, fields(ceremony.id = ?request.ceremony_id))]
    pub async fn execute(
        &self,
        request: FinishPasskeyAuthenticationRequest,
    ) -> Result<SignedIn, FinishPasskeyAuthenticationError> {
        let now = self.clock.now();
        let attempt = match &request.challenge_id {
            Some(id) => Some(self.take_attempt(id.clone(), now).await?),
            None => None,
        };
        let attempts_left = attempt.as_ref().map(|attempt| attempt.attempts_left);
        match self.judge(&request, now).await {
            Ok((stored, assertion)) => {
                self.admit(attempt.as_ref(), &stored, assertion, request.client, now).await
            }
            Err(Unproven::Refused(reason)) => {
                tracing::info!(event = "authn_login_fail", reason, "a passkey was not accepted");
                if let Some(attempt) = &attempt {
                    self.record_failure(attempt, request.client).await?;
                }
                Err(FinishPasskeyAuthenticationError::Refused { attempts_left })
            }
            Err(Unproven::Fault(fault)) => {
                // Nothing was judged, so nothing was guessed.
                if let Some(attempt) = &attempt {
                    let most = self.policy.max_given_back;
                    self.challenges.give_back(attempt.spent(), most).await.map_err(Fault::from)?;
                }
                Err(fault.into())
            }
        }
    }

    async fn take_attempt(
        &self,
        id: ChallengeId,
        now: Timestamp,
    ) -> Result<Attempt, FinishPasskeyAuthenticationError> {
        let guess =
            Guess { id, purposes: PURPOSES, kind: AnswerKind::Passkey, quotas: self.quotas, asker: None };
        match self.challenges.take_attempt(&guess, now).await.map_err(Fault::from)? {
            Taken::Attempt(attempt) => Ok(attempt),
            // Decoys are of other purposes.
            Taken::Decoy(_) | Taken::Closed => Err(FinishPasskeyAuthenticationError::Closed),
            Taken::OverQuota { retry_at } => {
                tracing::warn!(event = "authn_login_fail_max", limit = "guesses");
                let retry_after = retry_at.duration_since(now);
                Err(FinishPasskeyAuthenticationError::RateLimited { retry_after })
            }
        }
    }

    /// Tells the owner of the account that a wrong answer followed the right password.
    async fn record_failure(&self, attempt: &Attempt, client: Client) -> Result<(), Fault> {
        let now = self.clock.now();
        let event = event(&*self.secrets, EventName::FactorFail, client, now);
        Ok(self.challenges.record_wrong_answer(attempt, &event, now).await?)
    }

    async fn judge(
        &self,
        request: &FinishPasskeyAuthenticationRequest,
        now: Timestamp,
    ) -> Result<(StoredCredential, Assertion), Unproven> {
        let refused = |CredentialRefused(reason)| Unproven::Refused(reason);
        let presented = self.ceremonies.presented_id(&request.credential).map_err(refused)?;
        let answer = CeremonyAnswer {
            id: request.ceremony_id.clone(),
            challenge_id: request.challenge_id.clone(),
            presented,
        };
        let taken = self.passkeys.take_authentication(&answer, now).await?;
        let taken = taken.ok_or(Unproven::Refused("the ceremony is over"))?;
        let stored = taken.credential.ok_or(Unproven::Refused("the passkey is unknown"))?;
        let assertion = self
            .ceremonies
            .finish_authentication(&taken.state, &request.credential, &stored)
            .map_err(refused)?;
        if answer.challenge_id.is_none() && !assertion.proof.user_verified {
            return Err(Unproven::Refused("the user was not verified"));
        }
        Ok((stored, assertion))
    }

    async fn admit(
        &self,
        attempt: Option<&Attempt>,
        stored: &StoredCredential,
        assertion: Assertion,
        client: Client,
        now: Timestamp,
    ) -> Result<SignedIn, FinishPasskeyAuthenticationError> {
        let methods = assertion.proof.methods(attempt.is_some());
        let opened_by = match attempt.map(|attempt| attempt.purpose) {
            Some(Purpose::StepUp) => EventName::StepUp,
            _ => EventName::LoginSuccess,
        };
        let cloned = event(&*self.secrets, EventName::PasskeyCloned, client.clone(), now);
        let prepared = PreparedSession::new(&*self.secrets, &self.sessions, methods, client, opened_by, now);
        let usage = PasskeyUse { passkey_id: stored.passkey_id, user_id: stored.user_id, assertion, cloned };
        let admitted = match attempt {
            Some(attempt) => self.passkeys.answer_with_passkey(attempt, &usage, &prepared.session).await,
            None => self.passkeys.sign_in_with_passkey(&usage, &prepared.session).await,
        };
        let attempts_left = attempt.map(|attempt| attempt.attempts_left);
        match admitted.map_err(Fault::from)? {
            Admitted::Done(user) => {
                tracing::info!(
                    event = opened_by.as_str(),
                    factor = "passkey",
                    user.id = %user.id.0,
                    session.id = %prepared.session.id.0
                );
                Ok(prepared.opened_for(user, &*self.tokens, &self.sessions, now).map_err(Fault::from)?)
            }
            Admitted::Cloned => {
                tracing::warn!(
                    event = "authn_passkey_cloned",
                    user.id = %stored.user_id.0,
                    passkey.id = %stored.passkey_id.0,
                    "the counter of a passkey went back"
                );
                Err(FinishPasskeyAuthenticationError::Refused { attempts_left })
            }
            Admitted::Closed if attempt.is_some() => Err(FinishPasskeyAuthenticationError::Closed),
            Admitted::Closed => Err(FinishPasskeyAuthenticationError::Refused { attempts_left }),
        }
    }
}
