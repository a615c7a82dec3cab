//! The first half of a sign-in: the password.

use std::sync::Arc;

use domain::{
    Challenge, ChallengePolicy, Client, DestinationPolicy, DevicePolicy, DeviceToken, EventName, Locale,
    Password, PasswordHash, PhoneNumber, Quotas, SecondFactors, SendReference, SessionPolicy, SignInName,
    VerificationId,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AccessTokens, Account, AccountStore, Candidate, ChallengeStore, Clock, DeviceFailure, DeviceStore,
    NewChallenge, NumberRisk, PasswordFailure, PasswordHasher, PendingRegistration, PresentedDevice,
    SecretGenerator, SendLimits, SignIn, Subject, VerificationProvider,
};

use crate::{
    Fault, SignedIn,
    by_device::ByDevice,
    deliver::{Delivery, FirstCode, Numbers, Undelivered, may_send},
    event::event,
};

/// Checks a password and texts a code to the number that belongs to it.
///
/// Works for accounts and for registrations whose phone is not yet proven.
/// Known and unknown names cost the same hashes, slow down alike after
/// failures and get the same refusal. A remembered device needs no code, and does
/// not wait for the failures of others.
pub struct LogIn {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub tokens: Arc<dyn AccessTokens>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub accounts: Arc<dyn AccountStore>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub devices: Arc<dyn DeviceStore>,
    pub provider: Arc<dyn VerificationProvider>,
    pub number_risk: Arc<dyn NumberRisk>,
    pub destinations: DestinationPolicy,
    pub policy: ChallengePolicy,
    pub sessions: SessionPolicy,
    /// `None` when devices are not remembered: then their tokens are worth nothing.
    pub remembering: Option<DevicePolicy>,
    pub quotas: Quotas,
}

/// A name and a password, and who presents them.
#[derive(Debug)]
pub struct LogInRequest {
    pub name: SignInName,
    pub password: Password,
    /// Of a device that may be remembered.
    pub device_token: Option<DeviceToken>,
    /// The language of the request, for accounts that chose none.
    pub request_locale: Option<Locale>,
    pub client: Client,
}

/// What the right password opened.
#[derive(Debug)]
pub enum LoggedIn {
    /// A challenge: the code is next.
    OtpRequired(Challenge),
    /// A session, on a remembered device.
    Authenticated(SignedIn),
}

