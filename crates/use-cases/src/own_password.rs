//! The password of somebody who is signed in.

use domain::{Client, EventName, Password, SignInName};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Account, AccountStore, Candidate, PasswordFailure, PasswordHasher, SecretGenerator, SignIn, ThrottleKey,
};

use crate::{Fault, Principal, event::event};

/// What it takes to compare a password with a user's own.
pub(crate) struct OwnPassword<'a> {
    pub(crate) accounts: &'a dyn AccountStore,
    pub(crate) hasher: &'a dyn PasswordHasher,
    pub(crate) secrets: &'a dyn SecretGenerator,
}

/// The account whose password it was.
pub(crate) struct Proven {
    pub(crate) account: Account,
    /// What failures of the password are counted under.
    pub(crate) throttle_key: ThrottleKey,
}

/// Why the password proves nothing.
#[derive(Debug)]
pub(crate) enum Unproven {
    Wrong,
    RateLimited { retry_after: SignedDuration },
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Unproven {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl OwnPassword<'_> {
    /// Compares a password, at the pace that failures allow. A wrong one counts as a failure
    /// of the sign-in name, and its owner will read of it under the name `wrong`.
    pub(crate) async fn prove(
        &self,
        principal: &Principal,
        password: &Password,
        wrong: EventName,
        client: &Client,
        now: Timestamp,
    ) -> Result<Proven, Unproven> {
        let name = SignInName::Email(principal.user.email.clone());
        let SignIn { throttle_key, failures, account, .. } =
            self.accounts.find_sign_in(&name, None, now).await?;
        if let Some(retry_at) = failures.retry_at(now) {
            tracing::warn!(event = "authn_login_lock", "too many wrong passwords for one name");
            return Err(Unproven::RateLimited { retry_after: retry_at.duration_since(now) });
        }
        let account =
            account.filter(|account| account.user.id == principal.user.id).ok_or(Unproven::Wrong)?;
        let candidate = Candidate { owner: account.user.email.clone(), hash: account.password_hash.clone() };
        if self.hasher.find_match(password, &[candidate], 1).await?.is_some() {
            return Ok(Proven { account, throttle_key });
        }
        let event = event(self.secrets, wrong, client.clone(), now);
        let failure =
            PasswordFailure { key: throttle_key, owner: Some((account.user.id, event)), device: None };
        self.accounts.record_password_failure(&failure, now).await?;
        tracing::info!(event = wrong.as_str(), user.id = %account.user.id.0, "wrong password of a signed-in user");
        Err(Unproven::Wrong)
    }
}
