//! Challenges, the codes sent for them and the guesses made at them.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::{
    ChallengeId, ChallengePolicy, ChallengeState, Channel, CountryCode, Locale, PasswordHash, PhoneNumber,
    ProviderId, Purpose, Quotas, SendReference, SessionId, User, UserId, VerificationId,
};
use jiff::Timestamp;

use crate::{NewSession, PendingRegistration, StoreError, ThrottleKey};

/// Whom a challenge is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Somebody new. Same e-mail, number and password hash: the same challenge.
    Registration(PendingRegistration),
    /// The sign-in of an account whose password was just right: the failures
    /// counted under the key are forgotten.
    Login {
        user_id: UserId,
        phone: PhoneNumber,
        throttle_key: ThrottleKey,
        /// The stored form of that password.
        password_hash: PasswordHash,
    },
    /// A signed-in user whose password was just right: failures counted under the key
    /// are forgotten. The right code puts a new session in the place of this one.
    StepUp {
        user_id: UserId,
        phone: PhoneNumber,
        throttle_key: ThrottleKey,
        /// The stored form of that password.
        password_hash: PasswordHash,
        session_id: SessionId,
    },
}

impl Subject {
    /// The number that gets the code.
    pub fn phone(&self) -> &PhoneNumber {
        match self {
            Self::Registration(registration) => &registration.phone,
            Self::Login { phone, .. } | Self::StepUp { phone, .. } => phone,
        }
    }

    /// What the challenge is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Registration(_) => Purpose::Registration,
            Self::Login { .. } => Purpose::Login,
            Self::StepUp { .. } => Purpose::StepUp,
        }
    }
}

/// What bounds a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendLimits {
    pub policy: ChallengePolicy,
    pub quotas: Quotas,
    /// The network of the client that causes the send.
    pub address: Option<IpAddr>,
}

/// A challenge to be opened, unless the same one lives already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChallenge {
    pub subject: Subject,
    /// Used if the challenge is new.
    pub id: ChallengeId,
    /// Used if the number has no live verification of this purpose.
    pub verification_id: VerificationId,
    /// Used if a message is to be sent.
    pub reference: SendReference,
    pub channel: Channel,
    pub locale: Option<Locale>,
    /// Where the number belongs, for the quota of its country.
    pub country: Option<CountryCode>,
    pub limits: SendLimits,
}

/// A further message for a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    pub id: ChallengeId,
    pub reference: SendReference,
    pub channel: Channel,
    pub limits: SendLimits,
}

/// A message that this caller, and nobody else, is to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedSend {
    pub reference: SendReference,
    pub challenge_id: ChallengeId,
    pub phone: PhoneNumber,
    pub channel: Channel,
    pub locale: Option<Locale>,
}

/// Whether a message is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendDecision {
    /// Yes, by the caller: it must settle the send afterwards.
    Reserved(ReservedSend),
    /// No: the number's cooldown runs, or the challenge has no sends left.
    Held,
    /// No: a quota is used up until about then.
    OverQuota { retry_at: Timestamp },
}

/// An open challenge, new or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub challenge: ChallengeState,
    pub send: SendDecision,
}

/// A guess to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    pub id: ChallengeId,
    /// What the answer would open: a challenge for anything else counts as closed, and
    /// no attempt is taken.
    pub purposes: &'static [Purpose],
    /// Bounds wrong codes of one account over challenges, if set. Registrations
    /// have no account: their number must stay open to its owner.
    pub quotas: Quotas,
}

/// An attempt that was taken. Only [`ChallengeStore::take_attempt`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub challenge_id: ChallengeId,
    pub verification_id: VerificationId,
    pub purpose: Purpose,
    pub phone: PhoneNumber,
    pub channel: Channel,
    /// `None` for a registration.
    pub user_id: Option<UserId>,
    /// What is left after this one.
    pub attempts_left: u32,
    /// The verification of the last settled send.
    pub provider_id: Option<ProviderId>,
    /// A send whose outcome nobody recorded: look it up before checking.
    pub unsettled: Option<SendReference>,
}

/// The answer to a wish to guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    Attempt(Attempt),
    /// Unknown, expired, used or exhausted.
    Closed,
    /// Too many wrong codes for this account, over challenges.
    OverQuota {
        retry_at: Timestamp,
    },
}

/// The answer to a right code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The code is used, the account exists, the session is open.
    Done(User),
    /// Somebody else was faster: the code was used already.
    Closed,
    /// The code was right and is used, but the number or e-mail of this
    /// registration belongs to an account.
    AccountExists,
}

/// Where challenges are kept.
///
/// A verification is the code last sent to one number for one purpose,
/// together with the guesses left at it. Challenges of that purpose and number
/// share it, so more registrations of a number never give more guesses. A
/// challenge is live while its time runs, its verification is the current one
/// and guesses are left. Every method decides its race with conditions inside
/// the database, never by reading first.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// Opens a challenge, or finds the live one of the same subject, and
    /// decides whether a message is to be sent: one round trip. `None`, and nothing
    /// happens, when the account is gone or its password is another meanwhile; a
    /// registration is always opened.
    ///
    /// Of any number of concurrent calls about one number, whatever their
    /// purpose, at most one gets [`SendDecision::Reserved`] in each cooldown.
    /// The reservation is stored before this returns.
    async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Result<Option<Opened>, StoreError>;

    /// Reserves a further message; `None` when the challenge is closed.
    /// The same promises as [`Self::open`].
    async fn reserve_resend(&self, resend: &Resend, now: Timestamp) -> Result<Option<Opened>, StoreError>;

    /// Records that a reserved message left, under the provider's handle.
    /// Without effect when a later send was reserved meanwhile.
    async fn settle_sent(&self, reference: SendReference, provider_id: &ProviderId)
    -> Result<(), StoreError>;

    /// Takes a reservation back: certainly nothing was sent, so neither
    /// cooldown, quota nor the challenge's count of sends may feel it. The
    /// code sent before, if any, stays valid.
    async fn settle_not_sent(&self, reference: SendReference) -> Result<(), StoreError>;

    /// Takes one attempt before the code is checked: neither a crash nor a
    /// race gives a free guess. Of 50 concurrent calls on a challenge with
    /// five attempts, exactly five get one.
    async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Taken, StoreError>;

    /// Gives an attempt back after a provider fault; without effect from the
    /// `max_given_back`-th time on.
    async fn give_back(&self, attempt: &Attempt, max_given_back: u32) -> Result<(), StoreError>;

    /// Uses the right code of a registration: account and session are created
    /// and every other pending registration of the number or e-mail is
    /// closed and the failures counted under both are forgotten, or none of it
    /// happens. Of any number of concurrent calls on
    /// one verification exactly one is not [`Redeemed::Closed`].
    async fn redeem_registration(
        &self,
        attempt: &Attempt,
        user_id: UserId,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError>;

    /// Uses the right code of a sign-in: the session is opened. `Closed` also
    /// when the account is gone meanwhile.
    async fn redeem_login(&self, attempt: &Attempt, session: &NewSession) -> Result<Redeemed, StoreError>;

    /// Uses the right code of a step-up: the session takes the place of the one that
    /// asked for it, whose tokens end. `Closed` also when that one has ended meanwhile.
    async fn redeem_step_up(&self, attempt: &Attempt, session: &NewSession) -> Result<Redeemed, StoreError>;

    /// Deletes at most `most` challenges, verifications, send and guess
    /// records that no rule looks at any more; returns how many went.
    async fn purge(&self, now: Timestamp, most: u32) -> Result<u64, StoreError>;
}