/// Why no sign-in was started.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Unknown name or wrong password.
    #[error("name or password is wrong")]
    InvalidCredentials,
    /// Too many wrong passwords or messages.
    #[error("too many attempts")]
    RateLimited { retry_after: SignedDuration },
    /// The password is right, but its number cannot be sent to.
    #[error("codes are not sent to this number")]
    DestinationNotAllowed,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LogIn {
    /// Starts a sign-in, or finds the same one alive; on a remembered device it is done.
    #[tracing::instrument(name = "log_in", skip_all)]
    pub async fn execute(&self, request: LogInRequest) -> Result<LoggedIn, LogInError> {
        let now = self.clock.now();
        let presented = self.presented(&request);
        let found = self.accounts.find_sign_in(&request.name, presented, now).await;
        let sign_in = found.map_err(Fault::from)?;
        if let Some(retry_at) = retry_at(&sign_in, now) {
            tracing::warn!(event = "authn_login_lock", "too many wrong passwords for one name");
            return Err(LogInError::RateLimited { retry_after: retry_at.duration_since(now) });
        }
        let Some(recognised) = self.recognise(&request, &sign_in).await? else {
            self.record_failure(&sign_in, request.client, now).await?;
            tracing::info!(event = "authn_login_fail", "wrong name or password");
            return Err(LogInError::InvalidCredentials);
        };
        if let Subject::Registration(_) = recognised.subject {
            // The password is not the account's, if there is one. Anybody can
            // register any password, so this must cost what a wrong one costs.
            self.record_failure(&sign_in, request.client.clone(), now).await?;
        }
        // The hash took its time: what follows counts from here.
        let now = self.clock.now();
        if let Some(presented) = presented {
            let (devices, secrets, tokens) = (&*self.devices, &*self.secrets, &*self.tokens);
            let by_device = ByDevice { devices, secrets, tokens, sessions: &self.sessions };
            let signed_in = by_device.sign_in(&recognised.subject, presented, &request.client, now).await?;
            if let Some(signed_in) = signed_in {
                return Ok(LoggedIn::Authenticated(signed_in));
            }
        }
        self.start(recognised, request, now).await.map(LoggedIn::OtpRequired)
    }

    /// The device token, if it can be worth anything.
    fn presented(&self, request: &LogInRequest) -> Option<PresentedDevice> {
        let (token, policy) = (request.device_token.as_ref()?, self.remembering.as_ref()?);
        let token = self.secrets.hash_device_token(token);
        Some(PresentedDevice { token, reuse_leeway: policy.reuse_leeway })
    }

    async fn record_failure(&self, sign_in: &SignIn, client: Client, now: Timestamp) -> Result<(), Fault> {
        let owner = sign_in.account.as_ref().map(|account| account.user.id);
        let event_of = |name| event(&*self.secrets, name, client.clone(), now);
        let failure = PasswordFailure {
            key: sign_in.throttle_key.clone(),
            owner: owner.map(|owner| (owner, event_of(EventName::LoginFail))),
            device: sign_in.device.map(|id| DeviceFailure {
                id,
                most: DevicePolicy::MAX_FAILURES,
                event: event_of(EventName::DeviceRevoked),
            }),
        };
        Ok(self.accounts.record_password_failure(&failure, now).await?)
    }

    /// Whose password it is: the account's, or else a pending registration's.
    async fn recognise(&self, request: &LogInRequest, sign_in: &SignIn) -> Result<Option<Recognised>, Fault> {
        let known = Known::of(sign_in);
        let candidates: Vec<Candidate> = known.iter().map(Known::candidate).collect();
        let least_hashes = least_hashes(&request.name, sign_in.imports_remain);
        let matched = self.hasher.find_match(&request.password, &candidates, least_hashes).await?;
        let Some(matched) = matched else { return Ok(None) };
        Ok(match known.get(matched.index) {
            Some(Known::Account(account)) if account.lock.is_none() => {
                let mut password_hash = account.password_hash.clone();
                if matched.outdated {
                    password_hash = self.upgrade(account, &request.password).await.unwrap_or(password_hash);
                }
                Some(Recognised {
                    locale: account.user.locale.clone(),
                    phone: account.user.phone.clone(),
                    second_factors: account.user.second_factors,
                    subject: Subject::Login {
                        user_id: account.user.id,
                        phone: account.user.phone.clone(),
                        throttle_key: sign_in.throttle_key.clone(),
                        password_hash,
                    },
                })
            }
            Some(Known::Registration(registration)) => {
                Some(Recognised::registration((*registration).clone()))
            }
            Some(Known::Imported(registration)) => {
                let registration = self.adopted(registration, &request.password, matched.outdated).await;
                Some(Recognised::registration(registration))
            }
            Some(Known::Account(_)) | None => None,
        })
    }

    /// The registration with a hash of our own, so that whoever registers anew with the same
    /// password finds the same challenge.
    async fn adopted(
        &self,
        imported: &PendingRegistration,
        password: &Password,
        outdated: bool,
    ) -> PendingRegistration {
        if !outdated {
            return imported.clone();
        }
        match self.hasher.hash(password, &imported.email).await {
            Ok(password_hash) => PendingRegistration { password_hash, ..imported.clone() },
            Err(error) => {
                let fault = Fault::from(error);
                tracing::warn!(error = &fault as &dyn std::error::Error, "a password hash was not upgraded");
                imported.clone()
            }
        }
    }

    /// Replaces the hash by a stronger one, which is then the stored one. The password is
    /// right either way: what fails here is tried again at the next sign-in.
    async fn upgrade(&self, account: &Account, password: &Password) -> Option<PasswordHash> {
        let stronger = self.strengthen(account, password).await;
        stronger
            .inspect_err(|fault| {
                tracing::warn!(error = fault as &dyn std::error::Error, "a password hash was not upgraded");
            })
            .ok()
    }

    async fn strengthen(&self, account: &Account, password: &Password) -> Result<PasswordHash, Fault> {
        let stronger = self.hasher.hash(password, &account.user.email).await?;
        let stored = &account.password_hash;
        self.accounts.upgrade_password_hash(account.user.id, stored, &stronger).await?;
        Ok(stronger)
    }

    async fn start(
        &self,
        recognised: Recognised,
        request: LogInRequest,
        now: Timestamp,
    ) -> Result<Challenge, LogInError> {
        let challenge = self.challenge(recognised, request, now)?;
        let delivery = Delivery {
            provider: &*self.provider,
            challenges: &*self.challenges,
            policy: &self.policy,
            channels: &self.destinations.channels,
            numbers: Some(Numbers { risk: &*self.number_risk, destinations: &self.destinations }),
        };
        let opened = delivery.open(&challenge, now).await?;
        opened.ok_or(LogInError::InvalidCredentials)
    }

    fn challenge(
        &self,
        recognised: Recognised,
        request: LogInRequest,
        now: Timestamp,
    ) -> Result<NewChallenge, LogInError> {
        let phone = recognised.phone;
        let may_send = may_send(&phone, &self.destinations, recognised.second_factors)
            .map_err(|_| LogInError::DestinationNotAllowed)?;
        let first = FirstCode::of(&self.destinations.channels, recognised.subject.purpose(), Some(&phone));
        Ok(NewChallenge {
            id: self.secrets.challenge_id(),
            verification_id: VerificationId(self.secrets.id(now)),
            reference: SendReference(self.secrets.id(now)),
            channel: first.channel,
            locale: recognised.locale.or(request.request_locale),
            country: phone.region(),
            may_send: may_send && first.is_sent,
            limits: SendLimits {
                policy: self.policy,
                quotas: self.quotas,
                address: request.client.network(),
            },
            subject: recognised.subject,
        })
    }
}

