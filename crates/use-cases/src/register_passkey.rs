//! A further passkey of a signed-in user.

use std::sync::Arc;

use domain::{CeremonyId, Client, EventName, Passkey, PasskeyId, PasskeyName};
use ports::{
    Added, CeremonyKind, Clock, CredentialRefused, NewCeremony, NewPasskey, PasskeyCeremonies, PasskeyStore,
    PresentedCredential, PublicKeyOptions, SecretGenerator,
};

use crate::{Fault, Principal, StepUpRequired, event::event};

/// A ceremony that has begun, for whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunCeremony {
    pub id: CeremonyId,
    /// What the browser is given.
    pub options: PublicKeyOptions,
}

/// Begins the registration of a passkey.
pub struct StartPasskeyRegistration {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub passkeys: Arc<dyn PasskeyStore>,
}

/// Why no registration was begun.
#[derive(Debug, thiserror::Error)]
pub enum StartPasskeyRegistrationError {
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    #[error("the account has as many passkeys as one may have")]
    Full,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartPasskeyRegistration {
    /// Begins it for whoever has proven all factors a moment ago. It is finished in
    /// [`CeremonyId::TTL`], so no more is asked for then.
    #[tracing::instrument(name = "start_passkey_registration", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
    ) -> Result<BegunCeremony, StartPasskeyRegistrationError> {
        let now = self.clock.now();
        principal.require_fresh(now)?;
        let user = &principal.user;
        let existing = self.passkeys.find_credentials(user.id).await.map_err(Fault::from)?;
        if existing.len() >= Passkey::MOST_PER_USER as usize {
            return Err(StartPasskeyRegistrationError::Full);
        }
        let started =
            self.ceremonies.start_registration(user.id, &user.email, &existing).map_err(Fault::from)?;
        let ceremony = NewCeremony {
            id: self.secrets.ceremony_id(),
            kind: CeremonyKind::Registration { user_id: user.id },
            state: started.state,
            expires_at: CeremonyId::expires_at(now),
        };
        self.passkeys.begin_ceremony(&ceremony).await.map_err(Fault::from)?;
        Ok(BegunCeremony { id: ceremony.id, options: started.options })
    }
}

/// Finishes the registration of a passkey.
pub struct FinishPasskeyRegistration {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub passkeys: Arc<dyn PasskeyStore>,
}

/// What an authenticator made, and what its owner calls it.
#[derive(Debug)]
pub struct FinishPasskeyRegistrationRequest {
    pub ceremony_id: CeremonyId,
    pub credential: PresentedCredential,
    pub name: Option<PasskeyName>,
    pub client: Client,
}

/// Why no passkey was added.
#[derive(Debug, thiserror::Error)]
pub enum FinishPasskeyRegistrationError {
    /// The ceremony is unknown, over or used, or what was presented does not belong to it, or is
    /// kept already: one answer.
    #[error("the passkey is not accepted")]
    Refused,
    #[error("the account has as many passkeys as one may have")]
    Full,
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl FinishPasskeyRegistration {
    /// Uses up the ceremony, judges what was made in it, and keeps it.
    #[tracing::instrument(name = "finish_passkey_registration", skip_all, fields(ceremony.id = ?request.ceremony_id))]
    pub async fn execute(
        &self,
        principal: &Principal,
        request: FinishPasskeyRegistrationRequest,
    ) -> Result<Passkey, FinishPasskeyRegistrationError> {
        let now = self.clock.now();
        let user_id = principal.user.id;
        let taken = self.passkeys.take_registration(&request.ceremony_id, user_id, now).await;
        let state = taken.map_err(Fault::from)?.ok_or_else(|| refused("the ceremony is over"))?;
        let credential = self
            .ceremonies
            .finish_registration(user_id, &state, &request.credential)
            .map_err(|CredentialRefused(reason)| refused(reason))?;
        let passkey = NewPasskey {
            id: PasskeyId(self.secrets.id(now)),
            user_id,
            name: request.name,
            credential,
            max_per_user: Passkey::MOST_PER_USER,
            session_id: principal.session_id,
            event: event(&*self.secrets, EventName::PasskeyEnrolled, request.client, now)
                .notifying(&principal.user.phone),
        };
        match self.passkeys.add_passkey(&passkey, now).await.map_err(Fault::from)? {
            Added::Done(passkey) => {
                tracing::info!(event = "authn_passkey_enrolled", user.id = %user_id.0, passkey.id = %passkey.id.0);
                Ok(passkey)
            }
            Added::Known => Err(refused("the credential is known")),
            Added::Full => Err(FinishPasskeyRegistrationError::Full),
            Added::Gone => Err(FinishPasskeyRegistrationError::Gone),
        }
    }
}

fn refused(reason: &str) -> FinishPasskeyRegistrationError {
    tracing::info!(event = "input_validation_fail", reason, "a passkey was not accepted");
    FinishPasskeyRegistrationError::Refused
}
