//! A forgotten password.

use std::sync::Arc;

use domain::{Challenge, Client, Email, Locale, SignInName};
use ports::{AccountStore, Clock, Subject};

use crate::{
    Fault,
    blind_challenges::{BlindChallengeError, BlindChallenges, Start},
};

/// Texts a code to the number of the account with an e-mail, if there is one.
///
/// Everything that the caller sees is the same for known and unknown e-mails. A locked account
/// counts as none.
pub struct ForgotPassword {
    pub clock: Arc<dyn Clock>,
    pub accounts: Arc<dyn AccountStore>,
    pub blind: Arc<BlindChallenges>,
}

/// Whose password is forgotten, and who says so.
#[derive(Debug)]
pub struct ForgotPasswordRequest {
    pub email: Email,
    /// The language of the request, for accounts that chose none.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

impl ForgotPassword {
    /// Starts a reset, or finds the same one alive.
    #[tracing::instrument(name = "forgot_password", skip_all)]
    pub async fn execute(&self, request: ForgotPasswordRequest) -> Result<Challenge, BlindChallengeError> {
        let now = self.clock.now();
        let name = SignInName::Email(request.email.clone());
        let found = self.accounts.find_sign_in(&name, None, now).await.map_err(Fault::from)?;
        // Whoever an operator locked out gets no code; to the caller there is no difference.
        let account = found.account.filter(|account| account.lock.is_none());
        let user_id = account.map(|account| account.user.id);
        let subject = |user_id| Subject::PasswordReset { email: request.email.clone(), user_id };
        let start = Start { request_locale: request.request_locale, client: request.client };
        self.blind.open(subject, user_id, start, now).await
    }
}
