//! A sign-in with nothing but a phone.

use std::sync::Arc;

use domain::{Challenge, Client, DestinationPolicy, Locale, PhoneNumber, SignInName};
use jiff::SignedDuration;
use ports::{Account, AccountStore, Clock, Subject};

use crate::{
    Fault,
    blind_challenges::{BlindChallengeError, BlindChallenges, Start},
};

/// Texts a code to a number that has an account. The code alone then opens a session, which is
/// one factor and says so: its `amr` is `sms`, and it is never fresh enough for what guards
/// the account.
///
/// Everything that the caller sees is the same for known and unknown numbers. An account with an
/// authenticator app, or a locked one, counts as none.
pub struct StartPhoneLogin {
    pub clock: Arc<dyn Clock>,
    pub accounts: Arc<dyn AccountStore>,
    pub destinations: DestinationPolicy,
    pub blind: Arc<BlindChallenges>,
}

/// The number to sign in with, and who asks.
#[derive(Debug)]
pub struct StartPhoneLoginRequest {
    pub phone: PhoneNumber,
    /// The language of the request, for accounts that chose none.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

/// Why no sign-in was started. Equal for numbers with and without account.
#[derive(Debug, thiserror::Error)]
pub enum StartPhoneLoginError {
    #[error("codes are not sent to this number")]
    DestinationNotAllowed,
    #[error("too many messages")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl StartPhoneLogin {
    /// Starts a sign-in, or finds the same one alive.
    #[tracing::instrument(name = "start_phone_login", skip_all)]
    pub async fn execute(&self, request: StartPhoneLoginRequest) -> Result<Challenge, StartPhoneLoginError> {
        let phone = request.phone;
        phone.sendable(&self.destinations).map_err(|_| StartPhoneLoginError::DestinationNotAllowed)?;
        let now = self.clock.now();
        let name = SignInName::Phone(phone.clone());
        let found = self.accounts.find_sign_in(&name, None, now).await.map_err(Fault::from)?;
        // Who enrolled an app wants more than a phone: the session would bypass it.
        let is_enough = |account: &Account| !account.user.second_factors.totp && account.lock.is_none();
        let enough = found.account.filter(is_enough);
        let user_id = enough.map(|account| account.user.id);
        let start = Start { request_locale: request.request_locale, client: request.client };
        let subject = |user_id| Subject::PhoneLogin { phone: phone.clone(), user_id };
        let challenge = self.blind.open(subject, user_id, start, now).await?;
        // Whoever asks has just named the number.
        Ok(Challenge { destination: Some(phone.clone()), ..challenge })
    }
}

impl From<BlindChallengeError> for StartPhoneLoginError {
    fn from(error: BlindChallengeError) -> Self {
        match error {
            BlindChallengeError::RateLimited { retry_after } => Self::RateLimited { retry_after },
            BlindChallengeError::Fault(fault) => Self::Fault(fault),
        }
    }
}