struct Recognised {
    subject: Subject,
    phone: PhoneNumber,
    locale: Option<Locale>,
    second_factors: SecondFactors,
}

/// When the next password may be tried. A remembered device does not wait: what strangers
/// fail at must not keep its owner out, and its own failures end it soon.
fn retry_at(sign_in: &SignIn, now: Timestamp) -> Option<Timestamp> {
    if sign_in.device.is_some() { None } else { sign_in.failures.retry_at(now) }
}

impl Recognised {
    fn registration(registration: PendingRegistration) -> Self {
        Self {
            locale: registration.locale.clone(),
            phone: registration.phone.clone(),
            second_factors: SecondFactors::default(),
            subject: Subject::Registration(registration),
        }
    }
}

/// Somebody who is known by the name.
enum Known<'a> {
    Account(&'a Account),
    Registration(&'a PendingRegistration),
    Imported(&'a PendingRegistration),
}

impl<'a> Known<'a> {
    /// The account comes first, for its owner's sake. A locked one comes last: it is compared
    /// only for the time that takes, and hides no registration with the same password.
    fn of(sign_in: &'a SignIn) -> Vec<Self> {
        let account = || sign_in.account.iter().map(Known::Account);
        let others = sign_in
            .registrations
            .iter()
            .map(Known::Registration)
            .chain(sign_in.imported.iter().map(Known::Imported));
        let is_locked = sign_in.account.as_ref().is_some_and(|account| account.lock.is_some());
        if is_locked { others.chain(account()).collect() } else { account().chain(others).collect() }
    }

    fn candidate(&self) -> Candidate {
        match self {
            Self::Account(account) => {
                Candidate { owner: account.user.email.clone(), hash: account.password_hash.clone() }
            }
            Self::Registration(registration) | Self::Imported(registration) => {
                Candidate { owner: registration.email.clone(), hash: registration.password_hash.clone() }
            }
        }
    }
}

/// An e-mail's candidates share a salt and cost one hash. A number's do not:
/// there is an account or none, and at least one registration or none, so that
/// two hashes hide which. An imported hash, of the account or in its place, has a salt of its own;
/// while there is one anywhere, an e-mail may have two salts as well and two hashes hide whose.
fn least_hashes(name: &SignInName, imports_remain: bool) -> usize {
    match name {
        SignInName::Email(_) if !imports_remain => 1,
        SignInName::Email(_) | SignInName::Phone(_) => 2,
    }
}

impl From<Undelivered> for LogInError {
    fn from(reason: Undelivered) -> Self {
        match reason {
            Undelivered::DestinationRefused => Self::DestinationNotAllowed,
            Undelivered::TooSoon { retry_after }
            | Undelivered::OverQuota { retry_after }
            | Undelivered::NumberHeld { retry_after }
            | Undelivered::Shielded { retry_after } => Self::RateLimited { retry_after },
            Undelivered::Unknown(fault) | Undelivered::Fault(fault) => Self::Fault(fault),
        }
    }
}
